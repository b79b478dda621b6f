#!/bin/sh
# Runs a command that runs tests, then reports the tests that were left out: tests/left-out.sh COMMAND...
# The exit status is the command's.
set -u
OAUTH_TOOLS_LEFT_OUT=$(mktemp) || exit
export OAUTH_TOOLS_LEFT_OUT
trap 'rm -f "$OAUTH_TOOLS_LEFT_OUT"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

status=0
"$@" || status=$?

# A line is a test, a reason and a package, or - where no package helps.
sort -u "$OAUTH_TOOLS_LEFT_OUT" | awk -F '\t' '
    !($1 in seen) { seen[$1]; count++ }
    { why[$1] = why[$1] (why[$1] == "" ? "" : ", ") $2 }
    $3 != "-" && !($3 in known) { known[$3]; packages = packages " " $3 }
    !($1 in place) { place[$1] = count; name[count] = $1 }
    END {
        if (!count) { print "left out: no test"; exit }
        print "left out: " count (count == 1 ? " test" : " tests")
        for (i = 1; i <= count; i++) print "    " name[i] ": " why[name[i]]
        if (packages != "") print "To run them too: apt-get install" packages
    }'
exit "$status"
