#!/bin/sh
# Compares the speed and memory of oauth-tools with curl and jq. Absolute times depend on the machine; read the ratios.
#
# Needs curl, jq and GNU time (Debian: curl jq time). Also compares with the official CLI if `make conformance` has
# installed it. LINE is the program examples/line.rs, built. BENCH_RECORDS is the number of records to read (1000000), BENCH_LIST the number to list (100000).
set -eu

if [ "${1-}" != inside ]; then
    for tool in curl jq; do
        command -v "$tool" >/dev/null || { echo "bench: $tool is missing" >&2; exit 1; }
    done
    [ -x /usr/bin/time ] || { echo "bench: GNU time is missing" >&2; exit 1; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT INT TERM
    export work heroku="$PWD/target/conformance/node_modules/.bin/heroku"
    echo "size of each program, stripped (limit: 3 MB)"
    for tool in "$(dirname "$(command -v oauth-ls)")"/oauth-*; do
        case $tool in *.d) ;; *) printf '  %-16s %8s bytes\n' "${tool##*/}" "$(wc -c <"$tool")" ;; esac
    done
    oauth-sandbox sh "$0" inside calls
    oauth-sandbox --authz "${BENCH_LIST:-100000}" sh "$0" inside list
    oauth-sandbox --authz 2100 --latency 20ms sh "$0" inside bulk-ours
    oauth-sandbox --authz 2100 --latency 20ms sh "$0" inside bulk-curl
    oauth-sandbox --authz 1000 sh "$0" inside read
    "$LINE" 25 980 sh "$0" inside line
    sh "$0" inside quota
    exit
fi

if [ "$2" = quota ]; then
    # calls TEXT LIMIT SCRIPT: counts the requests of a script, without those before it that only make its input.
    calls() {
        made=$(oauth-sandbox -v --authz 1000 sh -c "$4" 2>&1 >/dev/null | sed -n 's/.*: \([0-9]*\) requests.*/\1/p')
        printf '  %-44s %5d calls (limit: %d)\n' "$1" "$((made - $2))" "$3"
    }
    some='grep generated | head -n 100'
    echo "calls of the API for a job"
    calls "list 1,000 authorizations and a few" 0 2 "oauth-ls authz"
    calls "revoke 100 records" 2 103 "oauth-ls authz | $some | oauth-rm"
    calls "rotate 100 records" 2 103 "oauth-ls authz | $some | oauth-rot"
    calls "change 100 descriptions" 2 102 "oauth-ls authz | $some | oauth-set authz -d x"
    calls "show 100 ids" 2 100 "oauth-ls authz -o id | head -n 100 | oauth-ls authz -"
    calls "oauth-mk --once, all there already" 1 1 "oauth-ls clients -o csv | oauth-mk --once client -"
    exit
fi

accept='Accept: application/vnd.heroku+json; version=3'
bearer="Authorization: Bearer $HEROKU_API_KEY"
url=$HEROKU_HOST/oauth/authorizations

# us TIMES COMMAND: prints the microseconds per run of COMMAND. Run short commands many times, because date(1) takes time too.
us() {
    times=$1
    shift
    from=$(date +%s%N)
    left=$times
    while [ "$left" -gt 0 ]; do
        "$@" >/dev/null 2>&1
        left=$((left - 1))
    done
    to=$(date +%s%N)
    echo $(((to - from) / 1000 / times))
}
# Prints the median of the numbers on standard input.
median() { sort -n | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }'; }
# compare RUNS TIMES A B: runs A and B in turn, and prints the medians of A, of B, and of the ratio A / B.
compare() {
    i=0
    : >"$work/a"
    : >"$work/b"
    : >"$work/r"
    while [ "$i" -lt "$1" ]; do
        a=$(us "$2" "$3")
        b=$(us "$2" "$4")
        echo "$a" >>"$work/a"
        echo "$b" >>"$work/b"
        awk "BEGIN { print $a / $b }" >>"$work/r"
        i=$((i + 1))
    done
    printf '  %-12s %9.2f ms' "$3" "$(awk "BEGIN { print $(median <"$work/a") / 1000 }")"
    printf '  %-12s %9.2f ms  ratio %.4f\n' "$4" "$(awk "BEGIN { print $(median <"$work/b") / 1000 }")" "$(median <"$work/r")"
}
# Prints the peak memory of a command, in KiB.
peak() { /usr/bin/time -f %M -o "$work/peak" "$@" >/dev/null && cat "$work/peak"; }

version() { oauth-ls --version; }
nothing() { /bin/true; }
one_call() { oauth-ls clients; }
one_curl() { curl -sf -H "$accept" -H "$bearer" "$HEROKU_HOST/oauth/clients"; }
official() { "$heroku" clients; }
listing() { oauth-ls authz >"$work/list"; }
curl_pages() {
    range='id ..; max=1000'
    while [ -n "$range" ]; do
        curl -sf -D "$work/head" -H "$accept" -H "$bearer" -H "Range: $range" "$url"
        range=$(sed -n 's/^[Nn]ext-[Rr]ange: //p' "$work/head" | tr -d '\r')
    done
}
curl_loop() { curl_pages >"$work/pages"; }
curl_loop_jq() { curl_pages | jq -c '.[]' >"$work/jq"; }
dry_run() { oauth-rm -n <"$work/million" >"$work/would"; }
jq_ids() { jq -c .id <"$work/million" >"$work/ids"; }

