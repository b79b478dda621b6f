# Completions of oauth-tools for bash.
# Ids from the account, line by line and without any expansion. bash inserts them as they are, so one with characters
# that no id has is not offered.
# shellcheck disable=SC2016 # The inner shell expands the words.
_oauth_tools_ids() {
    local id LC_ALL=C
    while IFS= read -r id; do
        [[ $id == "$2"* && $id == [A-Za-z0-9_]* && $id != *[!A-Za-z0-9_-]* ]] && COMPREPLY+=("$id")
    done < <(sh -c 'oauth-ls "$1" -o "$2" --no-wait --retry-for 0 & p=$!; (sleep 1; kill "$p") >/dev/null & w=$!; wait "$p"; kill "$w"' sh "$1" id 2>/dev/null)
}
_oauth_tools() {
    local tool=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local i word kind='' opts='' kinds='' ids='' formats=''
    COMPREPLY=()
    # bash splits --option=value into three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case $tool in
        oauth-diff) opts='--only -o --format --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client session' formats='ndjson json id table' ;;
        oauth-ls) opts='--status --expires-within --older-than -s --scope --client --match --token --team --sort -P --parallel --marks --secrets -o --format -j --json --shell -S --short --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client session' ids=yes formats='ndjson csv json env secret id table' ;;
        oauth-mk) opts='-d --description -s --scope -e --expires-in --name --url --client-id --grant-code --refresh-token --client-secret --web --team --once --strict --exec -n --dry-run -P --parallel --rest --stream --log --summary -o --format -j --json --shell -S --short --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client token' formats='ndjson csv json env secret id table' ;;
        oauth-patch) opts='--remove --exec -y --yes -n --dry-run -P --parallel --rest --log --summary --include-self --include-default -o --format -j --json --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client session' formats='ndjson csv json id table' ;;
        oauth-rm) opts='-f --force -y --yes -n --dry-run -P --parallel --rest --stream --log --summary --include-self --include-default -o --format -j --json --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client session token' ids=yes formats='ndjson csv json env secret id table' ;;
        oauth-rot) opts='--replace -d --description --team --exec -y --yes -n --dry-run -P --parallel --rest --stream --log --summary --include-self --include-default -o --format -j --json --shell -S --short --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client' ids=yes formats='ndjson csv json env secret id table' ;;
        oauth-run) opts='-d --description -s --scope -e --expires-in --log --account --retry-for --no-wait -v --verbose -h --help -V --version' ;;
        oauth-sandbox) opts='--load --dump --state --authz --latency --quota --fault --seed --two-factor --warning --redact --mask --expired --rotated --new-id -v --verbose -h --help -V --version' ;;
        oauth-set) opts='-d --description --client-id --client-secret --name --url -n --dry-run -P --parallel --rest --stream --log --summary --include-self --include-default -o --format -j --json --color --account --retry-for --no-wait -v --verbose -h --help -V --version' kinds='authz client' ids=yes formats='ndjson csv json env secret id table' ;;
    esac
    # The first operand that is not an option's argument.
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --only | -o | --format | --color | --account | --retry-for | --status | --expires-within | --older-than | -s | --scope | --client | --match | --token | --team | --sort | -P | --parallel | -d | --description | -e | --expires-in | --name | --url | --client-id | --grant-code | --refresh-token | --client-secret | --web | --exec | --rest | --log | --load | --dump | --state | --authz | --latency | --quota | --fault | --seed | --two-factor | --warning | --redact | --mask | --expired | --rotated)
                [[ ${COMP_WORDS[i+1]} == = ]] && ((i++))
                ((i++)) ;;
            --)
                opts=''
                ((i++, i < COMP_CWORD)) && kind=${COMP_WORDS[i]}
                break ;;
            -*) ;;
            *) kind=$word; break ;;
        esac
    done
    case $tool in
        oauth-run | oauth-sandbox)
            if [[ -n $kind ]]; then
                if declare -F _command_offset >/dev/null; then
                    _command_offset "$i"
                else
                    compopt -o filenames 2>/dev/null
                    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                fi
                return
            fi ;;
    esac
    case $prev in
        --only)
            word=''; [[ $cur == *,* ]] && word=${cur%,*},
            mapfile -t COMPREPLY < <(compgen -P "$word" -W 'added changed removed' -- "${cur##*,}")
            return ;;
        -o | --format)
            mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$cur")
            return ;;
        --color)
            mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
            return ;;
        --account)
            :
            return ;;
        --retry-for)
            :
            return ;;
        --status)
            mapfile -t COMPREPLY < <(compgen -W 'active expired' -- "$cur")
            return ;;
        --expires-within)
            :
            return ;;
        --older-than)
            :
            return ;;
        -s | --scope)
            word=''; [[ $cur == *,* ]] && word=${cur%,*},
            mapfile -t COMPREPLY < <(compgen -P "$word" -W 'global identity read write read-protected write-protected' -- "${cur##*,}")
            return ;;
        --client)
            _oauth_tools_ids client "$cur"
            return ;;
        --match)
            :
            return ;;
        --token)
            :
            return ;;
        --team)
            :
            return ;;
        --sort)
            mapfile -t COMPREPLY < <(compgen -W 'client_id client_name code created_at current default description expires_at id kind name redirect_uri scope secret status token updated_at' -- "$cur")
            return ;;
        -P | --parallel)
            :
            return ;;
        -d | --description)
            :
            return ;;
        -e | --expires-in)
            :
            return ;;
        --name)
            :
            return ;;
        --url)
            :
            return ;;
        --client-id)
            _oauth_tools_ids client "$cur"
            return ;;
        --grant-code)
            :
            return ;;
        --refresh-token)
            :
            return ;;
        --client-secret)
            :
            return ;;
        --web)
            _oauth_tools_ids client "$cur"
            return ;;
        --exec)
            mapfile -t COMPREPLY < <(compgen -c -- "$cur")
            return ;;
        --rest)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --log)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --load)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --dump)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --state)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --authz)
            :
            return ;;
        --latency)
            :
            return ;;
        --quota)
            :
            return ;;
        --fault)
            :
            return ;;
        --seed)
            :
            return ;;
        --two-factor)
            :
            return ;;
        --warning)
            :
            return ;;
        --redact)
            :
            return ;;
        --mask)
            mapfile -t COMPREPLY < <(compgen -W 'stars eight all dots x brackets word cut absent' -- "$cur")
            return ;;
        --expired)
            mapfile -t COMPREPLY < <(compgen -W 'zero negative null hidden' -- "$cur")
            return ;;
        --rotated)
            :
            return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$opts" -- "$cur")
        return
    fi
    case $tool in
        oauth-run | oauth-sandbox) mapfile -t COMPREPLY < <(compgen -c -- "$cur"); return ;;
        oauth-diff)
            compopt -o filenames 2>/dev/null
            [[ -z $kind ]] || kinds=''
            mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$cur"; compgen -f -- "$cur")
            return ;;
    esac
    if [[ -z $kind ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$cur")
        return
    fi
    [[ -n $ids ]] || return
    case $kind in
        authz | authzs | authorization | authorizations | client | clients | session | sessions) _oauth_tools_ids "$kind" "$cur" ;;
    esac
}
complete -F _oauth_tools oauth-diff oauth-ls oauth-mk oauth-patch oauth-rm oauth-rot oauth-run oauth-sandbox oauth-set
