"""The command line around a command, and the options that several commands share."""

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer

from asstctl import _folders

if TYPE_CHECKING:
    from asstctl.config import Config
    from asstctl.render.notes import Notes
    from asstctl.session import Session


@dataclass
class Invocation:
    """The part of the command line that is not one command's own; a Surface."""

    environment: Mapping[str, str]
    profile: str | None = None
    config: Path | None = None
    debug: bool = False
    json: bool = False
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The settings file that was named with --config, "" where none was."""
        return str(self.config or "")

    @property
    def written_profile(self) -> str:
        """The profile that `config set` and its like write."""
        from asstctl.config.settings import DEFAULT_PROFILE  # --help does without

        return self.profile or self.environment.get("ASSTCTL_PROFILE") or DEFAULT_PROFILE

    @property
    def out(self) -> TextIO:
        """The stream of the answer."""
        return sys.stdout

    @cached_property
    def notes(self) -> "Notes":
        """The writer of everything beside the answer."""
        from asstctl.render.notes import Notes  # --help does without

        return Notes(sys.stderr)

    def load(self) -> "Config":
        """Read the settings; raises ConfigError. Warns of files that others can read."""
        from asstctl import config  # --help does without

        found = config.load(self.config, self.profile, self.environment, self.flags)
        store = Path(_folders.data(self.environment), "threads.db")
        for path in filter(exposed, (found.path, store)):
            sys.stderr.write(f"asstctl: others can read {path}; chmod 600 {path}\n")
        return found

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Open a session with these settings; raises ConfigError.

        Where no server was ever chosen, the error names the ways to choose one.
        """
        from asstctl.errors import UnsetError  # --help does without
        from asstctl.session import open_session

        config = self.load()
        try:
            with open_session(config, self.notes.write) as session:
                yield session
        except UnsetError as error:
            if not config.untouched:
                raise
            from asstctl.offers import unconfigured

            raise unconfigured(self.environment) from error


def log_requests() -> None:
    """Write requests and answers on stderr; keys are struck out where they are logged."""
    import logging  # only to look for a fault

    from asstctl.render import listing

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            listing.note(record.getMessage(), sys.stderr)

    log = logging.getLogger("asstctl")
    log.setLevel(logging.DEBUG)
    log.addHandler(Notes())


def exposed(path: Path) -> bool:
    """Return whether others than the user can read a file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def invocation(ctx: typer.Context) -> Invocation:
    """Return the part of the command line around the command."""
    found = ctx.find_object(Invocation)
    assert found is not None  # noqa: S101 - cli.run put it there
    return found


class Facts(StrEnum):
    """The forms of the facts of one thing."""

    TEXT = "text"
    JSON = "json"


class Speaker(StrEnum):
    """The side whose messages are meant."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    DEVELOPER = "developer"


class Listing(StrEnum):
    """The forms of a list."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"


def list_form(chosen: Listing | None, fields: str | None = None) -> Listing:
    """Return the form of a list: what was chosen, else a table on a terminal, lines in a pipe.

    Raises typer.BadParameter for `fields` of anything but JSON.
    """
    if fields and chosen is not Listing.JSON:
        raise typer.BadParameter("it is for -o json", param_hint="--fields")
    return chosen or (Listing.TABLE if sys.stdout.isatty() else Listing.TSV)


def chosen(thread: str | None, last: bool) -> str | None:
    """Return the reference that -t and -c make; raises typer.BadParameter for both."""
    if thread is not None and last:
        raise typer.BadParameter("-t and -c exclude each other")
    return "@last" if last else thread


def usage(ctx: typer.Context) -> NoReturn:
    """Show a command's help where words are missing, and leave with exit code 2."""
    typer.echo(ctx.get_help(), err=True)
    raise typer.Exit(2)


def _remember_profile(ctx: typer.Context, value: str | None) -> None:
    if value is not None:
        invocation(ctx).profile = value


def remember_json(ctx: typer.Context, value: Any) -> Any:
    """Note that JSON was asked for: errors are JSON too."""
    if value in ("json", "jsonl"):
        invocation(ctx).json = True
    return value


def remember_flag(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Make an option override the setting of the same name."""
    if value is not None:
        invocation(ctx).flags[str(param.name)] = value
    return value


MOST = 1_000_000
"""Ten times the messages that a service keeps in a thread."""

REFERENCE = "Id, prefix, name, @last, @2."

Named = Annotated[str, typer.Argument(metavar="REF", help=REFERENCE)]
Profile = Annotated[
    str | None,
    typer.Option(
        "-p",
        "--profile",
        metavar="NAME",
        help="Use this profile's settings.",
        callback=_remember_profile,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")]
Fields = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Of JSON these fields alone, of each row."),
]
Kept = Annotated[bool, typer.Option("--kept", help="Ask no server: read what is kept here.")]
NoFiles = Annotated[
    bool, typer.Option("--no-files", help="Fetch no contents of files; keep those that are here.")
]
JsonOutput = typer.Option("-o", "--output", help="The form of the output.", callback=remember_json)


def narrowed(rows: list[dict[str, Any]], fields: str | None) -> list[dict[str, Any]]:
    """Return rows with the fields that were asked for alone; raises typer.BadParameter."""
    if not fields or not rows:
        return rows
    wanted = [name.strip() for name in fields.split(",")]
    if unknown := [name for name in wanted if name not in rows[0]]:
        raise typer.BadParameter(
            f"there is no {', '.join(unknown)}; there are {', '.join(rows[0])}",
            param_hint="--fields",
        )
    return [{name: row[name] for name in wanted} for row in rows]
