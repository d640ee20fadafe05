"""The script for bash."""

from _words import Option, Word


def script(words: list[Word]) -> str:
    """Return the script for bash; where several words fit, each stands with its meaning."""
    known = "|".join("/" + "/".join(word.path) for word in words if word.path)
    values, options, rest = [], [], []
    for word in words:
        path = "".join("/" + name for name in word.path)
        for option in word.options:
            if option.takes:
                pattern = "|".join(f'"{path}:{name}"' for name in option.names)
                values.append(f"        {pattern}) {_bash_offer(option)}; return ;;")
        names = " ".join(name for option in word.options for name in option.names)
        options.append(f'        "{path}") names="{names}" ;;')
        if word.below:
            rest.append(f'        "{path}") _asstctl_words "{" ".join(word.below)}" ;;')
        elif word.argument:
            rest.append(f'        "{path}") {_bash_offer(word.argument)} ;;')
    return BASH.format(
        known=known, values="\n".join(values), options="\n".join(options), rest="\n".join(rest)
    )


def _bash_offer(option: Option) -> str:
    if option.choices:
        return f'_asstctl_words "{" ".join(option.choices)}"'
    if option.asked == "files":
        return "compopt -o default"
    return f"_asstctl_asked {option.asked}" if option.asked else ":"


BASH = """\
# bash completion for asstctl; written by: python completions/make.py
_asstctl_words() {{
    COMPREPLY=($(compgen -W "$1" -- "$cur"))
}}

_asstctl_asked() {{
    local word about
    COMPREPLY=()
    compopt -o nosort 2>/dev/null
    while IFS=$'\\t' read -r word about; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word${{about:+  -- $about}}")
    done < <(asstctl __complete "$1" 2>/dev/null)
    ((${{#COMPREPLY[@]}} == 1)) && COMPREPLY=("${{COMPREPLY[0]%%  -- *}}")
}}

_asstctl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} path="" names="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path/${{COMP_WORDS[i]}}" in
        {known}) path+="/${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$path:$prev" in
{values}
    esac
    if [[ $cur == -* ]]; then
        case "$path" in
{options}
        esac
        _asstctl_words "$names"
        return
    fi
    case "$path" in
{rest}
    esac
}}
complete -F _asstctl asstctl
"""