# ideal MILLISECONDS LIMIT OURS THEIRS: compares a job over the line with the least time it could take, and with curl.
ideal() {
    "$3" >/dev/null
    rounds=0
    : >"$work/a"
    : >"$work/b"
    while [ "$rounds" -lt 4 ]; do
        us 1 "$3" >>"$work/a"
        us 1 "$4" >>"$work/b"
        rounds=$((rounds + 1))
    done
    awk -v ideal="$1" -v limit="$2" -v ours="$(median <"$work/a")" -v theirs="$(median <"$work/b")" 'BEGIN {
        printf "  %.0f ms, ideal %d ms, ratio %.3f (limit: %s); curl %.0f ms, ratio %.3f\n",
            ours / 1000, ideal, ours / 1000 / ideal, limit, theirs / 1000, ours / theirs }'
}
authz_urls() { sed "s#.*#url=$url/&\noutput=/dev/null#"; }
parallel_curl() { curl -s --cacert "$SSL_CERT_FILE" -Z --parallel-max 8 -H "$accept" -H "$bearer" "$@"; }

far_call() { oauth-ls clients; }
far_curl() { curl -sf --cacert "$SSL_CERT_FILE" -H "$accept" -H "$bearer" "$HEROKU_HOST/oauth/clients"; }
far_kinds() { oauth-ls; }
far_kinds_curl() { parallel_curl "$url" -o /dev/null "$HEROKU_HOST/oauth/clients" -o /dev/null "$HEROKU_HOST/oauth/sessions" -o /dev/null; }
far_show() { oauth-ls authz - -P 8 <"$work/ids"; }
far_show_curl() { parallel_curl -K "$work/show.conf"; }
# Each run takes the next 100.
next_hundred() {
    head -n 100 "$work/left" >"$work/hundred"
    tail -n +101 "$work/left" >"$work/left.new"
    mv "$work/left.new" "$work/left"
}
far_revoke() { next_hundred; oauth-rm -P 8 <"$work/hundred"; }
far_revoke_curl() { next_hundred; jq -r .id "$work/hundred" | authz_urls | parallel_curl -X DELETE -K -; }

case $2 in
line)
    echo "over TLS and a line of 50 ms there and back; a connection takes 100 ms"
    echo " one call"
    ideal 150 1.15 far_call far_curl
    echo " three lists at once"
    ideal 150 1.15 far_kinds far_kinds_curl
    oauth-ls authz | grep '"description":"generated' >"$work/left"
    head -n 50 "$work/left" | jq -r .id >"$work/ids"
    authz_urls <"$work/ids" >"$work/show.conf"
    echo " showing 50 ids, -P 8"
    ideal 450 1.15 far_show far_show_curl
    # One run, and four of each, take 900. With more than 1,000, the list that protects would take a second round trip.
    echo " revoking 100 records, -P 8"
    ideal 750 1.15 far_revoke far_revoke_curl
    ;;
calls)
    echo "start: difference to true (limit: 2 ms)"
    compare 11 40 version nothing
    echo "one call on loopback against curl (limit: 0.5), and its memory (limit: 10240 KiB)"
    compare 11 20 one_call one_curl
    echo "  peak memory: $(peak oauth-ls clients) KiB; curl: $(peak curl -sf -H "$accept" -H "$bearer" "$url") KiB"
    if [ -x "$heroku" ]; then
        echo "one call against the official CLI (limit: 1/300)"
        compare 3 1 one_call official
    fi
    ;;
list)
    echo "listing ${BENCH_LIST:-100000} records against a loop of curl (limit: 0.7), and of curl into jq (limit: 0.4)"
    listing
    compare 5 1 listing curl_loop
    compare 5 1 listing curl_loop_jq
    echo "  peak memory: $(peak oauth-ls authz) KiB (limit: 12288)"
    ;;
bulk-ours)
    oauth-ls authz | grep "\"description\":\"generated" | head -n 2000 >"$work/targets"
    echo "2,000 revocations at 20 ms latency, -P 8; 2,000 x 20 ms / 8 = 5,000 ms (limit: 1.1 times that)"
    t=$(us 1 oauth-rm -P 8 <"$work/targets")
    echo "$t" >"$work/bulk"
    awk "BEGIN { printf \"  oauth-rm: %.0f ms, ratio %.3f\n\", $t / 1000, $t / 5000000 }"
    ;;
bulk-curl)
    oauth-ls authz | grep "\"description\":\"generated" | head -n 2000 | jq -r .id |
        sed "s#.*#url=$url/&\noutput=/dev/null#" >"$work/curl.conf"
    t=$(us 1 curl -s -Z --parallel-max 8 -X DELETE -H "$accept" -H "$bearer" -K "$work/curl.conf")
    awk "BEGIN { printf \"  curl --parallel: %.0f ms; oauth-rm / curl: %.3f (limit: 1)\n\", $t / 1000, $(cat "$work/bulk") / $t }"
    ;;
read)
    # Listed records, copied with unique ids.
    oauth-ls authz | grep '"description":"generated' | awk -v n="${BENCH_RECORDS:-1000000}" '
        { at = index($0, "\"id\":\""); head[NR] = substr($0, 1, at + 5); tail[NR] = substr($0, at + 42) }
        END { for (i = 0; i < n; i++) {
            k = i % NR + 1
            printf "%s%08x-0000-4000-8000-%012x%s\n", head[k], i, i * 7919, tail[k]
        } }' >"$work/million"
    echo "reading and validating ${BENCH_RECORDS:-1000000} records ($(($(wc -c <"$work/million") / 1000000)) MB), oauth-rm -n against jq -c .id (limit: 0.1)"
    compare 3 1 dry_run jq_ids
    # shellcheck disable=SC2016 # the inner shell expands it
    echo "  peak memory: $(peak sh -c 'exec oauth-rm -n <"$work/million"') KiB for $(($(wc -l <"$work/million"))) ids of 36 bytes"
    ;;
esac
