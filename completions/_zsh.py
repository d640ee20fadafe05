"""The script for zsh."""

from _words import Option, Word


def script(words: list[Word]) -> str:
    """Return the script for zsh."""
    functions = [_group(word) if word.below else _leaf(word) for word in words]
    return ZSH.format(functions="\n".join(functions))


def _name(word: Word) -> str:
    return "_".join(("_asstctl", *word.path))


def _group(word: Word) -> str:
    name = _name(word)
    return GROUP.format(
        name=name,
        program="" if word.path else "\n    local _asstctl_program=${(Q)words[1]/#\\~/$HOME}",
        options="\n".join(f"        {_option(option)} \\" for option in word.options),
        listed="\n".join(f"        {quoted(f'{n}:{about}')}" for n, about in word.below),
        cases="\n".join(f"        {below}) {name}_{below} ;;" for below, _ in word.below),
    )


def _leaf(word: Word) -> str:
    lines = [_option(option) for option in word.options]
    for number, argument in enumerate(word.arguments, 1):
        many = word.many and number == len(word.arguments)
        action = _action(argument)
        if word.after and number == len(word.arguments):
            action = "_asstctl_value"
        lines.append(quoted(f"{'*' if many else number}:{plain(argument.about)}:{action}"))
    body = " \\\n".join(f"        {line}" for line in lines)
    following = "".join(VALUES.format(cases=_cases(word.after)) if word.after else "")
    return f"{following}{_name(word)}() {{\n    _arguments -s \\\n{body}\n}}\n"


def _cases(after: dict[str, list[str]]) -> str:
    return "\n".join(f"    *' {key}') compadd -- {' '.join(v)} ;;" for key, v in after.items())


def _option(option: Option) -> str:
    value = f":value:{_action(option)}" if option.takes else ""
    about = f"[{plain(option.about)}]"
    if len(option.names) == 1:
        name = option.names[0]
        return quoted(name + ("=" if option.takes else "") + about + value)
    names = [n + ("=" if option.takes and n.startswith("--") else "") for n in option.names]
    return f"'({' '.join(option.names)})'{{{','.join(names)}}}{quoted(about + value)}"


def _action(option: Option) -> str:
    if any(about for _, about in option.choices):
        pairs = " ".join(rf"{word}\:{doubly(about)}" for word, about in option.choices)
        return f"(({pairs}))"
    if option.choices:
        return f"({' '.join(option.words)})"
    actions = {"files": "_files", "folders": "_files -/"}
    return actions.get(option.asked, f"_asstctl_asked_{option.asked}") if option.asked else " "


def plain(about: str) -> str:
    """Return a help text as it may stand in a specification of `_arguments`."""
    for letter in "\\[]:":
        about = about.replace(letter, f"\\{letter}")
    return about


def doubly(about: str) -> str:
    """Return a meaning as it may stand in a list of words with meanings."""
    return "".join(f"\\{letter}" if not letter.isalnum() else letter for letter in about)


def quoted(text: str) -> str:
    """Return text as one word of the shell."""
    return "'" + text.replace("'", "'\\''") + "'"


GROUP = """\
{name}() {{
    local context state line{program}
    local -a commands=(
{listed}
    )
    _arguments -C -s \\
{options}
        '1:command:->command' \\
        '*::word:->word'
    case $state in
    command) _describe -V command commands ;;
    word)
        case $words[1] in
{cases}
        esac ;;
    esac
}}
"""

VALUES = """\
_asstctl_value() {{
    case "$words[1,CURRENT-1]" in
{cases}
    esac
}}

"""

ZSH = """\
#compdef asstctl
# zsh completion for asstctl; written by: python completions/make.py
_asstctl_asked() {{
    [[ $PREFIX == -* ]] && return 1
    local -a found lines
    local word about other typed=${{(Q)PREFIX}}
    while IFS=$'\\t' read -r word about; do
        [[ $1 == threads || $word == $typed* ]] || continue
        [[ $word == $typed* ]] || other=1
        found+=("$word")
        lines+=("$word${{about:+  -- $about}}")
    done < <(${{_asstctl_program:-asstctl}} __complete $1 $typed 2>/dev/null)
    compadd -U -l -V asstctl-$1 -d lines -a found
    [[ -n $other ]] && (( $#found > 1 )) && compstate[insert]=menu # titles fit, not words
    (( $#found ))
}}

_asstctl_asked_threads() {{ _asstctl_asked threads }}

_asstctl_asked_profiles() {{ _asstctl_asked profiles }}

{functions}
if [[ $funcstack[1] == _asstctl ]]; then _asstctl "$@"; else compdef _asstctl asstctl; fi
"""
