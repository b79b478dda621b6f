#!/bin/sh
# Compares our reader of netrc files with Python's netrc module and the official client's netrc-parser, on generated files:
# where one of them finds a token and the file is not ambiguous, ours must find the same.
#
# usage: netrc.sh [COUNT [SEED]]
#
# Needs python3, node and npm. npm installs netrc-parser into target/conformance/netrc.
set -eu
cd "$(dirname "$0")/.."

version=3.1.6
count=${1:-5000} seed=${2:-1}
work=$PWD/target/conformance/netrc
mkdir -p "$work"
if ! [ "$(node -p 'require(process.argv[1]).version' "$work/node_modules/netrc-parser/package.json" 2>/dev/null)" = "$version" ]; then
    npm install --prefix "$work" --no-audit --no-fund --silent "netrc-parser@$version"
fi

python3 conformance/netrc_cases.py generate "$count" "$seed" >"$work/files"
python3 conformance/netrc_cases.py read "$work/files" >"$work/python"
NODE_PATH="$work/node_modules" node conformance/netrc_official.js "$work/files" >"$work/official"
"${CARGO:-cargo}" run --quiet --locked --example netrc <"$work/files" >"$work/ours"
printf 'seed %s, ' "$seed"
python3 conformance/netrc_cases.py judge "$work"
