"""`python completions/make.py` writes the scripts of the shells from the commands."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _bash
import _fish
import _zsh
from _words import Option, Word
from typer.main import get_command

from asstctl.cli import app
from asstctl.completion.install import SCRIPTS
from asstctl.config.settings import SETTINGS

WRITERS = {"bash": _bash.script, "zsh": _zsh.script, "fish": _fish.script}


ASKED = {
    "--thread": "threads",
    "--profile": "profiles",
    "--file": "files",
    "--config": "files",
    "REF": "threads",
}
"""Options and arguments, and the kind of words that is offered for them."""


def tree() -> list[Word]:
    """Return all commands, each before those below it."""
    return list(_words(get_command(app), ()))


def _words(command: Any, path: tuple[str, ...]) -> Iterator[Word]:
    context = command.make_context("asstctl", [], resilient_parsing=True)
    context.help_option_names = ["-h", "--help"]
    parameters = command.get_params(context)
    below = dict(getattr(command, "commands", {}))
    arguments = [p for p in parameters if p.param_type_name == "argument"]
    yield Word(
        path,
        command.get_short_help_str(80),
        [_option(p) for p in parameters if p.param_type_name == "option"],
        _option(arguments[0]) if arguments else None,
        list(below),
    )
    for name, inner in below.items():
        yield from _words(inner, (*path, name))


def _option(parameter: Any) -> Option:
    names = sorted(parameter.opts, key=len)
    is_argument = parameter.param_type_name == "argument"
    kind = (parameter.metavar or "").strip("[].") if is_argument else names[-1]
    choices = [str(getattr(c, "value", c)) for c in parameter.type_descriptor.choices or ()]
    if parameter.metavar == "KEY":
        choices = list(SETTINGS)
    about = (parameter.help or "").partition("\n")[0]
    takes = not getattr(parameter, "is_flag", False)
    return Option(names, about, takes, ASKED.get(kind, ""), choices)


def scripts() -> dict[str, str]:
    """Return every script by its file name."""
    words = tree()
    return {SCRIPTS[shell]: write(words) for shell, write in WRITERS.items()}


def main() -> None:
    """Write the scripts beside this file."""
    for name, text in scripts().items():
        (Path(__file__).parent / name).write_text(text, "utf-8")
        sys.stdout.write(f"completions/{name}\n")


if __name__ == "__main__":
    main()
