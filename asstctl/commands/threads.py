"""`asstctl threads`: make, list, show, read, move, rename and delete threads."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from asstctl.backends import Kind
from asstctl.commands import _moving
from asstctl.commands import _options as options
from asstctl.commands._app import App
from asstctl.commands._when import since_when
from asstctl.errors import ConfigError, NotFoundError
from asstctl.events import Message, Thread
from asstctl.render import listing, renderer, transcript
from asstctl.session import Session, open_session
from asstctl.store import CHAIN, is_name

app = App(
    name="threads",
    invoke_without_command=True,
    help="Make, list, show, read, move, rename and delete threads.",
)


class Speaker(StrEnum):
    """Whose messages to show."""

    USER = "user"
    ASSISTANT = "assistant"


MOST = 1_000_000
"""More than a service keeps of messages in a thread, by ten."""


app.add_typer(_moving.app)


@app.callback()
def threads(ctx: typer.Context) -> None:
    """Make, list, show, read, move, rename and delete threads."""
    if ctx.invoked_subcommand is None:
        options.usage(ctx)


@app.command()
def new(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name it.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Note a fact; may be repeated.")
    ] = None,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Make an empty thread and print its id."""
    noted = {}
    for fact in metadata or []:
        key, equals, value = fact.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{fact!r} is not of the form K=V", param_hint="--metadata")
        noted[key] = value
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.new_thread(checked_name(name), noted)
        listing.lines([[thread.id]], sys.stdout)


def checked_name(name: str | None) -> str | None:
    """Demand that a name can't be taken for another kind of reference."""
    if name is not None and not is_name(name):
        raise ConfigError(
            f"{name!r} is no name for a thread", hint="a name is no id, no @place and no option"
        )
    return name


@app.command("list")
def list_(
    ctx: typer.Context,
    remote: Annotated[
        bool, typer.Option("--remote", help="Ask the server, and mark what is new.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=MOST, help="At most so many.")] = 50,
    output: Annotated[options.Listing | None, options.JsonOutput] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print ids alone.")] = False,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """List the threads that asstctl knows, the one used last first."""
    with open_session(options.invocation(ctx).load()) as session:
        standings: list[str] | None = None
        if remote:
            pairs = session.remote_threads(limit)
            found, standings = [t for t, _ in pairs], [s for _, s in pairs]
        else:
            found = session.threads(limit)
        form = output or (options.Listing.TABLE if sys.stdout.isatty() else options.Listing.TSV)
        if quiet:
            listing.lines([[thread.id] for thread in found], sys.stdout)
        elif form is options.Listing.JSON:
            listing.as_json(found, sys.stdout, standings)
        elif form is options.Listing.TSV:
            listing.as_tsv(found, sys.stdout, standings)
        else:
            listing.as_table(found, sys.stdout, session.environment, time.time(), standings)
        if not found:
            sys.stderr.write('asstctl: no threads yet; asstctl ask "..." makes one\n')


@app.command()
def show(
    ctx: typer.Context,
    reference: options.Named,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Show one thread's facts."""
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.known_thread(reference)
        found = session.facts(thread)
        facts = {
            **listing.facts(thread),
            "metadata": {**thread.metadata, **found.metadata},
            "messages": found.messages,
            "active_run": found.active_run,
        }
        if output is options.Facts.JSON:
            listing.document(facts, sys.stdout)
        else:
            listing.pairs(facts, sys.stdout)


@app.command()
def history(
    ctx: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="[REF]", help="Id, prefix, name, @last, @2.")
    ] = "@last",
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=MOST, help="Only the last N messages.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Only messages since T: 2026-11-22, 2026-11-22T10:00, 90m, 2h, 3d, 1w.",
        ),
    ] = None,
    role: Annotated[Speaker | None, typer.Option(help="Only one side's messages.")] = None,
    output: Annotated[
        transcript.Format | None,
        typer.Option(
            "-o",
            "--output",
            "--format",
            help="Default: drawn on a terminal, else text.",
            callback=options.remember_json,
        ),
    ] = None,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write every message of a thread, oldest first."""
    start = since_when(since, datetime.now().astimezone()) if since is not None else None
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.known_thread(reference)
        everything = since is None and role is None
        messages = chosen(session.history(thread, last if everything else None), start, role)
        if last is not None:
            messages = iter(deque(messages, maxlen=last))
        transcript.write(thread, messages, output, sys.stdout, session.environment)


def chosen(
    messages: Iterable[Message], start: float | None, role: Speaker | None
) -> Iterator[Message]:
    """Pass on the messages that were asked for; one without a time counts as old."""
    for message in messages:
        recent = start is None or (message.created_at or 0) >= start
        if recent and role in (None, message.role):
            yield message


@app.command()
def add(
    ctx: typer.Context,
    thread_id: Annotated[str, typer.Argument(metavar="ID", help="The id, whole.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name it.")] = None,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Adopt a thread that was made elsewhere; looks whether it is there."""
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.adopt(thread_id, checked_name(name))
        listing.note(f"added {thread.id} ({thread.title or 'empty'})", sys.stderr)


