#!/bin/sh
# Builds and packs the last commit in two folders, the second time with another cargo home, umask, locale and time zone,
# and compares the archives byte for byte.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
ln -s "${CARGO_HOME:-$HOME/.cargo}" "$work/cargo"

# pack FOLDER [VARIABLE=VALUE]...
pack() {
    folder=$1
    shift
    mkdir -p "$folder"
    git archive HEAD | tar -x -C "$folder"
    # The options and variables of the make that runs this script must not apply.
    env -u CARGO_TARGET_DIR -u BUILT -u SOURCE_DATE_EPOCH MAKEFLAGS='' "$@" make -C "$folder" dist
    (cd "$folder/target" && sha256sum -c SHA256SUMS)
    cat "$folder/target/SHA256SUMS"
}
pack "$work/a"
(umask 077 && pack "$work/another folder" CARGO_HOME="$work/cargo" TZ=Asia/Tokyo LC_ALL=C)

cmp "$work/a/target/SHA256SUMS" "$work/another folder/target/SHA256SUMS"
for archive in "$work"/a/target/oauth-tools-*.tar.gz; do
    cmp "$archive" "$work/another folder/target/${archive##*/}"
done
echo "both archives are the same"
