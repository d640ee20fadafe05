# bash completion for asstctl; written by: python completions/make.py
_asstctl_words() {
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_asstctl_asked() {
    local word about
    COMPREPLY=()
    compopt -o nosort 2>/dev/null
    while IFS=$'\t' read -r word about; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word${about:+  -- $about}")
    done < <(asstctl __complete "$1" 2>/dev/null)
    ((${#COMPREPLY[@]} == 1)) && COMPREPLY=("${COMPREPLY[0]%%  -- *}")
}

_asstctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} path="" names="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path/${COMP_WORDS[i]}" in
        /ask|/chat|/threads|/threads/new|/threads/list|/threads/show|/threads/add|/threads/unlock|/threads/recover|/threads/rename|/threads/history|/threads/fetch|/threads/delete|/threads/export|/threads/import|/threads/copy|/threads/fork|/threads/search|/threads/backup|/threads/restore|/assistants|/assistants/list|/assistants/show|/models|/models/list|/config|/config/init|/config/show|/config/get|/config/set|/config/unset|/config/edit|/config/path|/config/key|/config/key/set|/config/key/delete|/help|/doctor) path+="/${COMP_WORDS[i]}" ;;
        esac
    done
    case "$path:$prev" in
        ":--config") compopt -o default; return ;;
        ":-p"|":--profile") _asstctl_asked profiles; return ;;
        "/ask:-t"|"/ask:--thread") _asstctl_asked threads; return ;;
        "/ask:-f"|"/ask:--file") compopt -o default; return ;;
        "/ask:-o"|"/ask:--output") _asstctl_words "plain markdown json code"; return ;;
        "/ask:-s"|"/ask:--system"|"/ask:--instructions") :; return ;;
        "/ask:-m"|"/ask:--model") :; return ;;
        "/ask:--schema") :; return ;;
        "/ask:--timeout") :; return ;;
        "/ask:--typing-delay") :; return ;;
        "/ask:--save-files") :; return ;;
        "/ask:-p"|"/ask:--profile") _asstctl_asked profiles; return ;;
        "/chat:--history") :; return ;;
        "/chat:-t"|"/chat:--thread") _asstctl_asked threads; return ;;
        "/chat:-f"|"/chat:--file") compopt -o default; return ;;
        "/chat:-o"|"/chat:--output") _asstctl_words "plain markdown json code"; return ;;
        "/chat:-s"|"/chat:--system"|"/chat:--instructions") :; return ;;
        "/chat:-m"|"/chat:--model") :; return ;;
        "/chat:--schema") :; return ;;
        "/chat:--timeout") :; return ;;
        "/chat:--typing-delay") :; return ;;
        "/chat:--save-files") :; return ;;
        "/chat:-p"|"/chat:--profile") _asstctl_asked profiles; return ;;
        "/threads/new:--name") :; return ;;
        "/threads/new:--metadata") :; return ;;
        "/threads/new:-p"|"/threads/new:--profile") _asstctl_asked profiles; return ;;
        "/threads/list:--limit") :; return ;;
        "/threads/list:-o"|"/threads/list:--output") _asstctl_words "table tsv json"; return ;;
        "/threads/list:--fields") :; return ;;
        "/threads/list:--since") :; return ;;
        "/threads/list:--name") :; return ;;
        "/threads/list:--backend") _asstctl_words "assistants responses local"; return ;;
        "/threads/list:-p"|"/threads/list:--profile") _asstctl_asked profiles; return ;;
        "/threads/show:-o"|"/threads/show:--output") _asstctl_words "text json"; return ;;
        "/threads/show:-p"|"/threads/show:--profile") _asstctl_asked profiles; return ;;
        "/threads/add:--name") :; return ;;
        "/threads/add:-p"|"/threads/add:--profile") _asstctl_asked profiles; return ;;
        "/threads/unlock:-p"|"/threads/unlock:--profile") _asstctl_asked profiles; return ;;
        "/threads/recover:-o"|"/threads/recover:--output") _asstctl_words "plain markdown json code"; return ;;
        "/threads/recover:-p"|"/threads/recover:--profile") _asstctl_asked profiles; return ;;
        "/threads/rename:-p"|"/threads/rename:--profile") _asstctl_asked profiles; return ;;
        "/threads/history:--last") :; return ;;
        "/threads/history:--since") :; return ;;
        "/threads/history:--role") _asstctl_words "user assistant system developer"; return ;;
        "/threads/history:-o"|"/threads/history:--output"|"/threads/history:--format") _asstctl_words "text markdown json jsonl html"; return ;;
        "/threads/history:-p"|"/threads/history:--profile") _asstctl_asked profiles; return ;;
        "/threads/fetch:-p"|"/threads/fetch:--profile") _asstctl_asked profiles; return ;;
        "/threads/delete:--message") :; return ;;
        "/threads/delete:-p"|"/threads/delete:--profile") _asstctl_asked profiles; return ;;
        "/threads/export:-d"|"/threads/export:--directory") :; return ;;
        "/threads/export:--format") _asstctl_words "json markdown text jsonl html"; return ;;
        "/threads/export:-p"|"/threads/export:--profile") _asstctl_asked profiles; return ;;
        "/threads/import:-p"|"/threads/import:--profile") _asstctl_asked profiles; return ;;
        "/threads/copy:--to") :; return ;;
        "/threads/copy:-p"|"/threads/copy:--profile") _asstctl_asked profiles; return ;;
        "/threads/fork:--at") :; return ;;
        "/threads/fork:-p"|"/threads/fork:--profile") _asstctl_asked profiles; return ;;
        "/threads/search:--role") _asstctl_words "user assistant system developer"; return ;;
        "/threads/search:--since") :; return ;;
        "/threads/search:-t"|"/threads/search:--thread") _asstctl_asked threads; return ;;
        "/threads/search:--limit") :; return ;;
        "/threads/search:-o"|"/threads/search:--output") _asstctl_words "table tsv json"; return ;;
        "/threads/search:--fields") :; return ;;
        "/threads/search:-p"|"/threads/search:--profile") _asstctl_asked profiles; return ;;
        "/threads/backup:-p"|"/threads/backup:--profile") _asstctl_asked profiles; return ;;
        "/threads/restore:-p"|"/threads/restore:--profile") _asstctl_asked profiles; return ;;
        "/assistants/list:-o"|"/assistants/list:--output") _asstctl_words "table tsv json"; return ;;
        "/assistants/list:-p"|"/assistants/list:--profile") _asstctl_asked profiles; return ;;
        "/assistants/show:-o"|"/assistants/show:--output") _asstctl_words "text json"; return ;;
        "/assistants/show:-p"|"/assistants/show:--profile") _asstctl_asked profiles; return ;;
        "/models/list:-o"|"/models/list:--output") _asstctl_words "table tsv json"; return ;;
        "/models/list:-p"|"/models/list:--profile") _asstctl_asked profiles; return ;;
        "/config/init:--backend") _asstctl_words "assistants responses local"; return ;;
        "/config/init:--endpoint") :; return ;;
        "/config/init:--api-version") :; return ;;
        "/config/init:--assistant-id") :; return ;;
        "/config/init:--api-key-env") :; return ;;
        "/config/init:--auth") :; return ;;
        "/config/init:--agent") :; return ;;
        "/config/init:--model") :; return ;;
        "/config/init:--instructions") :; return ;;
        "/config/init:-p"|"/config/init:--profile") _asstctl_asked profiles; return ;;
        "/config/show:-o"|"/config/show:--output") _asstctl_words "text json"; return ;;
        "/config/show:-p"|"/config/show:--profile") _asstctl_asked profiles; return ;;
        "/config/get:-p"|"/config/get:--profile") _asstctl_asked profiles; return ;;
        "/config/set:-p"|"/config/set:--profile") _asstctl_asked profiles; return ;;
        "/config/unset:-p"|"/config/unset:--profile") _asstctl_asked profiles; return ;;
        "/config/edit:-p"|"/config/edit:--profile") _asstctl_asked profiles; return ;;
        "/config/path:-p"|"/config/path:--profile") _asstctl_asked profiles; return ;;
        "/config/key/set:-p"|"/config/key/set:--profile") _asstctl_asked profiles; return ;;
        "/config/key/delete:-p"|"/config/key/delete:--profile") _asstctl_asked profiles; return ;;
        "/help:-p"|"/help:--profile") _asstctl_asked profiles; return ;;
        "/doctor:-o"|"/doctor:--output") _asstctl_words "text json"; return ;;
        "/doctor:-p"|"/doctor:--profile") _asstctl_asked profiles; return ;;
    esac
    if [[ $cur == -* ]]; then
        case "$path" in
        "") names="--config --debug --install-completion -p --profile -V --version -h --help" ;;
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
        "/threads/copy") names="--to --all --remote --dry-run -p --profile --help" ;;
        "/threads/fork") names="--at -p --profile --help" ;;
        "/threads/search") names="--role --since -t --thread --limit -o --output --fields --fetch -p --profile --help" ;;
        "/threads/backup") names="-p --profile --help" ;;
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
    case "$path" in
        "") _asstctl_words "ask chat threads assistants models config help doctor" ;;
        "/ask") : ;;
        "/threads") _asstctl_words "new list show add unlock recover rename history fetch delete export import copy fork search backup restore" ;;
        "/threads/show") _asstctl_asked threads ;;
        "/threads/add") : ;;
        "/threads/unlock") _asstctl_asked threads ;;
        "/threads/recover") _asstctl_asked threads ;;
        "/threads/rename") _asstctl_asked threads ;;
        "/threads/history") _asstctl_asked threads ;;
        "/threads/fetch") _asstctl_asked threads ;;
        "/threads/delete") _asstctl_asked threads ;;
        "/threads/export") _asstctl_asked threads ;;
        "/threads/import") : ;;
        "/threads/copy") _asstctl_asked threads ;;
        "/threads/fork") _asstctl_asked threads ;;
        "/threads/search") : ;;
        "/threads/backup") : ;;
        "/threads/restore") : ;;
        "/assistants") _asstctl_words "list show" ;;
        "/assistants/show") : ;;
        "/models") _asstctl_words "list" ;;
        "/config") _asstctl_words "init show get set unset edit path key" ;;
        "/config/init") : ;;
        "/config/get") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/set") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/unset") _asstctl_words "backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout" ;;
        "/config/key") _asstctl_words "set delete" ;;
        "/help") : ;;
    esac
}
complete -F _asstctl asstctl
