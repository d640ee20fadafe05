"""Which commands there are, and the options before them."""

from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from asstctl import __version__, _signals
from asstctl.commands import WORDS, options
from asstctl.commands.app import App, Group, taking


class Commands(Mapping[str, TyperCommand | TyperGroup]):
    """The commands by name, imported as they are looked up."""

    def __getitem__(self, name: str) -> Any:
        if name not in WORDS:
            raise KeyError(name)
        with _signals.Held():
            module = import_module(f"asstctl.commands.{name}")
        return get_command(module.app)

    def __iter__(self) -> Iterator[str]:
        return iter(WORDS)

    def __len__(self) -> int:
        return len(WORDS)


class Suite(Group):
    """The command `asstctl` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": Commands()})

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names without importing their modules."""
        return list(WORDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands' help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(WORDS.items()))


app = App(
    cls=Suite,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


AROUND = {
    "profile": (options.Profile, None),
    "version": (
        Annotated[
            bool,
            typer.Option(
                "-V", "--version", help="Print the version.", callback=_version, is_eager=True
            ),
        ],
        False,
    ),
}
"""Options before a command that their callbacks answer."""


@app.callback()
@partial(taking, options=AROUND)
def asstctl(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Read this settings file.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show requests, and where an error comes from.")
    ] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(metavar="[SHELL]", help="Install completion for your shell, or this one."),
    ] = None,
    show_completion: Annotated[
        str | None, typer.Option(metavar="[SHELL]", help="Print the script that it installs.")
    ] = None,
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
    if install_completion is not None or show_completion is not None:
        complete(invocation, install_completion, show_completion)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        from asstctl.commands.welcome import welcome  # every other command does without

        welcome(invocation)


def complete(invocation: options.Invocation, install: str | None, show: str | None) -> None:
    """Install the completion of a shell, or print its script; "" is the user's shell."""
    from asstctl.completion import install as completion  # once in a lifetime

    if install is not None:
        done = completion.install(install, invocation.environment, Path.home())
        typer.echo(f"asstctl: {done.words}", err=True)
    else:
        shell = completion.known(show or completion.shell_of(invocation.environment))
        typer.echo(completion.shipped(completion.SCRIPTS[shell]), nl=False)


def with_shell(arguments: list[str]) -> list[str]:
    """Return a command line in which an option about completion has a shell, "" for the user's."""
    name, *more = arguments or [""]
    if name not in ("--install-completion", "--show-completion"):
        return arguments
    given = bool(more) and not more[0].startswith("-")
    return [f"{name}={more[0]}", *more[1:]] if given else [f"{name}=", *more]


def run(arguments: list[str], invocation: options.Invocation) -> None:
    """Run a command line; raises what its command raises, and typer.Exit for an exit code."""
    with get_command(app).make_context("asstctl", with_shell(arguments), obj=invocation) as ctx:
        ctx.command.invoke(ctx)
