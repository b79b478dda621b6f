#!/bin/sh
# Checks bridge.sh: the sandbox keeps all rules, also behind a relay that breaks none, and each bad bridge of relay.js
# breaks the rule that it is meant to.
# Needs the tools on the path, curl and node.
set -u
cd "$(dirname "$0")" || exit
failed=0
sh bridge.sh oauth-sandbox || failed=1
echo "behind relay.js:"
sh bridge.sh oauth-sandbox ./relay.js break:none || failed=1

# RULE: the rule of bridge.sh that must be reported as broken.
while IFS=: read -r rule line; do
    found=$(sh bridge.sh -r "$line" oauth-sandbox ./relay.js "break:$rule" 2>&1)
    if printf '%s\n' "$found" | grep -q "^$line .*BROKEN"; then
        printf 'break:%-12s noticed: %s\n' "$rule" "$line"
    else
        failed=1
        printf 'break:%-12s NOT NOTICED\n%s\n' "$rule" "$found"
    fi
done << RULES
status:ends with the status of its command
signal:passes signals on
everywhere:listens on loopback only
stores:stores nothing
credential:passes the credential of the caller on
dates:a new client is listed once, and is dated now
twice:a new client is listed once, and is dated now
cut:a list is whole, and has each object once
reuse:an id is not used again
gone:what does not exist is not_found
mask:the object in use is marked, and protected
secret:create and rotate give a secret and the same id
new-id:create and rotate give a secret and the same id
verb:what the server lacks is method_not_allowed
absent:what the server lacks is method_not_allowed
quota:RateLimit-Remaining is the quota, or absent
scope:an unknown scope is refused
RULES
exit "$failed"
