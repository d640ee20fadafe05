"""`asstctl help`: the help of a command, or of a matter."""

from typing import Annotated, Any

import typer

from asstctl.commands import WORDS
from asstctl.commands.app import App

app = App()

EXIT_CODES = """\
Exit codes

    0  answered, done
    1  the service said no, in its own words
    2  wrong command line
    3  a setting is missing or wrong
    4  the service does not know you (401, 403)
    5  no such thread, profile or model
    6  part of an answer or of a list
    7  network, 5xx, rate limit or quota
  130  Ctrl-C        129  terminal closed
  141  pipe closed   143  terminated
"""

REFERENCES = """\
A thread is named by

  its id, whole, or a beginning that no other has (local_ may be left out)
  its name                 asstctl threads rename @last sky
  @last, @2, @3            the thread said to last, the one before it
"""

MATTERS = {"exit-codes": EXIT_CODES, "references": REFERENCES}
"""The help of what is no command, by name."""


@app.command("help", help=WORDS["help"])
def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD...]", help=f"A command, or: {', '.join(MATTERS)}."),
    ] = None,
) -> None:
    """Print the help of a command, or of a matter."""
    words = words or []
    if len(words) == 1 and words[0] in MATTERS:
        typer.echo(MATTERS[words[0]], nl=False)
        return
    root = ctx.find_root()
    command: Any = root.command
    names = ["-h", "--help"]
    here: Any = typer.Context(command, info_name="asstctl", help_option_names=names)
    for word in words:
        found = command.get_command(here, word) if hasattr(command, "get_command") else None
        if found is None:
            raise typer.BadParameter(f"there is no {' '.join(words)!r}", param_hint="WORD")
        command = found
        here = typer.Context(command, info_name=command.name or word, parent=here)
    typer.echo(command.get_help(here))
