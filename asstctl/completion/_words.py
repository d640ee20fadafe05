"""The commands as data: what each is for, and what may follow it."""

from collections.abc import Iterator
from dataclasses import field
from typing import Any

from asstctl._frozen import frozen

ASKED = {
    "--thread": "threads",
    "--profile": "profiles",
    "--file": "files",
    "--config": "files",
    "REF": "threads",
    "[REF]": "threads",
    "REF...": "threads",
}
"""Options and arguments, and what is offered for them."""


@frozen
class Option:
    """An option: its spellings, what it is for, and what follows it (nothing, a kind, words)."""

    names: list[str]
    about: str
    takes: bool
    asked: str = ""
    choices: list[str] = field(default_factory=list)


@frozen
class Word:
    """A command: its words from the left, what it is for, and what may follow."""

    path: tuple[str, ...]
    about: str
    options: list[Option]
    argument: Option | None
    below: list[str]


def tree() -> list[Word]:
    """Give all commands, each before those below it."""
    from typer.main import get_command

    from asstctl.cli import app

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
    kind = parameter.metavar if parameter.param_type_name == "argument" else names[-1]
    choices = [str(getattr(c, "value", c)) for c in parameter.type_descriptor.choices or ()]
    if parameter.metavar == "KEY":
        from asstctl.config import SETTINGS

        choices = list(SETTINGS)
    about = (parameter.help or "").partition("\n")[0]
    takes = not getattr(parameter, "is_flag", False)
    return Option(names, about, takes, ASKED.get(kind, ""), choices)


def quoted(text: str) -> str:
    """Give text as one word of a shell."""
    return "'" + text.replace("'", "") + "'"
