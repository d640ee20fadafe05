"""Plans of copies: the messages that one will hold, and those that are there already.

A message of the source becomes one message of the copy, or several where tools' turns stand apart
there: what is noted of a copy counts those of the source that are whole, and those sent after them.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import field, replace
from itertools import takewhile

from asstctl import parts
from asstctl._record import record
from asstctl.backends.adding import saying
from asstctl.backends.carrying import Pairs, Taking
from asstctl.backends.naming import names_in
from asstctl.backends.offering import forms
from asstctl.backends.placeholders import NAMES
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError
from asstctl.model import Message, Thread, count
from asstctl.parts import Text
from asstctl.store.copies import Copied
from asstctl.transfer.destination import Destination
from asstctl.transfer.origins import ORIGIN, OURS, begun_with, metadata_of, origin, trimmed
from asstctl.transfer.placing import Locate, Placing

LOOKS, LOOK_SECONDS = 2, 2.0
"""How often, and after how many seconds, it is looked again for what a stopped run has sent."""


@record
class Unit:
    """A message of a copy; `last` is the id of the source's that ends with it, None: none does."""

    message: Message
    last: str | None
    replaced: Counter[str] = field(default_factory=Counter)  # placeholders of the source's message


@record
class Plan:
    """A planned copy of `units` to `to`; the source's first `already` are there.

    After those, `part` messages of the next one are there too. `native` and `replaced` count parts
    that stay what they are, and placeholders, by kind.
    """

    source: Thread
    to: Destination
    target: Thread | None  # None: a new thread
    placing: Placing
    units: list[Unit]
    already: int = 0
    part: int = 0
    native: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    cut: int = 0  # pairs of metadata that the target's wire can't take, or not whole
    was: Copied = field(default_factory=lambda: Copied(""))  # the note of the copy so far
    before: int = 0  # messages that the target holds
    forked: bool = False
    done: list[str] = field(default_factory=list)  # messages of the source that arrived whole
    placed: Counter[str] = field(default_factory=Counter)  # placeholders that arrived, by kind
    missing: Counter[str] = field(default_factory=Counter)  # files without contents, by kind

    @property
    def messages(self) -> int:
        """How many of the source's messages are to copy."""
        return sum(unit.last is not None for unit in self.units)

    @property
    def held(self) -> set[str]:
        """The ids of the files that the messages to copy hold."""
        return set(names_in(unit.message for unit in self.units))

    @property
    def citations(self) -> int:
        """How many citations the target's wire can't write."""
        if self.to.writes_sources:
            return 0
        texts = (p for u in self.units for p in u.message.parts if isinstance(p, Text))
        return sum(len(text.citations) for text in texts)


def plan(source: Thread, messages: Iterable[Message], to: Destination, locate: Locate) -> Plan:
    """Return the plan of copying a thread into a profile; nothing is changed.

    Raises NotFoundError where a copy that was made before is gone, AsstctlError where the source
    lost the message that was copied last.
    """
    everything = ended_ones(messages)
    target, was = to.copy_of(source)
    already = position(source, everything, was) if target and was else 0
    found = made(source, everything, to, locate, already)
    if not (target and was):
        return found
    try:
        there = list(to.history(target))
    except NotFoundError as error:
        error.hint = f"is it gone? asstctl threads delete {target.id} --keep-remote forgets it"
        raise
    except AsstctlError:  # a list that can't be read whole
        if was.on_its_way or not found.units:
            raise
        return replace(found, target=target, already=already, was=was, before=was.before)
    if was.surplus and (more := len(there) - was.before) > 0:  # nobody took it out since
        raise surplus(target.id, more)
    arrived = 0
    if was.on_its_way:  # the last run was stopped: count what reached the copy
        sent = [unit.message for unit in found.units[: was.on_its_way]]
        there = settled(to, target, there, was.before + len(sent))
        arrived = count_arrived(sent, there[was.before :])
        if arrived < len(sent) and len(there) > was.before + arrived:
            raise IncompleteError(
                f"{target.id} holds messages that may be those that were on their way to it",
                hint=f"asstctl threads delete {target.id}, and the same copy again, makes it whole",
            )
        if more := twice(sent, there[was.before + arrived :]):
            raise surplus(target.id, more)
    counts = found  # of what arrived before nothing is counted again
    if arrived:
        counts = made(source, everything, to, locate, already + ended(found.units[:arrived]))
    whole = [unit.last for unit in found.units[:arrived]]
    ends = [number for number, last in enumerate(whole, 1) if last is not None]
    last_id = next((last for last in reversed(whole) if last is not None), was.last_id)
    return replace(
        found,
        target=target,
        units=found.units[arrived:],
        already=already + len(ends),
        part=arrived - (ends[-1] if ends else 0),
        was=replace(was, last_id=last_id),
        before=len(there),
        native=counts.native,
        replaced=counts.replaced,
        cut=counts.cut,
    )


