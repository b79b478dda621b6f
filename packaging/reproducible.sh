#!/bin/sh
# Builds one program from the committed sources in two folders, and compares the bytes.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in "$work/a" "$work/another folder"; do
    mkdir -p "$folder"
    git archive HEAD | tar -x -C "$folder"
    (cd "$folder" && env -u CARGO_TARGET_DIR "${CARGO:-cargo}" build --quiet --release --locked --bin oauth-ls)
done
sha256sum "$work/a/target/release/oauth-ls" "$work/another folder/target/release/oauth-ls"
cmp "$work/a/target/release/oauth-ls" "$work/another folder/target/release/oauth-ls"
echo "the same bytes from two folders"
