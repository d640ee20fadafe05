"""`asstctl threads export`: threads as files."""

import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace as replaced
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, summed
from asstctl.events import Progress
from asstctl.model import Thread, count
from asstctl.parts import Contents
from asstctl.reading import AWAY, Reading, contents
from asstctl.render import listing, noted, transcript
from asstctl.session import Session

if TYPE_CHECKING:
    from asstctl.transfer.archive import Archived

app = App()


class Form(StrEnum):
    """The forms of exported threads; json is the one that `import` reads."""

    JSON = "json"
    MARKDOWN = "markdown"
    TEXT = "text"
    JSONL = "jsonl"
    HTML = "html"


SUFFIXES = {
    Form.JSON: ".json",
    Form.MARKDOWN: ".md",
    Form.TEXT: ".txt",
    Form.JSONL: ".jsonl",
    Form.HTML: ".html",
}


@app.command(examples=["threads export --all -d backup", "threads export sky --format html"])
def export(
    ctx: typer.Context,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF...]", help=options.REFERENCE)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every thread in the index.")] = False,
    directory: Annotated[
        Path, typer.Option("-d", "--directory", metavar="DIR", help="Where to put the files.")
    ] = Path(),
    form: Annotated[Form, typer.Option("--format", help="json can be imported again.")] = Form.JSON,
    kept: options.Kept = False,
    no_files: options.NoFiles = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also over a file that holds more.")
    ] = False,
) -> None:
    """Write threads as files, one a thread; a file that would not change is left alone."""
    if everything == bool(references):
        raise typer.BadParameter("give threads, or --all", param_hint="REF")
    from asstctl.transfer import archive  # other commands on threads do without
    from asstctl.transfer.losses import demand_no_less

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        threads = session.threads() if everything else map(session.known_thread, references or [])
        reading = Reading(session, invocation.notes.write)
        counts = {True: 0, False: 0}
        failures: list[AsstctlError] = []
        entries: list[tuple[str, Thread, int]] = []
        for thread in threads:
            apart = session.store.index.namesakes(thread) > 1
            path = directory / archive.file_name(thread, SUFFIXES[form], apart=apart)
            try:
                with closing(
                    current(reading, session, thread, kept=kept, files=not no_files)
                ) as whole:
                    content = noted(whole, invocation.notes)
                    if form is Form.JSON and not no_files:
                        lost = archive.copy_files(content, session.store.files.path, directory)
                        content = with_missing(content, lost)
                    text = partial(pieces, content, form, contents(session, thread))
                    if not replace:
                        removed = session.store.keeping.removed_of(thread)
                        demand_no_less(path, content, removed, text)
                    changed = archive.write(path, text())
            except AsstctlError as error:
                failures.append(error)
                listing.note(f"{thread.id}: {error.message}", sys.stderr)
                continue
            entries.append((path.name, content.thread, len(content.messages)))
            counts[changed] += 1
            if changed:
                sys.stdout.write(f"{path}\n")
        if form is Form.HTML and everything:
            from asstctl.render.page import index

            archive.write(directory / "index.html", index(entries))
        sys.stderr.write(f"asstctl: {counts[True]} written, {counts[False]} unchanged\n")
        if failures:
            raise summed(f"{count(len(failures), 'thread')} not exported", failures[0])
        reading.demand_current()


def current(
    reading: Reading,
    session: Session,
    thread: Thread,
    *,
    kept: bool,
    files: bool,
    copied: bool = False,
) -> Generator[Progress, None, "Archived"]:
    """Return all of a thread, after what is kept of it was brought up to date.

    Where the server no longer has it, or can't be reached, it is what is kept. Raises
    IncompleteError where the server's list could not be read to its end. A thread that is `copied`
    goes without runs that can't be had now.
    """
    from asstctl.transfer.archive import Archived
    from asstctl.transfer.fetch import fetch
    from asstctl.wire.pages import readable

    here = thread.kind.facts.kept_here
    if not (here or kept) and not session.home(thread).keeps:
        return Archived(thread, list(session.holder(thread).history(thread.id)))
    if not (here or kept):
        try:
            fetched = yield from fetch(session, thread, files=files)
        except AWAY as error:
            reading.fall_back(thread, error)
        else:
            if fetched.broken:
                raise fetched.broken
            unread = None if copied else fetched.unread
            reading.later += (unread, *fetched.later) if unread else fetched.later
    store = session.store
    messages, broken = readable(reading.kept(thread))
    number = store.messages.number(thread.key)
    done, known, missing = (
        store.runs.of(number),
        store.files.of(number),
        store.index.missing(thread),
    )
    if broken:
        reading.later.append(broken)
        missing = (*missing, broken.message)
    if damaged := store.runs.unreadable(number):
        missing = (*missing, f"{count(damaged, 'run')} that the disk damaged")
    thing = store.index.object(thread)
    thread = store.index.get(*thread.key)
    return Archived(thread, messages, (), done, missing, known, thing)


def with_missing(content: "Archived", lost: list[str]) -> "Archived":
    """Return a thread whose export lacks something more."""
    return replaced(content, missing=(*content.missing, *lost)) if lost else content


def pieces(content: "Archived", form: Form, read: Contents) -> Iterable[str]:
    """Yield the text of a thread's file in a form."""
    if form is Form.JSON:
        from asstctl.transfer import archive

        return archive.document(content)
    return transcript.pieces(content.thread, content.messages, transcript.Format(form), read)