@app.command()
def unlock(
    ctx: typer.Context,
    reference: options.Named,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the run, do not cancel it.")
    ] = False,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """End the run that locks a thread, so that it takes prompts again."""
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.known_thread(reference)
        ended = session.unlock(thread, wait=wait)
        none = "has no active reply that was begun here"
        if thread.backend != Kind.RESPONSES:
            none = "is not locked"
        listing.note(ended or f"{thread.id} {none}", sys.stderr)


@app.command()
def recover(
    ctx: typer.Context,
    reference: options.Named,
    output: options.ReplyOutput = None,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Fetch the last reply again, whole: after a cut, or from another machine."""
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.known_thread(reference)
        render = renderer(output, sys.stdout, session.environment)
        with closing(session.recover(thread)) as reply:
            render(reply, sys.stdout, sys.stderr, environment=session.environment, reasoning=False)


@app.command()
def rename(
    ctx: typer.Context,
    reference: options.Named,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Give a thread a name that can be used in place of its id."""
    with open_session(options.invocation(ctx).load()) as session:
        thread = session.known_thread(reference)
        session.rename(thread, checked_name(name) or name)


@app.command()
def delete(
    ctx: typer.Context,
    references: Annotated[
        list[str], typer.Argument(metavar="REF...", help="Id, prefix, name, @last, @2.")
    ],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    keep_remote: Annotated[
        bool, typer.Option("--keep-remote", help="Forget them here, keep them on the server.")
    ] = False,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Delete threads, and all that was said in them."""
    with open_session(options.invocation(ctx).load()) as session:
        doomed = [session.known_thread(reference) for reference in references]
        here = [t for t in doomed if t.backend == Kind.LOCAL or t.id.startswith(CHAIN)]
        if keep_remote and here:
            raise ConfigError(
                f"{here[0].id} is known here alone: no server would have it",
                hint="leave it alone, or delete it",
            )
        if not yes and not keep_remote:
            confirm(session, doomed)
        for thread in doomed:
            try:
                kept = session.delete(thread, keep_remote=keep_remote)
            except NotFoundError as error:
                error.hint = "is it gone there? --keep-remote forgets it here"
                raise
            done = f"{'forgot' if keep_remote else 'deleted'} {thread.id}"
            listing.note(f"{done}; {kept}" if kept else done, sys.stderr)


def confirm(session: Session, doomed: list[Thread]) -> None:
    """Show what would be deleted and ask; raises ConfigError where nobody can answer."""
    if not sys.stdin.isatty():
        raise ConfigError("deleting wants a yes, and there is no terminal to ask on", hint="add -y")
    listing.as_table(doomed, sys.stderr, session.environment, time.time())
    if not typer.confirm("Delete what was said in them for good?", err=True):
        sys.stderr.write("asstctl: nothing was deleted\n")
        raise typer.Exit(1)
