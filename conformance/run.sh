#!/bin/sh
# Runs the same jobs with the official Heroku CLI and with oauth-tools on identical sandboxes, and compares the accounts
# that they leave behind.
#
# Needs jq, node and npm. npm installs the official CLI into target/conformance (about 400 MB).
set -eu
cd "$(dirname "$0")/.."

version=11.10.0
work=$PWD/target/conformance
heroku=$work/node_modules/.bin/heroku
mkdir -p "$work/home" "$work/out"
if ! [ "$("$heroku" version 2>/dev/null | sed -n 's/^heroku\/\([^ ]*\).*/\1/p')" = "$version" ]; then
    npm install --prefix "$work" --no-audit --no-fund --silent "heroku@$version"
fi
export HOME="$work/home" DISABLE_TELEMETRY=1 HEROKU_SKIP_ANALYTICS=1 HEROKU_SKIP_NEW_VERSION_CHECK=1 NO_COLOR=1
export PATH="$work/node_modules/.bin:$PATH"

# Objects in the sandbox's built-in account, whose ids are the same in each run.
authz=$(oauth-sandbox oauth-ls authz -o csv | grep ',terraform,' | cut -d , -f 2)
client=$(oauth-sandbox oauth-ls client -o csv | grep ',Example CI,' | cut -d , -f 2)
session=$(oauth-sandbox oauth-ls session -o csv | grep 203.0.113.9 | cut -d , -f 2)
export authz client session

# Removes what differs from run to run: times. Of an expiry, only whether there is one is kept.
state() {
    jq -cS 'del(.created_at, .updated_at) | .expires_at |= (. != null)
        | (.. | objects | select(has("expires_in")) | .expires_in) |= (. != null)' "$1"
}

passed=0
all=0
# job NAME OFFICIAL OURS: runs both commands, which must succeed and leave the same account behind.
job() {
    all=$((all + 1))
    name=$1 verdict=same
    oauth-sandbox --dump "$work/out/official" sh -c "$2" >"$work/out/official.out" 2>&1 || verdict="the official CLI failed"
    oauth-sandbox --dump "$work/out/ours" sh -c "$3" >"$work/out/ours.out" 2>&1 || verdict="oauth-tools failed"
    state "$work/out/official" >"$work/out/official.state"
    state "$work/out/ours" >"$work/out/ours.state"
    cmp -s "$work/out/official.state" "$work/out/ours.state" || verdict="the accounts differ"
    if [ "$verdict" = same ]; then
        passed=$((passed + 1))
    else
        diff "$work/out/official.state" "$work/out/ours.state" || true
        cat "$work/out/official.out" "$work/out/ours.out"
    fi
    printf '%-24s %s\n' "$name" "$verdict"
}

# shellcheck disable=SC2016 # the inner shells expand the variables
{
# Without -j: version 11.10.0 of the official CLI crashes with it if an authorization has no description.
job authorizations         'heroku authorizations'                        'oauth-ls authz'
job authorizations:create  'heroku authorizations:create -d x -s read,write -e 3600' \
                           'oauth-mk authz -d x -s read,write -e 3600'
job authorizations:create-short 'heroku authorizations:create -S'         'oauth-mk authz -S'
job authorizations:info    'heroku authorizations:info "$authz"'          'oauth-ls authz "$authz"'
job authorizations:update  'heroku authorizations:update "$authz" -d new' 'oauth-set authz "$authz" -d new'
job authorizations:rotate  'heroku authorizations:rotate "$authz"'        'oauth-rot authz "$authz"'
job authorizations:revoke  'heroku authorizations:revoke "$authz"'        'oauth-rm authz "$authz"'
job clients                'heroku clients'                               'oauth-ls clients'
job clients:create         'heroku clients:create x https://x.example/cb -s' \
                           'oauth-mk client x https://x.example/cb --shell'
job clients:info           'heroku clients:info "$client"'                'oauth-ls client "$client"'
job clients:update         'heroku clients:update "$client" -n new --url https://new.example/cb' \
                           'oauth-set client "$client" --name new --url https://new.example/cb'
job clients:rotate         'heroku clients:rotate "$client"'              'oauth-rot client "$client"'
job clients:destroy        'heroku clients:destroy "$client"'             'oauth-rm client "$client"'
job sessions               'heroku sessions'                              'oauth-ls sessions'
job sessions:destroy       'heroku sessions:destroy "$session"'           'oauth-rm session "$session"'
}

printf '%s passed, %s failed\n' "$passed" "$((all - passed))"
[ "$passed" -eq "$all" ]
