"""The script for fish."""

from _words import Option, Word


def script(words: list[Word]) -> str:
    """Return the script for fish."""
    lines = []
    for word in words:
        path = " ".join(word.path)
        here = f"__asstctl_at {path}".rstrip()
        within = here if word.below else f"__asstctl_in {path}"
        for name, about in word.below:
            lines.append(f"complete -c asstctl -k -n '{here}' -a {name} -d {quoted(about)}")
        for option in word.options:
            spelled = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            lines.append(
                f"complete -c asstctl -n '{within}' {spelled} -d {quoted(option.about)}"
                f"{_value(option)}"
            )
        for number, argument in enumerate(word.arguments):
            last = word.many and number == len(word.arguments) - 1
            where = f"__asstctl_after {number}{'+' if last else ''} {path}"
            if argument.asked in FILES:
                lines.append(f"complete -c asstctl -n '{where}' {FILES[argument.asked]}")
            elif offer := _offer(argument):
                lines.append(f"complete -c asstctl -k -n '{where}'{offer}")
        for key, found in word.after.items():
            lines.append(
                f"complete -c asstctl -n '__asstctl_at {path} {key}' -a '{' '.join(found)}'"
            )
    # options with a value, of which the next word is no argument
    taking = {n for word in words for option in word.options if option.takes for n in option.names}
    return FISH.format(taking=" ".join(sorted(taking))) + "\n".join(lines) + "\n"


FILES = {"files": "-F", "folders": "-a '(__fish_complete_directories (commandline -ct))'"}
"""Files and folders, as fish completes them."""


def _value(option: Option) -> str:
    if not option.takes:
        return ""
    return " -r -F" if option.asked == "files" else f" -x -k{_offer(option)}"


def _offer(option: Option) -> str:
    if option.choices:
        return f" -a {quoted(' '.join(option.words))}"
    if option.asked == "folders":
        return f" {FILES['folders']}"
    return f" -a '(__asstctl_ask {option.asked})'" if option.asked else ""


def quoted(text: str) -> str:
    """Return text as one word of the shell."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


FISH = """\
# fish completion for asstctl; written by: python completions/make.py
complete -c asstctl -f

function __asstctl_words -d 'The commands and arguments so far, without options and their values'
    set -l skip no
    for token in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $token {taking}
            set skip yes
        else if not string match -q -- '-*' $token
            echo $token
        end
    end
end

function __asstctl_ask -d 'The threads or profiles that there are'
    set -l program (commandline -opc)[1]
    $program __complete $argv[1] (commandline -ct)
end

function __asstctl_in -d 'Whether the command line begins with these words'
    set -l words (__asstctl_words)
    set -l depth (count $argv)
    test (count $words) -lt $depth; and return 1
    test "$words[1..$depth]" = "$argv"
end

function __asstctl_at -d 'Whether these words are all so far'
    test "$(__asstctl_words | string join ' ')" = "$argv"
end

function __asstctl_after -d 'Whether so many words, with + at least so many, follow these ones'
    __asstctl_in $argv[2..-1]; or return 1
    set -l more (math (count (__asstctl_words)) - (count $argv) + 1)
    if string match -q '*+' $argv[1]
        test $more -ge (string trim -r -c + $argv[1])
    else
        test $more -eq $argv[1]
    end
end

"""
