"""`python docs/man.py` writes the man pages from the commands, into docs/man."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from asstctl import __version__
from asstctl.cli import app
from asstctl.commands import WORDS
from asstctl.commands.help import EXIT_CODES, REFERENCES

FOLDER = Path(__file__).parent / "man"

FILES = """\
~/.config/asstctl/config.toml
  The settings; --config or ASSTCTL_CONFIG names another file.
~/.local/share/asstctl/threads.db
  The threads; ASSTCTL_DATA moves its folder.
"""


def pages() -> dict[str, str]:
    """Return every page by its file's name: one for asstctl, one for each word after it."""
    root = get_command(app)
    found = {"asstctl.1": "\n".join(overview(root)) + "\n"}
    for word in WORDS:
        command = root.get_command(context(root), word)  # type: ignore[attr-defined]
        found[f"asstctl-{word}.1"] = "\n".join(page(word, command)) + "\n"
    return found


def context(command: Any, name: str = "asstctl", parent: Any = None) -> Any:
    """Return the context in which a command's help is written."""
    made = command.context_class(command, info_name=name, parent=parent)
    made.help_option_names = ["-h", "--help"]
    return made


def overview(root: Any) -> Iterator[str]:
    """Yield the lines of the page of asstctl itself."""
    yield from head("asstctl", "your assistant threads, whichever server holds them")
    yield from synopsis("asstctl [options] command [arguments]")
    yield ".SH DESCRIPTION"
    yield from paragraphs(root.help or "")
    yield from options(root)
    yield ".SH COMMANDS"
    for word, about in WORDS.items():
        yield from item(f"asstctl {word}", f"{about} See asstctl-{word}(1).")
    yield from matter("EXIT STATUS", EXIT_CODES)
    yield from matter("REFERENCES", REFERENCES)
    yield from matter("FILES", FILES)
    yield from also(f"asstctl-{word}" for word in WORDS)


def page(word: str, command: Any) -> Iterator[str]:
    """Yield the lines of the page of a word, with the commands below it."""
    yield from head(f"asstctl-{word}", WORDS[word].rstrip("."))
    below = list(leaves(command, f"asstctl {word}", context(command, word)))
    yield from synopsis(*(usage for usage, _ in below))
    if len(below) == 1:
        yield from body(command)
    else:
        for usage, inner in below:
            yield f".SH {escaped(' '.join(usage.split()[1:3])).upper()}"
            yield from body(inner, heading=".SS")
    yield from also(["asstctl", *(f"asstctl-{other}" for other in WORDS if other != word)])


def leaves(command: Any, path: str, here: Any) -> Iterator[tuple[str, Any]]:
    """Yield the commands that can be typed, each with its usage."""
    inner = getattr(command, "commands", {})
    for name, below in inner.items():
        yield from leaves(below, f"{path} {name}", context(below, name, here))
    if not inner:
        words = " ".join(command.collect_usage_pieces(here))
        yield f"{path} {words}", command


def body(command: Any, heading: str = ".SH") -> Iterator[str]:
    """Yield what a command does, its options and its examples."""
    yield f"{heading} DESCRIPTION"
    yield from paragraphs(command.help or "")
    yield from options(command, heading)
    if command.epilog:
        yield f"{heading} EXAMPLES"
        for line in command.epilog.splitlines()[2:]:
            yield from (".nf", escaped(line.strip()), ".fi", ".PP")


def options(command: Any, heading: str = ".SH") -> Iterator[str]:
    """Yield the arguments and options of a command."""
    yield f"{heading} OPTIONS"
    here = context(command)
    for parameter in command.get_params(here):
        if record := parameter.get_help_record(here):
            yield from item(" ".join(record[0].split()), record[1])
        elif parameter.param_type_name == "argument" and getattr(parameter, "help", None):
            yield from item(parameter.metavar or parameter.name, parameter.help)


def head(name: str, about: str) -> Iterator[str]:
    yield f'.TH {name.upper()} 1 "" "asstctl {__version__}" "User Commands"'
    yield ".SH NAME"
    yield f"{escaped(name)} \\- {escaped(about)}"


def synopsis(*usages: str) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    for number, usage in enumerate(usages):
        yield from ([".br"] if number else [])
        yield escaped(usage)


def paragraphs(text: str) -> Iterator[str]:
    """Yield a help text; lines below a backspace stay as they are."""
    for block in re.split(r"\n\s*\n", text.strip()):
        if "\b" in block:
            lines = (line.strip() for line in block.replace("\b", "").strip().splitlines())
            yield from (".nf", *map(escaped, lines), ".fi", ".PP")
        else:
            yield from (escaped(" ".join(block.split())), ".PP")


def item(term: str, about: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{escaped(term)}\\fR", escaped(" ".join(about.split())))


def matter(heading: str, text: str) -> Iterator[str]:
    yield from (f".SH {heading}", ".nf", *(map(escaped, text.splitlines())), ".fi")


def also(names: Any) -> Iterator[str]:
    yield ".SH SEE ALSO"
    yield escaped(", ".join(f"{name}(1)" for name in names))


def escaped(text: str) -> str:
    """Return a text that roff prints as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8", newline="\n")
        sys.stdout.write(f"docs/man/{name}\n")


if __name__ == "__main__":
    main()
