"""`asstctl threads search`: words in what is kept."""

import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from asstctl.commands import options
from asstctl.commands._when import since_when
from asstctl.commands.app import App
from asstctl.errors import AsstctlError
from asstctl.events import Progress
from asstctl.model import Thread, instant
from asstctl.render import listing, noted
from asstctl.render.terminal import one_line
from asstctl.session import Session

if TYPE_CHECKING:
    from asstctl.store.phrases import Passage, Term
    from asstctl.store.search import Hit, Where

app = App()

LENGTH = 160
"""Characters of a passage."""

MOST_HITS = 1000


@app.command(
    examples=["threads search blue sky", "threads search '\"sky is blue\"' --role user --since 1w"]
)
def search(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...", help='Words, "phrases", beginnings with *; all of them.'
        ),
    ],
    role: Annotated[options.Speaker | None, typer.Option(help="Who said it.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="A date, or an age: 2h, 3d, 1w.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("-t", "--thread", metavar="REF", help="In this thread alone.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=MOST_HITS, help="At most so many.")
    ] = 20,
    output: Annotated[options.Listing | None, options.JsonOutput] = None,
    fields: options.Fields = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Bring what is kept up to date before.")
    ] = False,
) -> None:
    """Search for words in what is kept of threads, the best of the newest first."""
    from asstctl.store.phrases import terms
    from asstctl.store.search import NEWEST, Where

    try:
        asked = terms(" ".join(words))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="WORDS") from error
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference) if reference else None
        if fetch:
            brought(session, [thread] if thread else session.threads(), invocation)
        where = Where(
            role.value if role else "",
            since_when(since, datetime.now().astimezone()) if since else 0.0,
            (session.store.messages.number(thread.key),) if thread else None,
            session.chosen or "",
        )
        with closing(indexed(session)) as work:
            noted(work, invocation.notes)
        hits, more = hits_of(session, asked, limit, where)
        form = options.list_form(output, fields)
        if form is options.Listing.JSON:
            rows = options.narrowed([as_json(*hit) for hit in hits], fields)
            listing.document({"hits": rows, "more": more}, sys.stdout)
        elif form is options.Listing.TSV:
            listing.lines([as_row(*hit) for hit in hits], sys.stdout)
        else:
            draw(hits, sys.stdout, session.environment)
        if more:
            listing.note(f"more than {NEWEST:,} match: the newest were ranked", sys.stderr)
        if not hits:
            listing.note("nothing that is kept here has these words", sys.stderr)
            raise typer.Exit(1)


Found = tuple[Thread, "Hit", "Passage"]
"""A message that was found: its thread, the hit, and the passage to show."""


def hits_of(
    session: Session, asked: "Sequence[Term]", limit: int, where: "Where"
) -> tuple[list[Found], bool]:
    """Return the best hits, and whether more match than were ranked."""
    from asstctl.store.phrases import passage

    found = session.store.search.find(asked, where, limit)
    pairs = [
        (session.store.index.numbered(hit.thread), hit, passage(hit.text, asked, LENGTH))
        for hit in found.hits
    ]
    return [(thread, hit, piece) for thread, hit, piece in pairs if thread], found.more


def brought(session: Session, threads: Sequence[Thread], invocation: options.Invocation) -> None:
    """Fetch threads before they are searched; what can't be had is said, and searched as it is."""
    from asstctl.transfer.fetch import fetch

    for thread in threads:
        try:
            with closing(fetch(session, thread, files=False)) as work:
                noted(work, invocation.notes)
        except AsstctlError as error:
            listing.note(f"{thread.id}: {error.message}", sys.stderr)


def indexed(session: Session) -> Generator[Progress, None, None]:
    """Build the index of words; yield how far it is."""
    for done, total in session.store.search.build():
        yield Progress("building the index of words", done, total, "messages")


def as_json(thread: Thread, hit: "Hit", piece: "Passage") -> dict[str, Any]:
    """Return a hit as a JSON object; `marks` are places in the passage, in characters."""
    return {
        "thread": thread.id,
        "endpoint": thread.endpoint or None,
        "title": thread.title,
        "message": hit.id,
        "role": hit.role,
        "created_at": None if hit.created_at is None else instant(hit.created_at),
        "passage": piece.text,
        "marks": [list(mark) for mark in piece.marks],
    }


def as_row(thread: Thread, hit: "Hit", piece: "Passage") -> list[str]:
    """Return a hit as a line: thread, title, time, role, passage."""
    told = instant(int(hit.created_at)) if hit.created_at else ""
    return [thread.id, thread.title, told, hit.role, piece.text]


def draw(hits: Sequence[Found], out: TextIO, environment: Mapping[str, str]) -> None:
    """Write hits for eyes: the thread, its title and age, and the passage with the words marked."""
    for thread, hit, piece in hits:
        age = listing.ago(time.time() - hit.created_at) if hit.created_at else ""
        head = "  ".join(map(one_line, filter(None, (thread.id, thread.title, hit.role, age))))
        listing.marked(head, piece.text, piece.marks, out, environment)
