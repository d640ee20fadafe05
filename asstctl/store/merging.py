"""A server's list of a thread's messages, merged into what is kept of the thread.

Readings and turns of several processes overlap. A counter of the store orders them: each write and
each start of a reading takes its next value. Nothing that was seen is lost, nothing stands twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from asstctl._record import record
from asstctl.model import Message
from asstctl.parts import bare, words
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
    run: str = ""  # the service's id of the run that it belongs to
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
    matching = _Matching(entries, listed, began)
    for entry in entries:
        matching.find(entry)
    return matching.matched


class _Matching:
    """Finds entries in a list, one after the other, oldest first."""

    def __init__(self, entries: Sequence[Entry], listed: list[Listed], began: int) -> None:
        self._listed = listed
        self._began = began
        self._places = {found.message.id: number for number, found in enumerate(listed)}
        self._marks = {found.mark: number for number, found in enumerate(listed) if found.mark}
        self._runs: dict[tuple[str, str], list[int]] = {}
        for number, found in enumerate(listed):
            if found.message.run:
                own = self._runs.setdefault((found.message.run, found.message.role), [])
                own.append(number)
        self._after = 0
        self._place: int | None = None  # of the entry before, where the list has it
        self.matched = {entry.id: entry for entry in entries if entry.id in self._places}

    def find(self, entry: Entry) -> None:
        """Find the next entry; one that was streamed may have another id in the list."""
        streamed = not entry.learned and entry.id not in self._places
        if entry.id and not streamed:
            self._place = self._places.get(entry.id)
        elif entry.role == "user":
            self._prompt(entry)
        else:
            self._reply(entry)

    def _prompt(self, entry: Entry) -> None:
        place = self._marks.get(entry.mark) if entry.mark else None
        unmarked = not (entry.mark and self._marks)
        if place is None and unmarked and entry.born <= self._began:  # a later one is not in it
            place = self._equal(entry, self._after)
            place = self._equal(entry, 0) if place is None else place
        self._place = place
        if place is not None and self._is_free(place):
            self._match(place, entry)
            self._after = place + 1

    def _reply(self, entry: Entry) -> None:
        own = self._runs.get((entry.run, entry.role)) if entry.run else None
        if own:
            place = next(filter(self._is_free, own), None)
            self._place = place if entry.born <= self._began else None
        elif self._place is not None:
            self._place = self._next(self._place + 1, entry)
        if self._place is not None:
            self._match(self._place, entry)

    def _next(self, place: int, entry: Entry) -> int | None:
        """Return a place if what stands there is a reply as an entry has it."""
        if place == len(self._listed) or not self._is_free(place):
            return None
        found = self._listed[place].message
        theirs = found.role == entry.role and _begins(said(found), entry.text)
        return place if theirs else None

    def _equal(self, entry: Entry, after: int) -> int | None:
        """Return the place of the next prompt that says the same as one without an id."""
        for place in range(after, len(self._listed)):
            found = self._listed[place]
            same = bare(said(found.message)) == bare(entry.text)
            free = found.message.role == entry.role and not found.mark and self._is_free(place)
            if same and free:
                return place
        return None

    def _is_free(self, place: int) -> bool:
        return self._listed[place].message.id not in self.matched

    def _match(self, place: int, entry: Entry) -> None:
        self.matched[self._listed[place].message.id] = entry


def _begins(theirs: str, ours: str) -> bool:
    """Return whether one of two texts begins with the other: either side may have heard less."""
    return theirs.startswith(ours) or (bool(theirs) and ours.startswith(theirs))


def _learn(entry: Entry, found: Listed, began: int, *, late: bool) -> None:
    text = said(found.message)
    if entry.learned > began or not began:  # a later reading, or a turn, has said it already
        if text != entry.text and text not in entry.was:
            entry.was.append(text)
        return
    if not is_half(found.message.raw or {}, text, entry.text):
        if text != entry.text and not text.startswith(entry.text):
            entry.was.append(entry.text)
        entry.text, entry.now = text, found.message
    entry.id, entry.mark = found.message.id, entry.mark or found.mark
    entry.learned, entry.gone = began, late


def is_half(raw: Mapping[str, Any], listed: str, text: str) -> bool:
    """Return whether a list caught a message as it was written, and no more of it than a text."""
    return raw.get("status") == "in_progress" and text.startswith(listed)


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
