"""`python completions/make.py` writes the scripts of the shells from the commands."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _bash
import _fish
import _powershell
import _zsh
from _words import Option, Word
from typer.main import get_command

from asstctl.cli import app
from asstctl.commands.help import MATTERS
from asstctl.completion.install import SCRIPTS
from asstctl.config.settings import SETTINGS, about
from asstctl.config.values import CHOICES
from asstctl.kind import Kind

WRITERS = {
    "bash": _bash.script,
    "zsh": _zsh.script,
    "fish": _fish.script,
    "powershell": _powershell.script,
}

ASKED = {
    "REF": "threads",
    "PROFILE": "profiles",
    "FILE": "files",
    "PATH": "files",
    "DIR": "folders",
    "--profile": "profiles",
    "--schema": "files",
    "config init": "profiles",
}
"""The kind of words that is offered for options and arguments."""


def values(setting: str) -> list[str]:
    """Return the words that a setting can be, none where it can be anything."""
    if setting == "backend":
        return list(Kind)
    if SETTINGS[setting].type is bool:
        return ["true", "false"]
    return list(CHOICES.get(setting, ()))


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
        [_option(p, path) for p in parameters if p.param_type_name == "option"],
        [_option(p, path) for p in arguments],
        bool(arguments) and arguments[-1].nargs == -1,
        [(name, inner.get_short_help_str(80)) for name, inner in below.items()],
        {key: found for key in SETTINGS if (found := values(key))}
        if path == ("config", "set")
        else {},
    )
    for name, inner in below.items():
        yield from _words(inner, (*path, name))


def _option(parameter: Any, path: tuple[str, ...]) -> Option:
    names = sorted(parameter.opts, key=len)
    is_argument = parameter.param_type_name == "argument"
    kind = (parameter.metavar or "").strip("[].")
    keys = (names[-1], " ".join(path) if is_argument else "", kind)
    asked = next((ASKED[key] for key in keys if key in ASKED), "")
    choices = [(str(getattr(c, "value", c)), "") for c in parameter.type_descriptor.choices or ()]
    setting = names[-1].removeprefix("--").replace("-", "_")
    if kind == "KEY":
        choices = [(key, about(key)) for key in SETTINGS]
    elif path == ("config", "init") and setting in SETTINGS:
        choices = [(value, "") for value in values(setting)]
    elif kind == "SHELL":
        choices = [(shell, "") for shell in SCRIPTS]
    elif path == ("help",) and is_argument:
        choices = [(matter, "") for matter in MATTERS] + [
            (n, "") for n in getattr(get_command(app), "commands", ())
        ]
    takes = not getattr(parameter, "is_flag", False)
    return Option(names, (parameter.help or "").partition("\n")[0], takes, asked, choices)


def scripts() -> dict[str, str]:
    """Return every script by its file name."""
    words = tree()
    return {SCRIPTS[shell]: write(words) for shell, write in WRITERS.items()}


def main() -> None:
    """Write the scripts beside this file."""
    for name, text in scripts().items():
        (Path(__file__).parent / name).write_text(text, "utf-8", newline="\n")
        sys.stdout.write(f"completions/{name}\n")


if __name__ == "__main__":
    main()