def twice(sent: list[Message], after: list[Message]) -> int:
    """Count the messages after those that were sent which are the same ones again.

    By the ids that they bring along; without those all that was sent comes again, in order.
    """
    ids = {message.metadata.get(ORIGIN) for message in sent} - {None}
    if any(ORIGIN in message.metadata for message in after):
        return sum(message.metadata.get(ORIGIN) in ids for message in after)
    again = len(sent) > 1 and count_arrived(sent, after) == len(sent)
    return len(sent) if again else 0


def ended_ones(messages: Iterable[Message]) -> list[Message]:
    """Return messages without a reply at their end that is still being written."""
    found = list(messages)
    while found and is_unfinished(found[-1]):
        found.pop()
    return found


def is_unfinished(message: Message) -> bool:
    """Return whether a reply is being written: nothing of it is there, or its server says so."""
    status = (message.raw or {}).get("status")
    nothing = message.status == "cut" and not any(map(parts.words, message.parts))
    return message.role == "assistant" and (nothing or status == "in_progress")


def surplus(target_id: str, more: int) -> IncompleteError:
    """Return the error of a copy that holds more than was sent to it."""
    return IncompleteError(
        f"{target_id} holds {count(more, 'message')} more than were copied: a request arrived"
        " late, after it was sent again",
        hint=f"asstctl threads delete {target_id}, and the same copy again, makes it whole",
    )


def ended(units: Iterable[Unit]) -> int:
    """Count the messages of a source that some units complete."""
    return sum(unit.last is not None for unit in units)


def settled(to: Destination, target: Thread, there: list[Message], wanted: int) -> list[Message]:
    """Return what a copy holds once nothing of a stopped run can be on its way any more.

    A gateway goes on with the request of a process that was killed.
    """
    for _ in range(LOOKS):
        if len(there) >= wanted:
            break
        time.sleep(LOOK_SECONDS)
        there = list(to.history(target))
    return there


def made(
    source: Thread, everything: list[Message], to: Destination, locate: Locate, already: int = 0
) -> Plan:
    """Return the plan that carries messages but for the first, as the profile takes them."""
    placing = to.placing(source, locate)
    answered = Pairs(everything)
    taking = Taking(to.takes, answered, placing.fits)
    for _ in range(already):
        answered.next()
    units: list[Unit] = []
    cut = 0
    missing: Counter[str] = Counter()
    for message in everything[already:]:
        facts = origin(message)
        metadata = facts if to.takes is None else trimmed(facts)
        if to.takes and not to.takes.metadata:
            cut += sum(not key.startswith(OURS) for key in message.metadata)
            taking.replaced.update(["end of a cut reply"] * (message.status == "cut"))
        else:
            cut += len(facts.items() - metadata.items())
        before = Counter(taking.replaced)
        *parts, last = taking.of(replace(message, metadata=metadata))
        units += (Unit(replace(part, id=""), None) for part in parts)
        units.append(Unit(replace(last, id=""), message.id, taking.replaced - before))
        if to.takes is None:
            missing.update(NAMES[type(p)] for p in message.parts if not placing.at_hand(p))
    if not already:
        cut += len(begun_with(source).items() - metadata_of(source, to.takes).items())
    return Plan(
        source,
        to,
        None,
        placing,
        units,
        already,
        native=taking.native,
        replaced=taking.replaced,
        cut=cut,
        missing=missing,
    )


def position(source: Thread, everything: list[Message], was: Copied) -> int:
    """Return how many messages of a source its copy has already.

    Raises IncompleteError where older ones have come to light since, which the copy lacks.
    """
    if not was.last_id:
        return was.copied
    places = [n for n, message in enumerate(everything, 1) if message.id == was.last_id]
    if places:
        number = min(places, key=lambda n: abs(n - was.copied))  # an id may come again
        if number > was.copied:
            raise IncompleteError(
                f"{was.target_id} lacks {count(number - was.copied, 'message')} of"
                f" {source.id} that were not known here when it was copied",
                hint=f"asstctl threads delete {was.target_id}, and the same copy again,"
                " makes it whole",
            )
        return number
    raise AsstctlError(
        f"{source.id} no longer holds the message that was copied last to {was.target_id}",
        hint=f"asstctl threads export {source.id} keeps what it holds now",
    )


def count_arrived(sent: list[Message], there: list[Message]) -> int:
    """Count the messages that stand in a thread where they should, of those on their way."""
    both = zip(sent, map(bare, there), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[1] in map(bare, forms(pair[0])), both))


def bare(message: Message) -> tuple[str, str]:
    """Return what a message says without its blanks, images and files: those get other names."""
    role, text = saying(message)
    return role, " ".join(parts.bare(text))
