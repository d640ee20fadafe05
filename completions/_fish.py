"""The script for fish."""

from _words import Option, Word, quoted


def script(words: list[Word]) -> str:
    """Return the script for fish."""
    lines = [FISH]
    for word in words:
        here = f"__asstctl_at {' '.join(word.path)}".rstrip()
        within = f"__asstctl_in {' '.join(word.path)}".rstrip()
        for name in word.below:
            about = next(w.about for w in words if w.path == (*word.path, name))
            lines.append(f"complete -c asstctl -n '{here}' -a {name} -d {quoted(about)}")
        for option in word.options:
            spelled = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            offer = f" -x{_fish_offer(option)}" if option.takes else ""
            offer = " -r -F" if option.asked == "files" else offer
            lines.append(
                f"complete -c asstctl -n '{within}' {spelled} -d {quoted(option.about)}{offer}"
            )
        if word.argument and (offer := _fish_offer(word.argument)):
            lines.append(f"complete -c asstctl -n '{within}' -k{offer}")
    return "\n".join(lines) + "\n"


def _fish_offer(option: Option) -> str:
    if option.choices:
        return f" -a '{' '.join(option.choices)}'"
    return f" -a '(asstctl __complete {option.asked})'" if option.asked else ""


FISH = """\
# fish completion for asstctl; written by: python completions/make.py
complete -c asstctl -f

function __asstctl_words -d 'The commands and arguments so far, without options and their values'
    set -l skip no
    for token in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $token -p --profile --config
            set skip yes
        else if not string match -q -- '-*' $token
            echo $token
        end
    end
end

function __asstctl_in -d 'Whether the command line begins with these words'
    set -l words (__asstctl_words)
    set -l depth (count $argv)
    test $depth -eq 0; and return 0
    test (count $words) -lt $depth; and return 1
    test "$words[1..$depth]" = "$argv"
end

function __asstctl_at -d 'Whether these words are all so far'
    test "$(__asstctl_words | string join ' ')" = "$argv"
end
"""
