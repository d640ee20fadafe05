"""The script for zsh."""

from _words import Option, Word, quoted


def script(words: list[Word]) -> str:
    """Return the script for zsh."""
    functions = []
    for word in words:
        name = "_".join(("_asstctl", *word.path))
        lines = [f"        {_zsh_option(option)} \\" for option in word.options]
        if word.below:
            listed = "\n".join(
                f"        {quoted(f'{below.path[-1]}:{_plain(below.about)}')}"
                for below in words
                if below.path[:-1] == word.path and below.path
            )
            cases = "\n".join(f"        {b}) {name}_{b} ;;" for b in word.below)
            functions.append(
                ZSH_GROUP.format(name=name, options="\n".join(lines), listed=listed, cases=cases)
            )
        else:
            argument = _zsh_action(word.argument) if word.argument else ""
            last = f"        '*:{_plain(word.argument.about)}:{argument}'" if word.argument else ""
            body = "\n".join([*lines, last]).rstrip().removesuffix("\\").rstrip()
            functions.append(f"{name}() {{\n    _arguments -s \\\n{body}\n}}\n")
    return ZSH.format(functions="\n".join(functions))


def _zsh_option(option: Option) -> str:
    value = f":value:{_zsh_action(option)}" if option.takes else ""
    about = f"[{_plain(option.about)}]"
    if len(option.names) == 1:
        return quoted(option.names[0] + about + value)
    return f"'({' '.join(option.names)})'{{{','.join(option.names)}}}{quoted(about + value)}"


def _zsh_action(option: Option) -> str:
    if option.choices:
        return f"({' '.join(option.choices)})"
    if option.asked == "files":
        return "_files"
    return f"_asstctl_asked_{option.asked}" if option.asked else " "


def _plain(about: str) -> str:
    """Return a help text without the signs that zsh reads as its own."""
    return "".join(letter for letter in about if letter not in "'[]:`\\\"")


ZSH_GROUP = """\
{name}() {{
    local context state line
    local -a commands=(
{listed}
    )
    _arguments -C -s \\
{options}
        '1:command:->command' \\
        '*::word:->word'
    case $state in
    command) _describe command commands ;;
    word)
        case $words[1] in
{cases}
        esac ;;
    esac
}}
"""

ZSH = """\
#compdef asstctl
# zsh completion for asstctl; written by: python completions/make.py
_asstctl_asked() {{
    [[ $PREFIX == -* ]] && return 1
    local -a found
    local word about
    while IFS=$'\\t' read -r word about; do
        found+=("${{word//:/\\\\:}}:$about")
    done < <(asstctl __complete $1 2>/dev/null)
    _describe -V $1 found
}}

_asstctl_asked_threads() {{ _asstctl_asked threads }}

_asstctl_asked_profiles() {{ _asstctl_asked profiles }}

{functions}
if [[ $funcstack[1] == _asstctl ]]; then _asstctl "$@"; else compdef _asstctl asstctl; fi
"""
