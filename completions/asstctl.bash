# bash completion for asstctl; written by: python completions/make.py
_asstctl_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_asstctl_files() {
    compopt -o default 2>/dev/null && return
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$cur"))
}

_asstctl_folders() {
    compopt -o dirnames 2>/dev/null && return
    local IFS=$'\n'
    COMPREPLY=($(compgen -d -- "$cur"))
}

# The word that is typed, and the part of it that readline leaves alone: up to a colon or a sign.
_asstctl_typed() {
    local line=${COMP_LINE-$cur} quote="'" plain word=""
    line=${line:0:${COMP_POINT:-${#line}}}
    plain="([^ \\\\\"$quote]|\\\\.|\"[^\"]*\"?|$quote[^$quote]*$quote?)*\$"
    [[ $line =~ $plain ]] && word=${BASH_REMATCH[0]}
    [[ $word == --*=* ]] && word=${word#*=}
    typed=${word//[\\\"\']/}
    left=${typed%"${cur//[\\\"\']/}"}
    [[ $cur == [\"\']* ]] && open=1
}

_asstctl_offer() {
    local word=${1#"$left"}
    [[ $open ]] || printf -v word %q "$word"
    COMPREPLY+=("$word${2:+  -- $2}")
}

_asstctl_profiles() {
    local word about typed="" left="" open=""
    _asstctl_typed
    while IFS=$'\t' read -r word about; do
        [[ $word == "$typed"* ]] && _asstctl_offer "$word" ""
    done < <("$asstctl" __complete profiles 2>/dev/null)
}

_asstctl_threads() {
    local word about typed="" left="" open="" other=""
    _asstctl_typed
    compopt -o nosort 2>/dev/null
    while IFS=$'\t' read -r word about; do
        [[ $word == "$typed"* ]] || other=1 left=""
        _asstctl_offer "$word" "$about"
    done < <("$asstctl" __complete threads "$typed" 2>/dev/null)
    if ((${#COMPREPLY[@]} == 1)); then
        COMPREPLY=("${COMPREPLY[0]%%  -- *}")
    elif [[ $other ]]; then
        COMPREPLY+=(" ") # titles fit, not words: what is typed stays
    fi
}

_asstctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} path="" option="" before="" names="" last="" n=0 i word
    local asstctl=${COMP_WORDS[0]/#\~/$HOME}
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == "=" ]] && continue
        if [[ $word == ":" ]]; then # readline parts words there: the one before goes on
            [[ $before ]] && option=$before || n=$((n - 1))
            continue
        fi
        before=$option
        if [[ $option ]]; then
            option=""
            continue
        fi
        case "$path:$word" in
        ":--config"|":--install-completion"|":--show-completion"|":-p"|":--profile"|"/ask:-t"|"/ask:--thread"|"/ask:-f"|"/ask:--file"|"/ask:-o"|"/ask:--output"|"/ask:-s"|"/ask:--system"|"/ask:--instructions"|"/ask:-m"|"/ask:--model"|"/ask:--schema"|"/ask:--timeout"|"/ask:--typing-delay"|"/ask:--save-files"|"/ask:-p"|"/ask:--profile"|"/chat:--history"|"/chat:-t"|"/chat:--thread"|"/chat:-f"|"/chat:--file"|"/chat:-o"|"/chat:--output"|"/chat:-s"|"/chat:--system"|"/chat:--instructions"|"/chat:-m"|"/chat:--model"|"/chat:--schema"|"/chat:--timeout"|"/chat:--typing-delay"|"/chat:--save-files"|"/chat:-p"|"/chat:--profile"|"/threads/new:--name"|"/threads/new:--metadata"|"/threads/new:-p"|"/threads/new:--profile"|"/threads/list:--limit"|"/threads/list:-o"|"/threads/list:--output"|"/threads/list:--fields"|"/threads/list:--since"|"/threads/list:--name"|"/threads/list:--backend"|"/threads/list:-p"|"/threads/list:--profile"|"/threads/show:-o"|"/threads/show:--output"|"/threads/show:-p"|"/threads/show:--profile"|"/threads/add:--name"|"/threads/add:-p"|"/threads/add:--profile"|"/threads/unlock:-p"|"/threads/unlock:--profile"|"/threads/recover:-o"|"/threads/recover:--output"|"/threads/recover:-p"|"/threads/recover:--profile"|"/threads/rename:-p"|"/threads/rename:--profile"|"/threads/history:--last"|"/threads/history:--since"|"/threads/history:--role"|"/threads/history:-o"|"/threads/history:--output"|"/threads/history:--format"|"/threads/history:-p"|"/threads/history:--profile"|"/threads/fetch:-p"|"/threads/fetch:--profile"|"/threads/delete:--message"|"/threads/delete:-p"|"/threads/delete:--profile"|"/threads/export:-d"|"/threads/export:--directory"|"/threads/export:--format"|"/threads/export:-p"|"/threads/export:--profile"|"/threads/import:-p"|"/threads/import:--profile"|"/threads/copy:--to"|"/threads/copy:-p"|"/threads/copy:--profile"|"/threads/fork:--at"|"/threads/fork:-p"|"/threads/fork:--profile"|"/threads/search:--role"|"/threads/search:--since"|"/threads/search:-t"|"/threads/search:--thread"|"/threads/search:--limit"|"/threads/search:-o"|"/threads/search:--output"|"/threads/search:--fields"|"/threads/search:-p"|"/threads/search:--profile"|"/threads/backup:-p"|"/threads/backup:--profile"|"/threads/restore:-p"|"/threads/restore:--profile"|"/assistants/list:-o"|"/assistants/list:--output"|"/assistants/list:-p"|"/assistants/list:--profile"|"/assistants/show:-o"|"/assistants/show:--output"|"/assistants/show:-p"|"/assistants/show:--profile"|"/models/list:-o"|"/models/list:--output"|"/models/list:-p"|"/models/list:--profile"|"/config/init:--backend"|"/config/init:--endpoint"|"/config/init:--api-version"|"/config/init:--assistant-id"|"/config/init:--api-key-env"|"/config/init:--auth"|"/config/init:--agent"|"/config/init:--model"|"/config/init:--instructions"|"/config/init:-p"|"/config/init:--profile"|"/config/show:-o"|"/config/show:--output"|"/config/show:-p"|"/config/show:--profile"|"/config/get:-p"|"/config/get:--profile"|"/config/set:-p"|"/config/set:--profile"|"/config/unset:-p"|"/config/unset:--profile"|"/config/edit:-p"|"/config/edit:--profile"|"/config/path:-p"|"/config/path:--profile"|"/config/key/set:-p"|"/config/key/set:--profile"|"/config/key/delete:-p"|"/config/key/delete:--profile"|"/help:-p"|"/help:--profile"|"/doctor:-o"|"/doctor:--output"|"/doctor:-p"|"/doctor:--profile")
            option="$path:$word"
            continue ;;
        esac
        [[ $word == -* ]] && continue
        case "$path/$word" in
        /ask|/chat|/threads|/threads/new|/threads/list|/threads/show|/threads/add|/threads/unlock|/threads/recover|/threads/rename|/threads/history|/threads/fetch|/threads/delete|/threads/export|/threads/import|/threads/copy|/threads/fork|/threads/search|/threads/backup|/threads/restore|/assistants|/assistants/list|/assistants/show|/models|/models/list|/config|/config/init|/config/show|/config/get|/config/set|/config/unset|/config/edit|/config/path|/config/key|/config/key/set|/config/key/delete|/help|/doctor) path+="/$word" ;;
        *) n=$((n + 1)) last=$word ;;
        esac
    done
    [[ $cur == "=" ]] && cur=""
    case "$path:$n" in
    /config/set:1) option=${option:-$path:$last} ;;
    esac
    if [[ $option ]]; then
        case "$option" in
        ":--config") _asstctl_files ;;
        ":--install-completion") _asstctl_words "bash zsh fish powershell" ;;
        ":--show-completion") _asstctl_words "bash zsh fish powershell" ;;
        ":-p"|":--profile") _asstctl_profiles ;;
        "/ask:-t"|"/ask:--thread") _asstctl_threads ;;
        "/ask:-f"|"/ask:--file") _asstctl_files ;;
        "/ask:-o"|"/ask:--output") _asstctl_words "plain markdown json code" ;;
        "/ask:-s"|"/ask:--system"|"/ask:--instructions") : ;;
        "/ask:-m"|"/ask:--model") : ;;
        "/ask:--schema") _asstctl_files ;;
        "/ask:--timeout") : ;;
        "/ask:--typing-delay") : ;;
        "/ask:--save-files") _asstctl_folders ;;
        "/ask:-p"|"/ask:--profile") _asstctl_profiles ;;
        "/chat:--history") : ;;
        "/chat:-t"|"/chat:--thread") _asstctl_threads ;;
        "/chat:-f"|"/chat:--file") _asstctl_files ;;
        "/chat:-o"|"/chat:--output") _asstctl_words "plain markdown json code" ;;
        "/chat:-s"|"/chat:--system"|"/chat:--instructions") : ;;
        "/chat:-m"|"/chat:--model") : ;;
        "/chat:--schema") _asstctl_files ;;
        "/chat:--timeout") : ;;
        "/chat:--typing-delay") : ;;
        "/chat:--save-files") _asstctl_folders ;;
        "/chat:-p"|"/chat:--profile") _asstctl_profiles ;;
        "/threads/new:--name") : ;;
        "/threads/new:--metadata") : ;;
        "/threads/new:-p"|"/threads/new:--profile") _asstctl_profiles ;;
        "/threads/list:--limit") : ;;
        "/threads/list:-o"|"/threads/list:--output") _asstctl_words "table tsv json" ;;
        "/threads/list:--fields") : ;;
        "/threads/list:--since") : ;;
        "/threads/list:--name") : ;;
        "/threads/list:--backend") _asstctl_words "assistants responses local" ;;
        "/threads/list:-p"|"/threads/list:--profile") _asstctl_profiles ;;
        "/threads/show:-o"|"/threads/show:--output") _asstctl_words "text json" ;;
        "/threads/show:-p"|"/threads/show:--profile") _asstctl_profiles ;;
        "/threads/add:--name") : ;;
        "/threads/add:-p"|"/threads/add:--profile") _asstctl_profiles ;;
        "/threads/unlock:-p"|"/threads/unlock:--profile") _asstctl_profiles ;;
        "/threads/recover:-o"|"/threads/recover:--output") _asstctl_words "plain markdown json code" ;;
        "/threads/recover:-p"|"/threads/recover:--profile") _asstctl_profiles ;;
        "/threads/rename:-p"|"/threads/rename:--profile") _asstctl_profiles ;;
        "/threads/history:--last") : ;;
        "/threads/history:--since") : ;;
        "/threads/history:--role") _asstctl_words "user assistant system developer" ;;
        "/threads/history:-o"|"/threads/history:--output"|"/threads/history:--format") _asstctl_words "text markdown json jsonl html" ;;
        "/threads/history:-p"|"/threads/history:--profile") _asstctl_profiles ;;
        "/threads/fetch:-p"|"/threads/fetch:--profile") _asstctl_profiles ;;
        "/threads/delete:--message") : ;;
        "/threads/delete:-p"|"/threads/delete:--profile") _asstctl_profiles ;;
        "/threads/export:-d"|"/threads/export:--directory") _asstctl_folders ;;
        "/threads/export:--format") _asstctl_words "json markdown text jsonl html" ;;
        "/threads/export:-p"|"/threads/export:--profile") _asstctl_profiles ;;
        "/threads/import:-p"|"/threads/import:--profile") _asstctl_profiles ;;
        "/threads/copy:--to") _asstctl_profiles ;;
        "/threads/copy:-p"|"/threads/copy:--profile") _asstctl_profiles ;;
        "/threads/fork:--at") : ;;
        "/threads/fork:-p"|"/threads/fork:--profile") _asstctl_profiles ;;
        "/threads/search:--role") _asstctl_words "user assistant system developer" ;;
        "/threads/search:--since") : ;;
        "/threads/search:-t"|"/threads/search:--thread") _asstctl_threads ;;
        "/threads/search:--limit") : ;;
        "/threads/search:-o"|"/threads/search:--output") _asstctl_words "table tsv json" ;;
        "/threads/search:--fields") : ;;
        "/threads/search:-p"|"/threads/search:--profile") _asstctl_profiles ;;
        "/threads/backup:-p"|"/threads/backup:--profile") _asstctl_profiles ;;
        "/threads/restore:-p"|"/threads/restore:--profile") _asstctl_profiles ;;
        "/assistants/list:-o"|"/assistants/list:--output") _asstctl_words "table tsv json" ;;
        "/assistants/list:-p"|"/assistants/list:--profile") _asstctl_profiles ;;
        "/assistants/show:-o"|"/assistants/show:--output") _asstctl_words "text json" ;;
        "/assistants/show:-p"|"/assistants/show:--profile") _asstctl_profiles ;;
        "/models/list:-o"|"/models/list:--output") _asstctl_words "table tsv json" ;;
        "/models/list:-p"|"/models/list:--profile") _asstctl_profiles ;;
        "/config/init:--backend") _asstctl_words "assistants responses local" ;;
        "/config/init:--endpoint") : ;;
        "/config/init:--api-version") : ;;
        "/config/init:--assistant-id") : ;;
        "/config/init:--api-key-env") : ;;
        "/config/init:--auth") _asstctl_words "key entra" ;;
        "/config/init:--agent") : ;;
        "/config/init:--model") : ;;
        "/config/init:--instructions") : ;;
        "/config/init:-p"|"/config/init:--profile") _asstctl_profiles ;;
        "/config/show:-o"|"/config/show:--output") _asstctl_words "text json" ;;
        "/config/show:-p"|"/config/show:--profile") _asstctl_profiles ;;
        "/config/get:-p"|"/config/get:--profile") _asstctl_profiles ;;
        "/config/set:-p"|"/config/set:--profile") _asstctl_profiles ;;
        "/config/set:backend") _asstctl_words "assistants responses local" ;;
        "/config/set:truncation") _asstctl_words "auto disabled" ;;
        "/config/set:auth") _asstctl_words "key entra" ;;
        "/config/set:api_key_keyring") _asstctl_words "true false" ;;
        "/config/set:keep") _asstctl_words "true false" ;;
        "/config/unset:-p"|"/config/unset:--profile") _asstctl_profiles ;;
        "/config/edit:-p"|"/config/edit:--profile") _asstctl_profiles ;;
        "/config/path:-p"|"/config/path:--profile") _asstctl_profiles ;;
        "/config/key/set:-p"|"/config/key/set:--profile") _asstctl_profiles ;;
        "/config/key/delete:-p"|"/config/key/delete:--profile") _asstctl_profiles ;;
        "/help:-p"|"/help:--profile") _asstctl_profiles ;;
        "/doctor:-o"|"/doctor:--output") _asstctl_words "text json" ;;
        "/doctor:-p"|"/doctor:--profile") _asstctl_profiles ;;
        esac
        return
    fi
    if [[ $cur == -* ]]; then
        case "$path" in
        "") names="--config --debug --install-completion --show-completion -p --profile -V --version -h --help" ;;
        "/ask") names="-t --thread -c --continue -f --file -o --output -s --system --instructions -m --model --schema --print-id --timeout --typing-delay --stats --wait --cancel-active --yes --show-reasoning -x --extract --save-files -p --profile --help" ;;
        "/chat") names="--history --commands -t --thread -c --continue -f --file -o --output -s --system --instructions -m --model --schema --print-id --timeout --typing-delay --stats --wait --cancel-active --yes --show-reasoning -x --extract --save-files -p --profile --help" ;;
        "/threads") names="--help" ;;
        "/threads/new") names="--name --metadata -p --profile --help" ;;
        "/threads/list") names="--remote --limit -o --output -q --quiet --fields --since --name --backend --size -p --profile --help" ;;
        "/threads/show") names="-o --output -p --profile --help" ;;
        "/threads/add") names="--name -p --profile --help" ;;
        "/threads/unlock") names="--wait -p --profile --help" ;;
        "/threads/recover") names="-o --output -p --profile --help" ;;
        "/threads/rename") names="-p --profile --help" ;;
        "/threads/history") names="--last --since --role --kept --follow --no-pager -o --output --format -p --profile --help" ;;
        "/threads/fetch") names="--all --remote --no-files -p --profile --help" ;;
        "/threads/delete") names="-y --yes --keep-remote --kept --all --message -p --profile --help" ;;
        "/threads/export") names="--all -d --directory --format --kept --no-files --replace -p --profile --help" ;;
        "/threads/import") names="--dry-run -p --profile --help" ;;
        "/threads/copy") names="--to --all --remote --dry-run --no-files -p --profile --help" ;;
        "/threads/fork") names="--at -p --profile --help" ;;
        "/threads/search") names="--role --since -t --thread --limit -o --output --fields --fetch -p --profile --help" ;;
        "/threads/backup") names="--force -p --profile --help" ;;
        "/threads/restore") names="-y --yes -p --profile --help" ;;
        "/assistants") names="--help" ;;
        "/assistants/list") names="-o --output -q --quiet -p --profile --help" ;;
        "/assistants/show") names="-o --output -p --profile --help" ;;
        "/models") names="--help" ;;
        "/models/list") names="-o --output -q --quiet -p --profile --help" ;;
        "/config") names="--help" ;;
        "/config/init") names="--force --no-input --backend --endpoint --api-version --assistant-id --api-key-env --auth --agent --model --instructions -p --profile --help" ;;
        "/config/show") names="--origin -o --output -p --profile --help" ;;
        "/config/get") names="-p --profile --help" ;;
        "/config/set") names="-p --profile --help" ;;
        "/config/unset") names="-p --profile --help" ;;
        "/config/edit") names="-p --profile --help" ;;
        "/config/path") names="-p --profile --help" ;;
        "/config/key") names="--help" ;;
        "/config/key/set") names="-p --profile --help" ;;
        "/config/key/delete") names="-p --profile --help" ;;
        "/help") names="-p --profile --help" ;;
        "/doctor") names="--ask -o --output -p --profile --help" ;;
        esac
        _asstctl_words "$names"
        return
    fi
    case "$path:$n" in
        ":0") _asstctl_words "ask chat threads assistants models config help doctor" ;;
        "/ask:0") : ;;
        "/threads:0") _asstctl_words "new list show add unlock recover rename history fetch delete export import copy fork search backup restore" ;;
        "/threads/show:0") _asstctl_threads ;;
        "/threads/add:0") : ;;
        "/threads/unlock:0") _asstctl_threads ;;
        "/threads/recover:0") _asstctl_threads ;;
        "/threads/rename:0") _asstctl_threads ;;
        "/threads/rename:1") : ;;
        "/threads/history:0") _asstctl_threads ;;
        "/threads/fetch:"*) _asstctl_threads ;;
        "/threads/delete:"*) _asstctl_threads ;;
        "/threads/export:"*) _asstctl_threads ;;
        "/threads/import:"*) _asstctl_files ;;
        "/threads/copy:"*) _asstctl_threads ;;
        "/threads/fork:0") _asstctl_threads ;;
        "/threads/search:"*) : ;;
        "/threads/backup:0") _asstctl_files ;;
        "/threads/restore:0") _asstctl_files ;;
        "/assistants:0") _asstctl_words "list show" ;;
        "/assistants/show:0") : ;;
        "/models:0") _asstctl_words "list" ;;
        "/config:0") _asstctl_words "init show get set unset edit path key" ;;
        "/config/init:0") _asstctl_profiles ;;
        "/config/get:0") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/set:0") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/set:1") : ;;
        "/config/unset:0") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/key:0") _asstctl_words "set delete" ;;
        "/help:"*) _asstctl_words "exit-codes references ask chat threads assistants models config help doctor" ;;
    esac
}
complete -F _asstctl asstctl
