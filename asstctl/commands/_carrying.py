"""`asstctl threads import`, `copy` and `fork`: threads from files, and to other servers."""

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asstctl._json import objects
from asstctl.commands import options
from asstctl.commands._exporting import current
from asstctl.commands._fetching import chosen
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, summed
from asstctl.model import Thread, count
from asstctl.reading import Reading
from asstctl.render import listing, noted
from asstctl.session import Session

if TYPE_CHECKING:
    from asstctl.transfer.archive import Archived
    from asstctl.transfer.planning import Plan

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
    from asstctl.transfer.destination import Destination, copying
    from asstctl.transfer.planning import plan

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
                restored = 0 if dry_run else to.restore(there, found)
                told = f"; {count(restored, 'message')} came back" if restored else ""
                listing.note(f"{there.id} is here already{told}", sys.stderr)
                continue
            with copying(session):
                made = plan(found.thread, found.messages, to, archive.files_of(found))
                carry(made, found, invocation, dry_run=dry_run)
        if failures:
            raise summed(f"{count(len(failures), 'file')} not imported", failures[0])


@app.command(examples=["threads copy sky --to local --dry-run"])
def copy(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="PROFILE", help="Where to copy them.")],
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF...]", help=options.REFERENCE)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every thread in the index that is not there, nor a copy.")
    ] = False,
    remote: Annotated[
        bool, typer.Option("--remote", help="Every thread that the server lists.")
    ] = False,
    dry_run: options.DryRun = False,
    no_files: Annotated[
        bool, typer.Option("--no-files", help="Fetch and upload no files: placeholders do.")
    ] = False,
) -> None:
    """Copy threads to another profile's server; a second run copies only what is new."""
    if sum((bool(references), everything, remote)) != 1:
        raise typer.BadParameter("give threads, --all or --remote", param_hint="REF")
    from asstctl.transfer.destination import Destination, copying
    from asstctl.transfer.placing import kept_files
    from asstctl.transfer.planning import plan
    from asstctl.wire.pages import readable

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        target = Destination(session, session.settings(to), files=not no_files)
        reading = Reading(session, invocation.notes.write)
        copied = session.store.copies.is_copy
        listed, broken = readable(chosen(session, references, remote=remote), AsstctlError)
        if broken and not listed:
            raise broken
        threads = [
            thread
            for thread in listed
            if references or not (target.holds(thread) or copied(thread))
        ]
        sums = Sums()
        with copying(session):
            for thread in threads:
                made = None
                try:
                    before = len(reading.later)
                    found = whole(reading, session, thread, invocation, files=not no_files)
                    locate = kept_files(session.store, thread)
                    made = plan(thread, found.messages, target, locate)
                    if not no_files:
                        demand_files(made, reading.later[before:])
                    carry(made, found, invocation, dry_run=dry_run)
                    sums.add(made, found)
                except AsstctlError as error:
                    if len(threads) == 1 and not broken:
                        raise
                    sums.fail(error, made)
                    listing.note(f"{thread.id}: {error.message}", sys.stderr)
        if len(threads) != 1:
            listing.note(sums.told(dry_run=dry_run, keeps=target.keeps), sys.stderr)
        if sums.failures:
            raise summed(f"{count(len(sums.failures), 'thread')} not copied", sums.failures[0])
        if broken:
            raise broken
        reading.demand_current()


def whole(
    reading: Reading,
    session: Session,
    thread: Thread,
    invocation: options.Invocation,
    *,
    files: bool = True,
) -> "Archived":
    """Return all that a thread holds; `files`: with the contents of its files."""
    with closing(current(reading, session, thread, kept=False, files=files, copied=True)) as work:
        return noted(work, invocation.notes)


class Sums:
    """The sums of a copy of several threads."""

    def __init__(self) -> None:
        self.failures: list[AsstctlError] = []
        self._threads = self._messages = self._already = self._missing = self._cut = 0
        self._native: Counter[str] = Counter()
        self._replaced: Counter[str] = Counter()
        self._beside: Counter[str] = Counter()

    def add(self, made: "Plan", found: "Archived") -> None:
        """Add a thread that was carried."""
        self._threads += 1
        self._messages += made.messages
        self._already += made.already
        self._cut += made.cut
        self._missing += len(found.missing) + sum(bool(k.missing) for k in found.files)
        self._native.update(made.native)
        self._replaced.update(made.replaced)
        self._beside.update(beside(made, found))

    def fail(self, error: AsstctlError, made: "Plan | None") -> None:
        """Add a thread that was not carried, or not whole: what arrived of it counts."""
        self.failures.append(error)
        if made:
            self._messages += len(made.done)
            self._already += made.already
            self._replaced.update(made.placed)

    def told(self, *, dry_run: bool, keeps: bool) -> str:
        """Return the sums in words; `keeps`: what the copies hold is kept here."""
        done = "to copy" if dry_run else "copied"
        facts = [
            f"{count(self._messages, 'message')} of {count(self._threads, 'thread')} {done}",
            f"{self._already} there already",
            f"as they are: {counted(self._native) or 'nothing but text'}",
            f"as placeholders: {counted(self._replaced) or 'nothing'}",
            f"{left(keeps=keeps)}: {counted(self._beside) or 'nothing'}",
            f"{self._missing} missing at their servers",
            f"{count(len(self.failures), 'thread')} failed",
        ]
        if self._cut:
            facts.insert(-1, cut_short(self._cut))
        return "; ".join(facts)


