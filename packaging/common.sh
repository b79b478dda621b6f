# Sourced by dist.sh and deb.sh. Their arguments are the folder with the programs and the folder for the package.
# shellcheck shell=sh disable=SC2034
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
built=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
cd "$top"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# The timestamp of the files in a package: the commit's. Outside a repository it is that of CHANGELOG.md, because git
# archive gives all files the commit's time.
if [ -z "${SOURCE_DATE_EPOCH-}" ]; then
    if [ -e .git ]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    else
        SOURCE_DATE_EPOCH=$(date -r CHANGELOG.md +%s)
    fi
fi
export SOURCE_DATE_EPOCH
