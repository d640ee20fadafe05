"""Threads from one server to another: what was planned is carried out.

A copy is noted with its source, so that a second run carries only what is new. How many messages
are on their way is noted before they are sent, so that a run that was stopped between two of them
neither loses one nor carries one twice.
"""

from collections.abc import Generator
from dataclasses import replace

from asstctl.backends import CHUNK
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, StoppedError
from asstctl.events import Progress
from asstctl.model import Message, Thread, count
from asstctl.transfer.destination import Destination
from asstctl.transfer.origins import metadata_of
from asstctl.transfer.placing import Locate
from asstctl.transfer.planning import Plan, made, settled, surplus


def carry_out(found: Plan) -> Generator[Progress, None, Thread]:
    """Carry out a plan and return the copy; each step is noted before it is taken.

    What the server refuses as it is goes from the plan's `native` to its `replaced`. Raises what
    the target raises, with how far it came.
    """
    source, to = found.source, found.to
    target = found.target or begun(found)
    now = replace(found.was, target_id=target.id, copied=found.already)
    total = len(found.units)
    what = f"copying {source.id}"
    unsure = False
    more = 0  # messages beyond one for each unit
    whole = -found.part  # the first message after those that are whole
    try:
        for start in range(0, total, CHUNK):
            yield Progress(what, start, total, "messages")
            chunk = found.units[start : start + CHUNK]
            end = start + len(chunk)
            now = replace(now, on_its_way=end - whole, before=found.before + whole + more)
            to.note(source, now)
            added = to.append(target, found.placing, [unit.message for unit in chunk])
            unsure, more = unsure or added.unsure, more + added.more
            if added.unsure:
                demand_arrived(to, target, found.before + end + more)
            found.native.subtract(added.refused)
            found.replaced.update(added.refused)
            found.placed.update(added.refused)
            for number, unit in enumerate(chunk, start + 1):
                if unit.last is not None:
                    whole = number
                    found.done.append(unit.last)
                    found.placed.update(unit.replaced)
                    now = replace(now, copied=now.copied + 1, last_id=unit.last)
            now = replace(now, on_its_way=end - whole, before=found.before + whole + more)
            to.note(source, now)
    except AsstctlError as error:
        there = now.copied - found.already
        error.hint = (
            error.hint or f"at least {there} of {found.messages} messages are in {target.id}"
        )
        raise
    except (KeyboardInterrupt, StoppedError) as left:
        goes_on = "the same command goes on with it"
        if found.forked:
            goes_on = f"asstctl threads delete {target.id} takes it away"
        left.add_note(f"{target.id} has a part of {source.id}; {goes_on}")
        raise
    yield Progress(what, total, total, "messages")
    if found.was.on_its_way or unsure:
        twice = sum(1 for _ in to.history(target)) - found.before - total - more
        if twice > 0:
            to.note(source, replace(now, surplus=twice))
            raise surplus(target.id, twice)
    return target


def demand_arrived(to: Destination, target: Thread, wanted: int) -> None:
    """Raise IncompleteError where a copy holds fewer messages than were taken, by the answers."""
    there = len(settled(to, target, list(to.history(target)), wanted))
    if there < wanted:
        raise IncompleteError(
            f"{target.id} holds {count(wanted - there, 'message')} less than its server took",
            hint="the same command goes on with it",
            retryable=True,
        )


def begun(found: Plan) -> Thread:
    """Make the empty copy, and note its source at once."""
    source = found.source
    taken = metadata_of(source, found.to.takes)
    return found.to.begin(source, taken, said=found.forked)


def fork(
    source: Thread, messages: list[Message], to: Destination, locate: Locate, at: str | None
) -> Plan:
    """Return the plan of a fork: a new thread on the same server, up to the message `at`.

    `at` is a message's id or its number from 1. Raises NotFoundError where there is no such.
    """
    if at is not None:
        messages = messages[: number_of(source, messages, at)]
    again = replace(source, id=f"{source.id}@{len(messages)}", name=None, said_at=0.0)
    return replace(made(again, messages, to, locate), forked=True)


def number_of(source: Thread, messages: list[Message], at: str) -> int:
    """Return the number of the message that a user means, from 1."""
    for number, message in enumerate(messages, 1):
        if at in (message.id, str(number)):
            return number
    raise NotFoundError(
        f"no message {at!r}: there are {len(messages)}",
        hint=f"asstctl threads history {source.id} -o jsonl shows their ids;"
        " a number counts from 1",
    )
