"""`asstctl threads history`: every message of a thread, and those that come after."""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands._when import since_when
from asstctl.commands.app import App
from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.reading import Reading, contents
from asstctl.render import transcript
from asstctl.session import Session

app = App()

FOLLOW_SECONDS = 2.0
"""Seconds between two looks for new messages."""

NEWEST = 50
"""Messages at a thread's end among which new ones are looked for."""


@app.command(examples=["threads history > thread.txt", "threads history sky --last 2"])
def history(
    ctx: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="[REF]", help=options.REFERENCE)] = "@last",
    last: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=options.MOST, help="Only the last N messages."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Only messages since T: 2026-11-22, 2026-11-22T10:00, 90m, 2h, 3d, 1w.",
        ),
    ] = None,
    role: Annotated[options.Speaker | None, typer.Option(help="Only one side's messages.")] = None,
    kept: options.Kept = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with new messages, until Ctrl-C.")
    ] = False,
    no_pager: Annotated[
        bool, typer.Option("--no-pager", help="Use no $PAGER on a terminal.")
    ] = False,
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
) -> None:
    """Write every message of a thread, oldest first."""
    start = since_when(since, datetime.now().astimezone()) if since is not None else None
    if follow and (kept or output in (transcript.Format.JSON, transcript.Format.HTML)):
        raise typer.BadParameter(
            "it needs a server, and a form that can go on", param_hint="--follow"
        )
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference)
        everything = since is None and role is None
        reading = Reading(session, invocation.notes.write)
        shown = last if everything else None
        with closing(reading.history(thread, shown, kept=kept)) as whole:
            messages: Iterator[Message] = whole
            if not everything:
                messages = chosen(messages, start, role)
            if last is not None:
                messages = newest(messages, last)
            if follow:
                messages = followed(messages, session, thread, start, role)
            files = contents(session, thread)
            environment = session.environment
            from asstctl.commands._paging import paged  # lists do without

            with paged(sys.stdout, environment, wanted=not (no_pager or follow)) as out:
                batch = 1 if follow else transcript.BATCH
                transcript.write(thread, messages, output, out, environment, files, batch=batch)
        reading.demand_current()


def followed(
    messages: Iterator[Message],
    session: Session,
    thread: Thread,
    start: float | None,
    role: options.Speaker | None,
) -> Iterator[Message]:
    """Yield messages, and for ever those that come after them."""
    seen: set[str] = set()
    for message in messages:
        seen.add(message.id)
        yield message
    while True:
        time.sleep(FOLLOW_SECONDS)
        holder = session.holder(thread)
        now = list(holder.history(thread.id, NEWEST))
        if len(now) == NEWEST and seen.isdisjoint(message.id for message in now):
            now = list(holder.history(thread.id))
        fresh = [message for message in now if message.id not in seen]
        seen.update(message.id for message in fresh)
        yield from chosen(fresh, start, role)


def newest(messages: Iterator[Message], last: int) -> Iterator[Message]:
    """Yield the `last` messages; an error of reading them follows."""
    kept: deque[Message] = deque(maxlen=last)
    try:
        for message in messages:
            kept.append(message)
    except AsstctlError:
        yield from kept
        raise
    yield from kept


def chosen(
    messages: Iterable[Message], start: float | None, role: options.Speaker | None
) -> Iterator[Message]:
    """Yield the messages that were asked for; one without a time counts as old."""
    for message in messages:
        recent = start is None or (message.created_at or 0) >= start
        if recent and role in (None, message.role):
            yield message
