"""`asstctl threads delete`: threads, or what is kept of them."""

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, ConfigError, NotFoundError, summed
from asstctl.model import Thread
from asstctl.reading import gone
from asstctl.render import listing
from asstctl.session import Session

app = App()


@app.command(examples=["threads delete sky", "threads delete --kept --all"])
def delete(
    ctx: typer.Context,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF...]", help=options.REFERENCE)
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    keep_remote: Annotated[
        bool, typer.Option("--keep-remote", help="Forget them here, keep them on the server.")
    ] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Delete what is kept here alone, leave the threads.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With --kept: of every thread of a server.")
    ] = False,
    message: Annotated[
        str | None, typer.Option(metavar="ID", help="Delete one message of a thread alone.")
    ] = None,
) -> None:
    """Delete threads, and all messages in them."""
    if everything == bool(references) or (everything and not kept):
        raise typer.BadParameter("give threads, or --kept --all", param_hint="REF")
    if message and (everything or len(references or ()) != 1 or keep_remote):
        raise typer.BadParameter("it is of one thread", param_hint="--message")
    with options.invocation(ctx).session() as session:
        if everything:
            doomed = [t for t in session.threads() if not t.kind.alone(t.id)]
        else:
            doomed = [session.known_thread(reference) for reference in references or ()]
        if message:
            delete_message(session, doomed[0], message, kept=kept, yes=yes)
        elif kept:
            delete_kept(session, doomed, yes=yes)
        else:
            delete_threads(session, doomed, yes=yes, keep_remote=keep_remote)
        if aside := session.store.set_aside:
            names = ", ".join(map(str, aside))
            listing.note(f"a store that was set aside may hold it still: {names}", sys.stderr)


def delete_threads(session: Session, doomed: list[Thread], *, yes: bool, keep_remote: bool) -> None:
    """Delete threads; raises ConfigError for one that no server would have then."""
    here = [t for t in doomed if t.kind.alone(t.id)]
    if keep_remote and here:
        raise ConfigError(
            f"{here[0].id} is known here alone: no server would have it",
            hint="leave it alone, or delete it",
        )
    if not yes and not keep_remote:
        confirm(session, doomed)
    for thread in doomed:
        try:
            left = deleted(session, thread, keep_remote=keep_remote)
        except NotFoundError as error:
            error.hint = "is it gone there? --keep-remote forgets it here"
            raise
        done = f"{'forgot' if keep_remote else 'deleted'} {thread.id}"
        listing.note(f"{done}; {left}" if left else done, sys.stderr)


def deleted(session: Session, thread: Thread, *, keep_remote: bool) -> str:
    """Delete a thread from its server (not if `keep_remote`), then from the index.

    Return what is still kept of it, "" if nothing.
    """
    kept: list[str | None] = []
    if not keep_remote:
        with unused(session, thread):
            left_before = session.store.uploads.of(thread)
            try:
                kept = [session.holder(thread).delete(thread.id)]
            except NotFoundError as error:
                if not (left_before and gone(session, thread, error)):
                    raise  # else an earlier deletion stopped between it and them
            delete_uploads(session, thread)
    else:
        for file_id in session.store.uploads.of(thread, alone=False):
            session.store.uploads.disown(thread.endpoint, file_id)
    if not session.store.forget(thread):
        kept.append("another process keeps its words in a file until it ends")
    return "; ".join(filter(None, kept))


def unused(session: Session, thread: Thread) -> AbstractContextManager[None]:
    """Keep a thread's uploads from being used again by a copy meanwhile."""
    if not session.store.uploads.of(thread):
        return nullcontext()
    from asstctl.transfer.destination import copying  # few threads have uploads

    return copying(session)


def delete_uploads(session: Session, thread: Thread) -> None:
    """Delete what was uploaded for a thread alone, whose own deletion is done.

    Raises AsstctlError where a file is left; then the thread stays known here for another attempt,
    and nothing of what was said in it.
    """
    left: dict[str, AsstctlError] = {}
    for file_id in session.store.uploads.of(thread):
        try:
            session.holder(thread).delete_file(file_id)
        except AsstctlError as error:
            left[file_id] = error
    if left:
        session.store.forget_kept(thread)
        why = next(iter(left.values()))
        names = ", ".join(left)
        remaining = summed(
            f"{thread.id} is deleted, its uploads {names} are not: {why.message}", why
        )
        remaining.hint = "the same command again deletes them; --keep-remote leaves them there"
        raise remaining


def delete_message(
    session: Session, thread: Thread, message: str, *, kept: bool, yes: bool
) -> None:
    """Delete one message from its server (not if `kept`), and from what is kept of its thread."""
    if not yes:
        confirm(session, [thread], f"Delete the message {message} of it for good?")
    try:
        if not kept:
            session.holder(thread).delete_message(thread.id, message)
        found = session.store.forget_message(thread, message)
    except NotFoundError as error:
        error.hint = "is it gone there? --kept deletes it here"
        raise
    if not found and (kept or thread.kind.facts.kept_here):
        raise NotFoundError(
            f"{thread.id} has no message {message!r} here",
            hint=f"asstctl threads history {thread.id} --kept -o jsonl shows their ids",
        )
    listing.note(f"deleted {message} of {thread.id}", sys.stderr)


def delete_kept(session: Session, doomed: list[Thread], *, yes: bool) -> None:
    """Delete what is kept of servers' threads; raises ConfigError for one that is here alone."""
    if here := [thread for thread in doomed if thread.kind.alone(thread.id)]:
        raise ConfigError(f"{here[0].id} is here alone", hint="delete it without --kept")
    if not yes:
        confirm(session, doomed)
    for thread in doomed:
        shredded = session.store.forget_kept(thread)
        later = "" if shredded else "; another process keeps its words in a file until it ends"
        listing.note(f"deleted what was kept of {thread.id}{later}", sys.stderr)


QUESTION = "Delete what was said in them for good?"


def confirm(session: Session, doomed: list[Thread], question: str = QUESTION) -> None:
    """Show the threads and ask; raises ConfigError where nobody can answer."""
    if not sys.stdin.isatty():
        raise ConfigError("deleting wants a yes, and there is no terminal to ask on", hint="add -y")
    listing.as_table(doomed, sys.stderr, session.environment, time.time())
    if not typer.confirm(question, err=True):
        sys.stderr.write("asstctl: nothing was deleted\n")
        raise typer.Exit(1)
