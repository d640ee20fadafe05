"""A server's list of a thread's messages, merged into what is kept of the thread.

Readings and turns of several processes overlap. A counter of the store orders them: each write and
each start of a reading takes its next value. Nothing that was seen is lost, nothing stands twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from asstctl._record import record
from asstctl.model import Message
from asstctl.parts import words
from asstctl.store.objects import unsigned


@record
class Listed:
    """A message as a server lists it, and the mark of the prompt that it is."""

    message: Message
    mark: str = ""


@dataclass(slots=True)
class Entry:
    """A message as it is kept; `number` is its row, None for one that is new.

    `id` is the service's, "" where it is not known. `born` is the value of the counter when it was
    written, `learned` when the reading began that said it last. `gone`: the service has it no more.
    """

    number: int | None
    id: str
    role: str
    text: str
    mark: str = ""
    born: int = 0
    learned: int = 0
    gone: bool = False
    now: Message | None = None  # what replaces the kept one
    was: list[str] = field(default_factory=list)  # texts that were replaced, or seen and older


@record
class Order:
    """The values of the counter when the readings began that ordered a thread, and saw it whole."""

    order_at: int = 0
    whole_at: int = 0


def merge(
    entries: Sequence[Entry], listed: Iterable[Listed], began: int, known: Order, *, whole: bool
) -> tuple[list[Entry], Order]:
    """Merge a list, oldest first, whose reading began at the value `began` of the counter.

    Return the entries in their new order, changed where they are; `whole`: the list was read to
    both ends. Only such a list makes messages `gone`. A list of an export, `began` at 0, adds only.
    """
    once: dict[str, Listed] = {}
    for found in listed:
        whole = whole and found.message.id not in once
        once.setdefault(found.message.id, found)
    matched = _matched(entries, list(once.values()), began)
    late = began < known.whole_at
    for identity, found in once.items():
        if identity not in matched:
            new = Entry(None, identity, found.message.role, said(found.message), found.mark)
            new.born = new.learned = began
            new.gone, new.now = late, found.message
            matched[identity] = new
        else:
            _learn(matched[identity], found, began, late=late)
    ids = {id(entry) for entry in matched.values()}
    if whole:
        for entry in entries:
            if entry.id and id(entry) not in ids and entry.learned <= began:
                entry.gone = True
    in_order = [matched[identity] for identity in once]
    if began < known.order_at:  # a later list has ordered the thread: nothing moves
        ordered = _woven(entries, in_order)
    else:
        ordered = _newer_last(_woven(in_order, entries), ids, began)
    return ordered, Order(
        max(known.order_at, began), max(known.whole_at, began) if whole else known.whole_at
    )


def _matched(entries: Sequence[Entry], listed: list[Listed], began: int) -> dict[str, Entry]:
    """Return the entries that a list says, by their ids in it."""
    by_id = {entry.id: entry for entry in entries if entry.id}
    matched = {m.message.id: by_id[m.message.id] for m in listed if m.message.id in by_id}
    places = {found.message.id: number for number, found in enumerate(listed)}
    by_mark = {found.mark: number for number, found in enumerate(listed) if found.mark}
    after = 0
    place: int | None = None  # of the prompt before, where the list has it
    for entry in entries:
        if entry.id:
            place = places.get(entry.id)
        elif entry.role == "user":
            place = by_mark.get(entry.mark) if entry.mark else None
            unmarked = not (entry.mark and by_mark)
            if place is None and unmarked and entry.born <= began:  # a later one is not in it
                place = _equal(entry, listed, after, matched)
            if place is not None and listed[place].message.id not in matched:
                matched[listed[place].message.id] = entry
                after = place + 1
        elif place is not None and place + 1 < len(listed):
            found = listed[place + 1]
            theirs = found.message.role == entry.role and found.message.id not in matched
            if theirs and _begins(said(found.message), entry.text):
                matched[found.message.id] = entry
                place += 1
            else:
                place = None
    return matched


def _equal(
    entry: Entry, listed: list[Listed], after: int, matched: Mapping[str, Entry]
) -> int | None:
    """Return the place of the next prompt in a list that says the same as one without an id."""
    for place in range(after, len(listed)):
        found = listed[place].message
        same = found.role == entry.role and said(found).split() == entry.text.split()
        if same and found.id not in matched and not listed[place].mark:
            return place
    return None


def _begins(theirs: str, ours: str) -> bool:
    """Return whether one of two texts begins with the other: either side may have heard less."""
    return theirs.startswith(ours) or (bool(theirs) and ours.startswith(theirs))


def _learn(entry: Entry, found: Listed, began: int, *, late: bool) -> None:
    text = said(found.message)
    if entry.learned > began or not began:  # a later reading, or a turn, has said it already
        if text != entry.text and text not in entry.was:
            entry.was.append(text)
        return
    if text != entry.text and not text.startswith(entry.text):
        entry.was.append(entry.text)
    entry.id, entry.text, entry.now = found.message.id, text, found.message
    entry.mark = entry.mark or found.mark
    entry.learned, entry.gone = began, late


def _woven(frame: Sequence[Entry], others: Sequence[Entry]) -> list[Entry]:
    """Return a frame in its order, and behind each entry those that followed it in `others`."""
    there = {id(entry) for entry in frame}
    behind: dict[int | None, list[Entry]] = {}
    before: int | None = None
    for entry in others:
        if id(entry) in there:
            before = id(entry)
        else:
            behind.setdefault(before, []).append(entry)
    ordered = list(behind.get(None, ()))
    for entry in frame:
        ordered.append(entry)
        ordered += behind.get(id(entry), ())
    return ordered


def _newer_last(ordered: list[Entry], listed: set[int], began: int) -> list[Entry]:
    """Return entries with those at the beginning that are newer than the list at the end."""
    lead = list(takewhile(lambda entry: id(entry) not in listed, ordered))
    late = [entry for entry in lead if entry.born > began]
    early = [entry for entry in lead if entry.born <= began]
    return [*early, *ordered[len(lead) :], *late]


def said(message: Message) -> str:
    """Return a message's parts as they are compared."""
    return unsigned("\n".join(map(words, message.parts)))
