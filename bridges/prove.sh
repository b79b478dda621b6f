#!/bin/sh
# Runs the tools through oauth-bridge-better-auth on a real Better Auth server, also with responses lost on the way, and
# judges by the server's database. Needs node 18 or later, npm, curl, and what node-gyp needs to compile better-sqlite3:
# python3, make and a C++ compiler.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
work=${1:-target}/bridge
mkdir -p "$work"
work=$(cd "$work" && pwd)
bridge=$top/bridges/oauth-bridge-better-auth
relay=$top/conformance/relay.js

cd "$work"
packages='better-auth@1.7 @better-auth/oauth-provider@1.7 better-sqlite3@12'
if [ ! -e installed ] || [ "$(cat installed)" != "$packages" ]; then
    rm -rf node_modules package.json package-lock.json installed
    echo '{"private":true}' > package.json
    # shellcheck disable=SC2086 # several packages
    npm install --legacy-peer-deps --no-audit --no-fund --silent $packages
    node -e 'new (require("better-sqlite3"))(":memory:")' 2>/dev/null || npm rebuild better-sqlite3
    echo "$packages" > installed
fi

rm -f server.db* started
node "$top/bridges/server.mjs" server.db > started 2> server.log &
server=$!
trap 'kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; rm -f server.db* started' EXIT
trap 'exit 1' HUP INT TERM
for _ in $(seq 120); do
    [ -s started ] && break
    kill -0 "$server" || { cat server.log; exit 1; }
    sleep 1
done
read -r BETTER_AUTH_URL BETTER_AUTH_TOKEN < started
export BETTER_AUTH_URL BETTER_AUTH_TOKEN BETTER_AUTH_LIST_LIMIT=10000

# The server's own table, not through the bridge.
count() {
    node -e 'const db = new (require("better-sqlite3"))("server.db", { readonly: true });
        console.log(db.prepare("SELECT count(*) AS n FROM oauthClient WHERE name LIKE ?").get(process.argv[1]).n)' "$1"
}
stored() {
    node -e 'const db = new (require("better-sqlite3"))("server.db", { readonly: true });
        console.log(db.prepare("SELECT clientSecret FROM oauthClient WHERE name = ?").get(process.argv[1]).clientSecret)' "$1"
}
# The server keeps the SHA-256 of a secret.
hash() { node -e 'console.log(require("crypto").createHash("sha256").update(process.argv[1]).digest("base64url"))' "$1"; }
is() { if [ "$2" = "$3" ]; then echo "ok: $1: $2"; else echo "FAILED: $1: $2, not $3"; exit 1; fi; }
show() { printf '\n$ %s\n' "$*"; }

echo "== conformance"
sh "$top/conformance/bridge.sh" "$bridge"
is "clients at the server" "$(count %)" 200

echo
echo "== clean-up"
show "oauth-ls clients, with the server's default limit of 100"
status=0
BETTER_AUTH_LIST_LIMIT='' "$bridge" oauth-ls clients -o id || status=$?
is "exit status" "$status" 1

show "oauth-ls clients --older-than 180d > stale"
"$bridge" oauth-ls clients --older-than 180d > stale
is "stale" "$(wc -l < stale | tr -d ' ')" 180

show "oauth-rm -n < stale"
"$bridge" oauth-rm -n < stale > plan
tail -n 1 plan
is "planned" "$(grep -c would-delete plan)" 180
is "clients at the server" "$(count %)" 200

show "oauth-rm --rest left < stale, one response lost before the bridge and one after it"
"$relay" --at BETTER_AUTH_URL lose:POST:/api/auth/oauth2/delete-client \
    "$bridge" "$relay" lose:DELETE:/oauth/clients/ oauth-rm --rest left < stale > gone
is "removed" "$(grep -c '"status":"deleted"' gone)" 180
is "stale clients at the server" "$(count 'stale %')" 0
is "fresh clients at the server" "$(count 'fresh %')" 20
is "left to do" "$(wc -c < left | tr -d ' ')" 0

show "oauth-mk --once client - < new.csv, a response lost; then again"
printf 'name,redirect_uri\nShop,https://shop.example/cb\nBlog,https://blog.example/cb\n' > new.csv
"$relay" --at BETTER_AUTH_URL lose:POST:/api/auth/oauth2/create-client "$bridge" oauth-mk --once client - -o id < new.csv
"$bridge" oauth-mk --once client - -o csv < new.csv | cut -d , -f 1,3
is "Shop at the server" "$(count Shop)" 1
is "Blog at the server" "$(count Blog)" 1

show "oauth-ls clients | grep Shop | oauth-rot --exec 'cat > secret', a response lost"
umask 077
"$bridge" oauth-ls clients | grep Shop |
    "$relay" --at BETTER_AUTH_URL lose:POST:/api/auth/oauth2/client/rotate-secret "$bridge" oauth-rot --exec 'cat > secret' -o id
is "secret at the server" "$(stored Shop)" "$(hash "$(cat secret)")"
rm -f secret

show "oauth-mk authz -"
status=0
printf 'description,scope\na,openid\nb,openid\n' | "$bridge" oauth-mk authz - || status=$?
is "exit status" "$status" 1

show "oauth-ls sessions | oauth-rm"
status=0
"$bridge" oauth-ls sessions | "$bridge" oauth-rm || status=$?
is "exit status" "$status" 1
"$bridge" oauth-ls clients -o id > listed
is "the session in use still works; clients" "$(wc -l < listed | tr -d ' ')" 22
echo
echo "all as it should be"
