#!/bin/sh
# bridge.sh [-r RULE] BRIDGE [ARG...]: checks that a bridge keeps the rules of oauth-bridge(7), by running the tools
# through it, also with responses that are lost on the way. Prints a line for each rule, and fails if one is broken.
# With -r, it checks only the rule that is printed as RULE.
#
#     conformance/bridge.sh oauth-sandbox
#     conformance/bridge.sh -r 'stores nothing' oauth-sandbox
#     conformance/bridge.sh bridges/oauth-bridge-better-auth
#
# Give the bridge an account for tests: the script creates and removes clients named bridge-check-…, and tries to remove
# the session in use. Needs the tools on the path, curl and node.
set -u
only=
if [ "${1-}" = -r ]; then only=${2-}; shift; shift; fi
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for program in oauth-ls oauth-mk oauth-rm oauth-rot oauth-set curl node; do
    command -v "$program" > /dev/null || { echo "bridge.sh: it needs $program" >&2; exit 2; }
done
relay=$(cd "$(dirname "$0")" && pwd)/relay.js
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/home" "$work/tmp"

# The bridge's command line, as a program.
{
    printf '#!/bin/sh\nexec'
    for word; do printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")"; done
    printf ' "$@"\n'
} > "$work/bridge"
chmod 700 "$work/bridge"
name=bridge-check-$$
export relay work name
broken=0
checked=0

# wanted RULE: succeeds if the rule is to be checked.
wanted() {
    [ -z "$only" ] || [ "$only" = "$1" ] || return 1
    checked=$((checked + 1))
}
# check RULE SCRIPT [STATUS]: runs SCRIPT behind the bridge; the rule is kept if it exits with STATUS, by default 0.
check() {
    wanted "$1" || return
    "$work/bridge" sh -c "$lib
$2" > "$work/out" 2>&1 < /dev/null
    verdict "$1" $? "${3-0}"
}
verdict() {
    if [ "$2" -eq "$3" ]; then
        printf '%-58s kept\n' "$1"
    else
        broken=$((broken + 1))
        printf '%-58s BROKEN (exit status %s, not %s)\n' "$1" "$2" "$3"
        sed 's/^/    /; 12q' "$work/out"
    fi
}

# shellcheck disable=SC2016 # the inner shells expand the variables
{
# Of use to all scripts: ask METHOD PATH [BODY] prints the status, a blank and the body; all lists the clients of this
# run; field NAME prints the values of a text member.
lib='
ask() {
    curl -s --max-time 60 -X "$1" -H "Authorization: Bearer $HEROKU_API_KEY" -H "Content-Type: application/json" \
        -H "Accept: application/vnd.heroku+json; version=3" ${3:+-d "$3"} -w "\n%{http_code}" "$HEROKU_HOST$2" |
        awk "{ body = body last; last = \$0 } END { print last, body }"
}
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
all() { oauth-ls clients | grep "\"name\":\"$name" ; }
make() { n=$1; shift; oauth-mk client "$name-$n" https://bridge.example/cb --retry-for 3 "$@"; }
die() { echo "$*"; exit 1; }
'
check 'ends with the status of its command'              'exit 7' 7
check 'reports the signal that killed its command'       'kill -KILL $$' 137
check 'sets HEROKU_HOST to loopback, and a key'          'case $HEROKU_HOST in
    http://127.0.0.1:*|http://localhost:*|http://\[::1\]:*) ;; *) die "$HEROKU_HOST" ;; esac
    [ -n "$HEROKU_API_KEY" ] && oauth-ls clients'
check 'listens on loopback only'                         'port=${HEROKU_HOST##*:}
    for host in 127.0.0.2 $(hostname -I 2>/dev/null); do
        case $host in *:*) host="[$host]" ;; esac
        ! curl -s -o /dev/null --max-time 3 --noproxy "*" "http://$host:$port/" || die "it responds on $host"
    done'
check 'passes the credential of the caller on'           'HEROKU_API_KEY=wrong-1234567890 oauth-ls clients --retry-for 0' 4

# A signal for the bridge reaches the command.
if wanted 'passes signals on'; then
    "$work/bridge" sh -c 'trap "exit 9" TERM; : > "$work/ready"; for n in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & wait $!; done' \
        > "$work/out" 2>&1 < /dev/null &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e "$work/ready" ] || sleep 0.5; done
    kill -TERM "$pid"
    wait "$pid"
    verdict 'passes signals on'                              $? 9
fi

if wanted 'stores nothing'; then
    HOME=$work/home TMPDIR=$work/tmp "$work/bridge" sh -c 'echo "$HEROKU_API_KEY" > "$work/key"; oauth-ls' > "$work/out" 2>&1
    [ -s "$work/key" ] && ! grep -r -F -f "$work/key" "$work/home" "$work/tmp" >> "$work/out" 2>&1
    verdict 'stores nothing'                                 $? 0
fi

check 'a new client is listed once, and is dated now'    'id=$(make dated | field id)
    [ "$(all | grep -c -- "-dated\"")" = 1 ] || die "it is not listed once: $(all)"
    ! oauth-ls clients --older-than 5m -o id | grep -x -- "$id" || die "it is dated in the past"
    sleep 2; oauth-ls clients --older-than 1 -o id | grep -x -- "$id" || die "it is dated in the future"'
check 'a list is whole, and has each object once'        'for n in 1 2 3 4 5 6; do make "whole$n" -o id; done > "$work/made"
    oauth-ls clients -o id > "$work/listed"
    while read -r id; do grep -q -x -- "$id" "$work/listed" || die "$id is missing"; done < "$work/made"
    [ -z "$(sort "$work/listed" | uniq -d)" ] || die "an id is listed twice"'
