#!/bin/sh
# deb.sh BUILT OUT: packs the programs in BUILT, the man pages and the completions into
# OUT/oauth-tools_VERSION_ARCH.deb. DEBFULLNAME and DEBEMAIL name the maintainer.
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"

arch=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-the oauth-tools authors} <${DEBEMAIL:-oauth-tools@example.org}>"
root=$out/deb
rm -rf "$root"
# The options and variables of the make that runs this script must not apply.
MAKEFLAGS='' make install BUILT="$built" DESTDIR="$root" PREFIX=/usr

# Debian does not want copies of a file, so all tools but one get links.
share=$root/usr/share
for tool in "$root"/usr/bin/*; do
    tool=${tool##*/}
    [ "$tool" = oauth-ls ] && continue
    ln -sf oauth-ls "$share/bash-completion/completions/$tool"
    ln -sf oauth-ls.fish "$share/fish/vendor_completions.d/$tool.fish"
done
find "$root/usr/share/man" -type f -exec gzip -9n {} +
doc=$root/usr/share/doc/oauth-tools
mkdir -p "$doc" "$root/usr/share/zsh/vendor-completions" "$root/DEBIAN"
mv "$root/usr/share/zsh/site-functions/_oauth_tools" "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
    printf 'Upstream-Name: oauth-tools\n\nFiles: *\nCopyright: 2026 the oauth-tools authors\nLicense: Expat\n'
    sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
} > "$doc/copyright"
{
    printf 'oauth-tools (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md in the sources.\n\n' "$version"
    printf ' -- %s  %s\n' "$maintainer" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n > "$doc/changelog.gz"
cat > "$root/DEBIAN/control" <<CONTROL
Package: oauth-tools
Version: $version
Architecture: $arch
Maintainer: $maintainer
Section: utils
Priority: optional
Depends: libc6 (>= 2.34), libgcc-s1
Recommends: ca-certificates
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Description: Unix tools for the OAuth objects of a Heroku account
 Small programs that list, make, revoke, rotate and change a Heroku account's
 OAuth clients, authorizations, sessions and tokens. They read and write one
 record a line, so that they work in pipelines, Makefiles and shell scripts,
 and come with a sandbox in which a script can be rehearsed.
CONTROL
(cd "$root" && find usr -type f -exec md5sum {} + | LC_ALL=C sort -k 2 > DEBIAN/md5sums)
chmod -R u=rwX,go=rX "$root"
dpkg-deb --root-owner-group --build "$root" "$out/oauth-tools_${version}_$arch.deb"
