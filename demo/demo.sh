#!/bin/sh
# A one-minute tour of the tools, in a sandbox on this machine.
set -eu

if [ "${1-}" != inside ]; then
    exec oauth-sandbox sh "$0" inside
fi

show() { printf '\n$ %s\n' "$*"; sh -c "$*"; }

show "oauth-ls authz -o table"
show "oauth-ls authz | grep expired | oauth-rm -n -o table"
show "oauth-ls authz | grep expired | oauth-rm -o table"
show "oauth-ls authz --status expired -o id | wc -l"
show "oauth-mk authz -d 'made by make demo' -s read -e 1h -o table"
show "oauth-ls authz -o csv --sort created_at | tail -n 1"
echo
echo "All of this happened in a sandbox: no real account was used."
