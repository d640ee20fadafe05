"""The options that several commands share, and what they fill."""

import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from asstctl import _folders
from asstctl.render import Output

if TYPE_CHECKING:
    from asstctl.config import Config


@dataclass(slots=True)
class Invocation:
    """What was said before and after the command that is not the command's own business."""

    environment: Mapping[str, str]
    profile: str | None = None
    config: Path | None = None
    debug: bool = False
    json: bool = False
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def written_profile(self) -> str:
        """The profile that `config set` and its like write."""
        from asstctl.config import DEFAULT_PROFILE  # --help does without

        return self.profile or self.environment.get("ASSTCTL_PROFILE") or DEFAULT_PROFILE

    def load(self) -> "Config":
        """Read the settings; raises ConfigError. Warns of files that others can read."""
        from asstctl import config  # the same

        found = config.load(self.config, self.profile, self.environment, self.flags)
        store = Path(_folders.data(self.environment), "threads.db")
        for path in filter(exposed, (found.path, store)):
            sys.stderr.write(f"asstctl: others can read {path}; chmod 600 {path}\n")
        return found


def log_requests() -> None:
    """Write what is sent, and what answers, on stderr; keys are struck out where it is logged."""
    import logging  # only for who looks for a fault

    from asstctl.render import listing

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            listing.note(record.getMessage(), sys.stderr)

    log = logging.getLogger("asstctl")
    log.setLevel(logging.DEBUG)
    log.addHandler(Notes())


def exposed(path: Path) -> bool:
    """Say whether others than the user can read a file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def invocation(ctx: typer.Context) -> Invocation:
    """Give what was said around the command."""
    found = ctx.find_object(Invocation)
    assert found is not None  # noqa: S101 - cli.run put it there
    return found


class Facts(StrEnum):
    """The forms of one thing's facts."""

    TEXT = "text"
    JSON = "json"


class Listing(StrEnum):
    """The forms of a list."""

    TABLE = "table"
    TSV = "tsv"
    JSON = "json"


def chosen(thread: str | None, last: bool) -> str | None:
    """Give the reference that -t and -c make; raises typer.BadParameter for both."""
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


def _remember_flag(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Make an option the command line's word on the setting of the same name."""
    if value is not None:
        invocation(ctx).flags[str(param.name)] = value
    return value


Named = Annotated[str, typer.Argument(metavar="REF", help="Id, prefix, name, @last, @2.")]
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
ReplyOutput = Annotated[
    Output | None,
    typer.Option(
        "-o",
        "--output",
        help="The reply's form; on a terminal markdown, else plain.",
        callback=remember_json,
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "-t",
        "--thread",
        metavar="REF",
        help="The thread to say it to: id, prefix, name, @last, @2.",
    ),
]
Continue = Annotated[
    bool, typer.Option("-c", "--continue", help="Say it to the last thread: -t @last.")
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "-f", "--file", metavar="FILE", help="Add a text file to the prompt; may be repeated."
    ),
]
Instructions = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="What the model is told before the thread.", callback=_remember_flag
    ),
]
PrintId = Annotated[
    bool, typer.Option("--print-id", help="Print the thread's id on stderr at the end.")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        help="Seconds without a byte before the server counts as gone.",
        callback=_remember_flag,
    ),
]
TypingDelay = Annotated[
    int, typer.Option(metavar="MS", min=0, max=10_000, help="Pause after each word, as if typed.")
]
Stats = Annotated[
    bool, typer.Option("--stats", help="Print times and tokens on stderr at the end.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Where the thread has an active run, wait for its end.")
]
CancelActive = Annotated[
    bool, typer.Option("--cancel-active", help="Where the thread has an active run, cancel it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Run the profile's tools without asking.")]
ShowReasoning = Annotated[
    bool, typer.Option("--show-reasoning", help="Show on stderr what the model thinks aloud.")
]
JsonOutput = typer.Option("-o", "--output", help="The form of the output.", callback=remember_json)
