"""`asstctl threads delete`: threads, or what is kept of them."""

import sys
import time
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import ConfigError, NotFoundError
from asstctl.model import Thread
from asstctl.render import listing
from asstctl.session import Session

app = App()


@app.command()
def delete(
    ctx: typer.Context,
    references: Annotated[list[str], typer.Argument(metavar="REF...", help=options.REFERENCE)],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    keep_remote: Annotated[
        bool, typer.Option("--keep-remote", help="Forget them here, keep them on the server.")
    ] = False,
    kept: Annotated[
        bool, typer.Option("--kept", help="Delete what is kept here alone, leave the threads.")
    ] = False,
) -> None:
    """Delete threads, and all messages in them."""
    with options.invocation(ctx).session() as session:
        doomed = [session.known_thread(reference) for reference in references]
        if kept:
            delete_kept(session, doomed, yes=yes)
            return
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
                left = session.delete(thread, keep_remote=keep_remote)
            except NotFoundError as error:
                error.hint = "is it gone there? --keep-remote forgets it here"
                raise
            done = f"{'forgot' if keep_remote else 'deleted'} {thread.id}"
            listing.note(f"{done}; {left}" if left else done, sys.stderr)


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


def confirm(session: Session, doomed: list[Thread]) -> None:
    """Show the threads and ask; raises ConfigError where nobody can answer."""
    if not sys.stdin.isatty():
        raise ConfigError("deleting wants a yes, and there is no terminal to ask on", hint="add -y")
    listing.as_table(doomed, sys.stderr, session.environment, time.time())
    if not typer.confirm("Delete what was said in them for good?", err=True):
        sys.stderr.write("asstctl: nothing was deleted\n")
        raise typer.Exit(1)
