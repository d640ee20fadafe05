"""`asstctl threads import`, `copy` and `fork`: threads from files, and to other servers."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asstctl.commands import options
from asstctl.commands._exporting import messages_of
from asstctl.commands._fetching import chosen
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, summed
from asstctl.model import Thread, count
from asstctl.reading import Reading
from asstctl.render import listing, noted

if TYPE_CHECKING:
    from asstctl.transfer.copy import Plan

app = App()


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
                restored = to.restore(there, found)
                told = f"; {count(restored, 'message')} came back" if restored else ""
                listing.note(f"{there.id} is here already{told}", sys.stderr)
                continue
            with copying(session):
                made = plan(found.thread, found.messages, to)
                carry(made, invocation, dry_run=dry_run)
                if not dry_run:
                    to.keep_beside(found)
        if failures:
            raise summed(f"{count(len(failures), 'file')} not imported", failures[0])


@app.command()
def copy(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="PROFILE", help="Where to copy them.")],
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF...]", help=options.REFERENCE)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every thread in the index that is not there.")
    ] = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Every thread that the server lists.")
    ] = False,
    dry_run: options.DryRun = False,
) -> None:
    """Copy threads to another profile's server; a second run copies only what is new."""
    if sum((bool(references), everything, remote)) != 1:
        raise typer.BadParameter("give threads, --all or --remote", param_hint="REF")
    from asstctl.transfer.copy import plan
    from asstctl.transfer.destination import Destination, copying

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        target = Destination(session, session.settings(to))
        reading = Reading(session, invocation.notes.write)
        threads: Iterable[Thread] = chosen(session, references, remote=remote)
        threads = [t for t in threads if not (everything and target.holds(t))]
        sums = Sums()
        with copying(session):
            for thread in threads:
                try:
                    with closing(messages_of(reading, session, thread)) as whole:
                        messages = noted(whole, invocation.notes).messages
                    made = plan(thread, messages, target)
                    carry(made, invocation, dry_run=dry_run)
                    sums.add(made)
                except AsstctlError as error:
                    if len(threads) == 1:
                        raise
                    sums.failures.append(error)
                    listing.note(f"{thread.id}: {error.message}", sys.stderr)
        if len(threads) != 1:
            listing.note(sums.told(dry_run=dry_run), sys.stderr)
        if sums.failures:
            raise summed(f"{count(len(sums.failures), 'thread')} not copied", sums.failures[0])
        reading.demand_current()


class Sums:
    """The sums of a copy of several threads."""

    def __init__(self) -> None:
        self.failures: list[AsstctlError] = []
        self._threads = self._messages = self._already = 0
        self._replaced: Counter[str] = Counter()

    def add(self, made: "Plan") -> None:
        """Add a thread that was carried."""
        self._threads += 1
        self._messages += len(made.messages)
        self._already += made.already
        self._replaced.update(made.replaced)

    def told(self, *, dry_run: bool) -> str:
        """Return the sums in words."""
        done = "to copy" if dry_run else "copied"
        facts = [
            f"{count(self._messages, 'message')} of {count(self._threads, 'thread')} {done}",
            f"{self._already} there already",
            f"as placeholders: {placeholders(self._replaced) or 'nothing'}",
            f"{count(len(self.failures), 'thread')} failed",
        ]
        return "; ".join(facts)


def placeholders(replaced: Mapping[str, int]) -> str:
    """Return what stands as placeholders in a copy, in words, "" for nothing."""
    return ", ".join(count(n, kind) for kind, n in replaced.items())


def carry(plan: "Plan", invocation: options.Invocation, *, dry_run: bool) -> None:
    """Carry a plan out and print the copy's id; or print the plan."""
    replaced = placeholders(plan.replaced)
    if dry_run:
        facts = {
            "from": plan.source.id,
            "profile": plan.to.profile,
            "to": plan.target.id if plan.target else "a new thread",
            "there already": plan.already,
            "to copy": len(plan.messages),
            "as placeholders": replaced or "nothing",
        }
        listing.pairs(facts, sys.stdout)
        return
    from asstctl.transfer.copy import carry_out

    target = noted(carry_out(plan), invocation.notes)
    told = count(len(plan.messages), "message")
    instead = f"; as placeholders: {replaced}" if replaced else ""
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
        reading = Reading(session, invocation.notes.write)
        with closing(messages_of(reading, session, thread)) as whole:
            messages = noted(whole, invocation.notes).messages
        home = Destination(session, session.home(thread))
        carry(forked(thread, messages, home, at), invocation, dry_run=False)
        reading.demand_current()
