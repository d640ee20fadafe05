"""The script for bash, from 3.2 on."""

from _words import Option, Word


def script(words: list[Word]) -> str:
    """Return the script for bash; where several threads fit, each stands with its title."""
    known = "|".join("/" + "/".join(word.path) for word in words if word.path)
    takes, values, options, rest = [], [], [], []
    for word in words:
        path = "".join("/" + name for name in word.path)
        for option in filter(lambda option: option.takes, word.options):
            pattern = "|".join(f'"{path}:{name}"' for name in option.names)
            takes.append(pattern)
            values.append(f"        {pattern}) {_offer(option)} ;;")
        names = " ".join(name for option in word.options for name in option.names)
        options.append(f'        "{path}") names="{names}" ;;')
        if word.below:
            rest.append(f'        "{path}:0") _asstctl_words "{_joined(word.below)}" ;;')
        for number, argument in enumerate(word.arguments):
            last = word.many and number == len(word.arguments) - 1
            where = f'"{path}:"*' if last else f'"{path}:{number}"'
            rest.append(f"        {where}) {_offer(argument)} ;;")
        for key, found in word.after.items():
            values.append(f'        "{path}:{key}") _asstctl_words "{" ".join(found)}" ;;')
    return BASH.format(
        known=known,
        takes="|".join(takes),
        values="\n".join(values),
        options="\n".join(options),
        rest="\n".join(rest),
        following="|".join(f"{''.join('/' + n for n in w.path)}:1" for w in words if w.after),
    )


def _joined(pairs: list[tuple[str, str]]) -> str:
    return " ".join(word for word, _ in pairs)


def _offer(option: Option) -> str:
    if option.choices:
        return f'_asstctl_words "{" ".join(option.words)}"'
    return f"_asstctl_{option.asked}" if option.asked else ":"


BASH = r"""# bash completion for asstctl; written by: python completions/make.py
_asstctl_words() {{
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}}

_asstctl_files() {{
    compopt -o default 2>/dev/null && return
    local IFS=$'\n'
    COMPREPLY=($(compgen -f -- "$cur"))
}}

_asstctl_folders() {{
    compopt -o dirnames 2>/dev/null && return
    local IFS=$'\n'
    COMPREPLY=($(compgen -d -- "$cur"))
}}

# The word that is typed, and the part of it that readline leaves alone: up to a colon or a sign.
_asstctl_typed() {{
    local line=${{COMP_LINE-$cur}} quote="'" plain word=""
    line=${{line:0:${{COMP_POINT:-${{#line}}}}}}
    plain="([^ \\\\\"$quote]|\\\\.|\"[^\"]*\"?|$quote[^$quote]*$quote?)*\$"
    [[ $line =~ $plain ]] && word=${{BASH_REMATCH[0]}}
    [[ $word == --*=* ]] && word=${{word#*=}}
    typed=${{word//[\\\"\']/}}
    left=${{typed%"${{cur//[\\\"\']/}}"}}
    [[ $cur == [\"\']* ]] && open=1
}}

_asstctl_offer() {{
    local word=${{1#"$left"}}
    [[ $open ]] || printf -v word %q "$word"
    COMPREPLY+=("$word${{2:+  -- $2}}")
}}

_asstctl_profiles() {{
    local word about typed="" left="" open=""
    _asstctl_typed
    while IFS=$'\t' read -r word about; do
        [[ $word == "$typed"* ]] && _asstctl_offer "$word" ""
    done < <("$asstctl" __complete profiles 2>/dev/null)
}}

_asstctl_threads() {{
    local word about typed="" left="" open="" other=""
    _asstctl_typed
    compopt -o nosort 2>/dev/null
    while IFS=$'\t' read -r word about; do
        [[ $word == "$typed"* ]] || other=1 left=""
        _asstctl_offer "$word" "$about"
    done < <("$asstctl" __complete threads "$typed" 2>/dev/null)
    if ((${{#COMPREPLY[@]}} == 1)); then
        COMPREPLY=("${{COMPREPLY[0]%%  -- *}}")
    elif [[ $other ]]; then
        COMPREPLY+=(" ") # titles fit, not words: what is typed stays
    fi
}}

_asstctl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} path="" option="" before="" names="" last="" n=0 i word
    local asstctl=${{COMP_WORDS[0]/#\~/$HOME}}
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
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
        {takes})
            option="$path:$word"
            continue ;;
        esac
        [[ $word == -* ]] && continue
        case "$path/$word" in
        {known}) path+="/$word" ;;
        *) n=$((n + 1)) last=$word ;;
        esac
    done
    [[ $cur == "=" ]] && cur=""
    case "$path:$n" in
    {following}) option=${{option:-$path:$last}} ;;
    esac
    if [[ $option ]]; then
        case "$option" in
{values}
        esac
        return
    fi
    if [[ $cur == -* ]]; then
        case "$path" in
{options}
        esac
        _asstctl_words "$names"
        return
    fi
    case "$path:$n" in
{rest}
    esac
}}
complete -F _asstctl asstctl
"""