check 'an id is not used again'                          'for n in 1 2 3; do
        id=$(make "again$n" -o id) || exit 1
        case " $ids " in *" $id "*) die "$id was used before" ;; esac
        ids="$ids $id"
        oauth-rm client "$id" || exit 1
    done'
check 'what does not exist is not_found'                 'id=$(make gone -o id) && oauth-rm client "$id" || exit 1
    for method in GET PATCH DELETE; do
        case $(ask $method "/oauth/clients/$id" "{}") in 404*\"id\":\"not_found\"*) ;;
            405*) ;; *) die "$method: $(ask $method "/oauth/clients/$id" "{}")" ;; esac
    done
    ! oauth-rm client "$id" && oauth-rm -f client "$id"'
check 'the object in use is marked, and protected'       'own=$(oauth-ls authz | grep "\"current\":true")
    [ "$(printf "%s\n" "$own" | grep -c current)" = 1 ] || die "no authorization, or several, may be in use"
    ! printf "%s\n" "$own" | oauth-rm || die "it was removed"
    oauth-ls authz | grep "\"current\":true"'
check 'other clients can be removed'                     'id=$(make other -o id) && oauth-rm client "$id"'
check 'create and rotate give a secret and the same id'  'made=$(make secret) && id=$(printf "%s" "$made" | field id)
    old=$(printf "%s" "$made" | field secret)
    for n in 1 2; do
        new=$(oauth-rot client "$id" --retry-for 3) || exit 1
        [ "$(printf "%s" "$new" | field id)" = "$id" ] || die "another id"
        secret=$(printf "%s" "$new" | field secret)
        [ -n "$secret" ] && [ "$secret" != "$old" ] || die "no new secret"
        old=$secret
    done'
check 'a create whose response is lost makes one client' '"$relay" lose:POST:/oauth/clients oauth-mk --once client \
        --retry-for 10 "$name-lost" https://bridge.example/cb | grep "\"secret\":\"[^*]*\"" || exit 1
    [ "$(all | grep -c -- "-lost\"")" = 1 ]'
check 'a rotation whose response is lost gives a secret' 'id=$(make rotated -o id)
    [ "$("$relay" lose:POST:/oauth/clients/ oauth-rot client "$id" | field id)" = "$id" ] || exit 1
    [ "$(all | grep -c -- "-rotated\"")" = 1 ]'
check 'a change whose response is lost is made'          'id=$(make before -o id)
    "$relay" lose:PATCH:/oauth/clients/ oauth-set client "$id" --name "$name-after" || exit 1
    [ "$(oauth-ls client "$id" | field name)" = "$name-after" ]'
check 'a removal whose response is lost is done'         'id=$(make removed -o id)
    "$relay" lose:DELETE:/oauth/clients/ oauth-rm client "$id" || exit 1
    ! oauth-ls client "$id"'
check 'what the server lacks is method_not_allowed'      'none=00000000-0000-0000-0000-000000000000
    for call in "GET clients/$none" "PATCH clients/$none" "DELETE clients/$none" \
        "POST clients/$none/actions/rotate-credentials" "GET sessions/$none" "DELETE sessions/$none" \
        "GET authorizations/$none" "PATCH authorizations/$none" "DELETE authorizations/$none" "POST tokens" \
        "POST authorizations/$none/actions/regenerate-tokens" "DELETE tokens/$none"; do
        reply=$(ask "${call%% *}" "/oauth/${call#* }" "{}")
        case $reply in
            405*\"id\":\"method_not_allowed\"*|404*\"id\":\"not_found\"*) ;;
            405*|404*|5*|2*) die "$call: $reply" ;;
            4*\"id\":\"*) ;;
            *) die "$call: $reply" ;;
        esac
    done'
check 'the account has an email, and a token can be tried' 'case $(ask GET /account) in
        200*\"email\":\"*) ;; *) die "$(ask GET /account)" ;; esac
    case $(ask GET /account/rate-limits) in 200*|403*) ;; *) die "$(ask GET /account/rate-limits)" ;; esac'
check 'RateLimit-Remaining is the quota, or absent'      'left=$(curl -s -D - -o /dev/null -H "Authorization: Bearer $HEROKU_API_KEY" \
        -H "Accept: application/vnd.heroku+json; version=3" "$HEROKU_HOST/account" |
        tr -d "\r" | sed -n "s/^[Rr]ate[Ll]imit-[Rr]emaining: //p")
    [ -n "$left" ] || exit 0
    now=$(ask GET /account/rate-limits | sed -n "s/.*\"remaining\": *\([0-9]*\).*/\1/p")
    [ "$((now - left))" -le 100 ] && [ "$((left - now))" -le 100 ] || die "the header says $left, the account ${now:-nothing}"'
check 'an unknown scope is refused'                      'case $(ask POST /oauth/authorizations \
        "{\"scope\":[\"no-such-scope\"],\"description\":\"$name\",\"expires_in\":60}") in
        4*\"id\":\"*) ;; *) die "it was not refused" ;; esac'
}

"$work/bridge" sh -c 'oauth-ls clients | grep "\"name\":\"bridge-check-" | oauth-rm -o id' > /dev/null 2>&1
[ "$checked" -gt 0 ] || { echo "bridge.sh: there is no rule '$only'" >&2; exit 2; }
[ "$broken" -eq 0 ] || { echo "$broken rules are broken"; exit 1; }
