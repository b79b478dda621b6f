#!/bin/sh
# Records a real run in a sandbox, and draws it as the README's picture: sh demo/picture.sh FILE.svg
#
# Needs asciinema 2.2 or later (Debian: asciinema) and svg-term-cli (npm), whose program is SVG_TERM.
set -eu

case ${1-} in
run)
    # What is recorded. Each command is typed, then run.
    sleep 0.5
    while IFS= read -r command <&3; do
        printf '\033[1m$\033[0m '
        rest=$command
        while [ -n "$rest" ]; do
            printf '%.1s' "$rest"
            rest=${rest#?}
            sleep 0.03
        done
        sleep 0.4
        echo
        sh -c "$command"
        echo
        sleep 1.5
    done 3<<'COMMANDS'
oauth-ls authz
oauth-ls authz | grep expired | oauth-rm -n
oauth-ls authz | grep expired | oauth-rm
oauth-ls authz --match 'deploy from' | oauth-rot --replace --exec 'cat > key'
COMMANDS
    ;;
*.svg)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    account=$PWD/demo/account.ndjson
    script=$PWD/demo/picture.sh
    (cd "$work" && asciinema rec --quiet --cols 100 --rows 30 --idle-time-limit 2 \
        -c "oauth-sandbox --load '$account' sh '$script' run" cast)
    "${SVG_TERM:-svg-term}" --in "$work/cast" --out "$1" --window --no-cursor --width 100 --height 30
    ;;
*)
    echo 'usage: sh demo/picture.sh FILE.svg' >&2
    exit 2
    ;;
esac