def demand_files(made: "Plan", later: list[AsstctlError]) -> None:
    """Raise the error of a file that a copy would lack for good, and that may be had later."""
    if later and (made.replaced["image"] or made.replaced["file"]):
        raise later[0]


def left(*, keeps: bool) -> str:
    """Return in words what becomes of what a copy's wire can't write."""
    return "kept here alone" if keeps else "not carried"


def cut_short(pairs: int) -> str:
    """Return in words how many pairs of metadata a server can't take whole."""
    return f"{count(pairs, 'pair')} of metadata left out, or cut short"


def counted(kinds: Mapping[str, int]) -> str:
    """Return counts by kind in words, "" for nothing."""
    return ", ".join(count(number, kind) for kind, number in kinds.items() if number > 0)


def beside(made: "Plan", found: "Archived") -> dict[str, int]:
    """Return what the copy's wire can't write, by kind: it is kept beside the copy."""
    if made.to.takes is None:
        return {}
    steps = sum(len(objects(run.get("steps"))) for run in found.runs)
    return {"citation": made.citations, "run step": steps, "tool resource": resources(found)}


def resources(found: "Archived") -> int:
    """Count the files and the vector stores that a thread of a service gives its tools."""
    tools = (found.object or {}).get("tool_resources")
    lists = (ids for tool in (tools or {}).values() for ids in (tool or {}).values())
    return sum(len(ids) for ids in lists if isinstance(ids, list))


def carry(
    plan: "Plan", found: "Archived", invocation: options.Invocation, *, dry_run: bool
) -> None:
    """Carry a plan out and print the copy's id; or print the plan."""
    if dry_run:
        facts = {
            "from": plan.source.id,
            "profile": plan.to.profile,
            "to": plan.target.id if plan.target else "a new thread",
            "there already": plan.already,
            "to copy": plan.messages,
            "as they are": counted(plan.native) or "nothing but text",
            "as placeholders": counted(plan.replaced) or "nothing",
            left(keeps=plan.to.keeps): counted(beside(plan, found)) or "nothing",
        }
        facts |= {"metadata cut": count(plan.cut, "pair")} if plan.cut else {}
        listing.pairs(facts, sys.stdout)
        return
    from asstctl.transfer.copy import carry_out

    try:
        target = noted(carry_out(plan), invocation.notes)
    except AsstctlError as error:
        if plan.placed:
            error.hint = "; ".join(
                filter(None, (error.hint, f"as placeholders so far: {counted(plan.placed)}"))
            )
        raise
    if plan.to.keeps:
        plan.to.keep_beside(target, found, plan.held if plan.forked else None)
    told = f"{count(plan.messages, 'message')} of {plan.source.id} copied to {target.id}"
    if replaced := counted(plan.replaced):
        told += f"; as placeholders: {replaced}"
    if (more := counted(beside(plan, found))) and plan.messages:
        told += f"; {left(keeps=plan.to.keeps)}: {more}"
    if plan.cut:
        told += f"; {cut_short(plan.cut)}"
    if plan.missing:
        told += f"; without contents: {counted(plan.missing)}"
    listing.note(told, sys.stderr)
    listing.lines([[target.id]], sys.stdout)


@app.command(examples=["threads fork sky --at 2"])
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
    from asstctl.transfer.destination import Destination, copying
    from asstctl.transfer.placing import kept_files

    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference)
        reading = Reading(session, invocation.notes.write)
        found = whole(reading, session, thread, invocation)
        home = Destination(session, session.home(thread))
        locate = kept_files(session.store, thread)
        made = forked(thread, found.messages, home, locate, at)
        demand_files(made, reading.later)
        with copying(session):
            carry(made, found, invocation, dry_run=False)
        reading.demand_current()
