"""`asstctl threads fetch`: what is kept here, brought up to date with the servers."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, summed
from asstctl.model import Thread, count
from asstctl.reading import gone
from asstctl.render import listing, noted
from asstctl.session import Session

if TYPE_CHECKING:
    from asstctl.transfer.fetch import Fetched

app = App()


@app.command(examples=["threads fetch --all"])
def fetch(
    ctx: typer.Context,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF...]", help=options.REFERENCE)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every thread in the index.")] = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Every thread that the server lists.")
    ] = False,
    no_files: options.NoFiles = False,
) -> None:
    """Bring what is kept of threads up to date: messages, runs, facts, files."""
    if sum((bool(references), everything, remote)) != 1:
        raise typer.BadParameter("give threads, --all or --remote", param_hint="REF")
    from asstctl.transfer.fetch import demand_keeping
    from asstctl.transfer.fetch import fetch as fetched

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        if remote:
            demand_keeping(session.settings(session.profile))
        failures: list[AsstctlError] = []
        done: list[Fetched] = []
        try:
            for thread in chosen(session, references, remote=remote):
                try:
                    with closing(fetched(session, thread, files=not no_files)) as work:
                        done.append(noted(work, invocation.notes))
                    for error in done[-1].errors:
                        listing.note(f"{thread.id}: {error.message}", sys.stderr)
                except AsstctlError as error:
                    if not (gone(session, thread, error) and kept(session, thread)):
                        failures.append(error)  # else what is kept is all there is
                    listing.note(f"{thread.id}: {error.message}", sys.stderr)
        except IncompleteError as error:
            failures.append(error)
        finally:
            report(done, session.environment)
        for found in done:
            failures += [found.broken] if found.broken else found.errors[:1]
        if failures:
            raise summed(f"{count(len(failures), 'thread')} not fetched whole", failures[0])


def kept(session: Session, thread: Thread) -> int:
    """Count the messages that are kept of a thread, 0 of one that was deleted meanwhile."""
    try:
        return session.store.messages.count(thread.key)
    except NotFoundError:
        return 0


def chosen(session: Session, references: list[str] | None, *, remote: bool) -> Iterator[Thread]:
    """Yield the threads that were asked for; those that a server lists enter the index."""
    if references:
        yield from map(session.known_thread, references)
    elif remote:
        settings = session.settings(session.profile)
        for thread in session.backend(settings).threads():
            known = thread if settings.keeps else replace(thread, title="", metadata={})
            session.store.index.put(known)
            yield session.store.index.get(*thread.key)
    else:
        yield from session.threads()


def report(done: "Iterable[Fetched]", environment: Mapping[str, str]) -> None:
    """Write a line a thread: its id, messages, new ones, those kept here alone, runs, missing."""
    headings = ["thread", "messages", "new", "here only", "runs", "files", "missing"]
    rows = [
        [
            found.thread.id,
            *map(str, (found.messages, found.new, found.gone, found.runs, found.files)),
            "; ".join(found.missing),
        ]
        for found in done
    ]
    if rows and sys.stdout.isatty():
        listing.draw([word.upper() for word in headings], rows, sys.stdout, environment)
    elif rows:
        listing.lines([headings, *rows], sys.stdout)
