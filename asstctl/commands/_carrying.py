"""`asstctl threads export`, `import`, `copy` and `fork`: threads as files and elsewhere."""

import sys
from collections.abc import Iterable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.render import listing, noted, transcript

if TYPE_CHECKING:
    from asstctl.transfer.copy import Plan

app = App()


class Form(StrEnum):
    """The forms of exported threads; json is the one that `import` reads."""

    JSON = "json"
    MARKDOWN = "markdown"
    TEXT = "text"
    JSONL = "jsonl"


SUFFIXES = {Form.JSON: ".json", Form.MARKDOWN: ".md", Form.TEXT: ".txt", Form.JSONL: ".jsonl"}


@app.command()
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
) -> None:
    """Write threads as files, one a thread; a file that would not change is left alone."""
    if everything == bool(references):
        raise typer.BadParameter("give threads, or --all", param_hint="REF")
    from asstctl.transfer import archive  # other commands on threads do without

    with options.invocation(ctx).session() as session:
        threads = session.threads() if everything else map(session.known_thread, references or [])
        counts = {True: 0, False: 0}
        failures: list[AsstctlError] = []
        for thread in threads:
            apart = session.store.index.namesakes(thread) > 1
            path = directory / archive.file_name(thread, SUFFIXES[form], apart=apart)
            try:
                with closing(session.history(thread)) as messages:
                    changed = archive.write(path, pieces(thread, messages, form))
            except AsstctlError as error:
                failures.append(error)
                listing.note(f"{thread.id}: {error.message}", sys.stderr)
                continue
            counts[changed] += 1
            if changed:
                sys.stdout.write(f"{path}\n")
        sys.stderr.write(f"asstctl: {counts[True]} written, {counts[False]} unchanged\n")
        if failures:
            raise failed(f"{listing.count(len(failures), 'thread')} not exported", failures[0])


def failed(words: str, first: AsstctlError) -> AsstctlError:
    """Return the error that sums up several, with the exit code of the first."""
    error = AsstctlError(words, hint=first.hint, retryable=first.retryable)
    error.exit_code = first.exit_code
    return error


def pieces(thread: Thread, messages: Iterable[Message], form: Form) -> Iterable[str]:
    """Yield the text of a thread's file in a form."""
    if form is Form.JSON:
        from asstctl.transfer import archive

        return archive.document(thread, messages)
    return transcript.pieces(thread, messages, transcript.Format(form))


@app.command("import")
def import_(
    ctx: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files, or folders of an export.")
    ],
    dry_run: options.DryRun = False,
) -> None:
    """Read threads from files into the profile; a second run reads only what is new."""
    from asstctl.transfer import archive
    from asstctl.transfer.copy import plan
    from asstctl.transfer.destination import Destination, copying

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        failures: list[AsstctlError] = []
        to = None
        for found in (thread for path in files for thread in archive.read(path)):
            if isinstance(found, AsstctlError):
                failures.append(found)
                listing.note(found.message, sys.stderr)
                continue
            for note in found.notes:
                listing.note(note, sys.stderr)
            to = to or Destination(session, session.settings(session.profile))
            if there := to.resident(found.thread):
                listing.note(f"{there.id} is here already", sys.stderr)
                continue
            with copying(session):
                carry(plan(found.thread, found.messages, to), invocation, dry_run=dry_run)
        if failures:
            raise failed(f"{listing.count(len(failures), 'file')} not imported", failures[0])


@app.command()
def copy(
    ctx: typer.Context,
    reference: options.Named,
    to: Annotated[str, typer.Option("--to", metavar="PROFILE", help="Where to copy it.")],
    dry_run: options.DryRun = False,
) -> None:
    """Copy a thread to another profile's server; a second run copies only what is new."""
    from asstctl.transfer.copy import plan
    from asstctl.transfer.destination import Destination, copying

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference)
        target = Destination(session, session.settings(to))
        with copying(session):
            carry(plan(thread, session.history(thread), target), invocation, dry_run=dry_run)


def carry(plan: "Plan", invocation: options.Invocation, *, dry_run: bool) -> None:
    """Carry a plan out and print the copy's id; or print the plan."""
    placeholders = ", ".join(listing.count(n, kind) for kind, n in plan.replaced.items())
    if dry_run:
        facts = {
            "from": plan.source.id,
            "profile": plan.to.profile,
            "to": plan.target.id if plan.target else "a new thread",
            "there already": plan.already,
            "to copy": len(plan.messages),
            "as placeholders": placeholders or "nothing",
        }
        listing.pairs(facts, sys.stdout)
        return
    from asstctl.transfer.copy import carry_out

    target = noted(carry_out(plan), invocation.notes)
    told = listing.count(len(plan.messages), "message")
    instead = f"; as placeholders: {placeholders}" if placeholders else ""
    listing.note(f"{told} of {plan.source.id} copied to {target.id}{instead}", sys.stderr)
    listing.lines([[target.id]], sys.stdout)


@app.command()
def fork(
    ctx: typer.Context,
    reference: options.Named,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="MESSAGE", help="Up to this message: its id or number."),
    ] = None,
) -> None:
    """Make a new thread of a thread's messages, on the same server, and print its id."""
    from asstctl.transfer.copy import fork as forked
    from asstctl.transfer.destination import Destination

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference)
        messages = list(session.history(thread))
        home = Destination(session, session.home(thread))
        carry(forked(thread, messages, home, at), invocation, dry_run=False)
