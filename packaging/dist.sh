#!/bin/sh
# dist.sh BUILT OUT: packs the programs in BUILT, with everything that `make install` needs without cargo, into
# OUT/oauth-tools-VERSION-TARGET.tar.gz, and writes OUT/SHA256SUMS.
#
# The archive is reproducible: the same programs give the same bytes.
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"

target=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
: "${version:?}" "${target:?}"
name=oauth-tools-$version-$target

work=$(mktemp -d "$out/dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/$name" "$work/$name/bin" "$work/$name/man" "$work/$name/completions"
for page in man/*.1; do
    tool=${page#man/}
    install -m 755 "$built/${tool%.1}" "$work/$name/bin"
done
install -m 644 man/*.[157] "$work/$name/man"
install -m 644 completions/* "$work/$name/completions"
install -m 644 LICENSE CHANGELOG.md README.md "$work/$name"
install -m 644 packaging/install.mk "$work/$name/Makefile"

tar -C "$work" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX -cf "$work/$name.tar" "$name"
gzip -9n "$work/$name.tar"
(cd "$work" && sha256sum "$name.tar.gz" > SHA256SUMS)
# Files in mktemp's folder are private; the results must be readable by everyone.
chmod 644 "$work/$name.tar.gz" "$work/SHA256SUMS"
mv "$work/$name.tar.gz" "$work/SHA256SUMS" "$out"
echo "$out/$name.tar.gz"
