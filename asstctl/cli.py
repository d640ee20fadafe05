"""Which commands there are, and the options before them."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from asstctl import __version__
from asstctl.commands import _options as options
from asstctl.commands._app import App, Group

COMMANDS = {
    "ask": ("ask", "Say something once and stream the reply."),
    "chat": ("chat", "Talk: a prompt, a streamed reply, until `exit`, an empty line or Ctrl-D."),
    "threads": ("threads", "Make, list, show, read, move, rename and delete threads."),
    "assistants": ("assistants", "Look at the assistants, or agents, that the server keeps."),
    "config": ("settings", "Write, show and change settings."),
}
"""Every command, its module and its help; a module is imported when its command is run."""


class Commands(Mapping[str, TyperCommand | TyperGroup]):
    """The commands by name, imported as they are looked up."""

    def __getitem__(self, name: str) -> Any:
        return get_command(import_module(f"asstctl.commands.{COMMANDS[name][0]}").app)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Suite(Group):
    """The command `asstctl` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": Commands()})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Give the names without importing what they name."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the same
        """Write the commands' help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


app = App(
    cls=Suite,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def asstctl(
    ctx: typer.Context,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
    config: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Read this settings file.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show requests, and where an error comes from.")
    ] = False,
    install_completion: Annotated[
        bool, typer.Option("--install-completion", help="Install completion for your shell.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback answers it
        bool,
        typer.Option(
            "-V", "--version", help="Print the version.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Your threads, whichever server holds them: ask, chat, list, read, move.

    \b
    asstctl -p local ask "How many days are there in a week?"
    git diff | asstctl ask "Write a commit message."
    asstctl chat --continue
    asstctl threads history > thread.txt
    """  # noqa: D301 - Typer keeps the lines below a backspace as they are
    invocation = options.invocation(ctx)
    invocation.config = config
    invocation.debug = debug
    if debug:
        options.log_requests()
    if install_completion:
        from asstctl.completion import _scripts  # once in a lifetime

        target, left = _scripts.install(invocation.environment, Path.home())
        typer.echo(f"asstctl: wrote {target}; {left}", err=True)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        options.usage(ctx)


def run(arguments: list[str], invocation: options.Invocation) -> None:
    """Run a command line; raises what its command raises, and typer.Exit for an exit code."""
    with get_command(app).make_context("asstctl", arguments, obj=invocation) as ctx:
        ctx.command.invoke(ctx)
