# Begins dist.sh and deb.sh, which get two folders: where the programs are, and where the package goes.
# shellcheck shell=sh disable=SC2034
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
built=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
cd "$top"

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# The time that files in a package carry. Outside a repository it is that of the changelog, to which the archive of a
# commit gives the commit's time.
if [ -z "${SOURCE_DATE_EPOCH-}" ]; then
    if [ -e .git ]; then
        SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    else
        SOURCE_DATE_EPOCH=$(date -r CHANGELOG.md +%s)
    fi
fi
export SOURCE_DATE_EPOCH
