"""Messages as another thread takes them: what its wire has as it is, placeholders for the rest."""

import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from asstctl._record import record
from asstctl.backends.naming import renamed
from asstctl.backends.placeholders import NAMES, placeholder
from asstctl.model import Message, Role
from asstctl.parts import (
    Part,
    Text,
    ToolCall,
    ToolResult,
)

EMPTY = "[no text]"
"""The text of a message without any: a reply that failed, say."""


@record
class Takes:
    """The messages that a thread takes as they are: kinds of parts, by the role that says them.

    `links` are the kinds that it takes by a web address, `items` the types of a service's objects
    that it takes whole. `apart`: each call and each result is a message of its own; `sources`: the
    citations of a text can be written. `longest`: the characters of a text. `inline`: contents may
    stand in a message as a data URL. `metadata`: messages keep theirs.
    """

    parts: Mapping[Role, tuple[type[Part], ...]]
    links: tuple[type[Part], ...] = ()
    items: Container[str] = ()
    apart: bool = False
    sources: bool = False
    longest: int = sys.maxsize
    inline: bool = False
    metadata: bool = False

    def writes(self, message: Message) -> bool:
        """Return whether the object that a message came as is what is written of it."""
        kind = _item(message)
        return kind in self.items or (self.apart and kind.endswith("_output"))


@record
class Added:
    """Messages that were added: their ids, "" where unknown, and what was refused, by kind.

    `unsure`: no answer says that each is there once, and they are to be counted. `more`: messages
    beyond one for each, where a text was too long for one.
    """

    ids: list[str] = field(default_factory=list)
    unsure: bool = False
    refused: Counter[str] = field(default_factory=Counter)
    more: int = 0

    def __add__(self, other: "Added") -> "Added":
        unsure = self.unsure or other.unsure
        refused, more = self.refused + other.refused, self.more + other.more
        return Added(self.ids + other.ids, unsure, refused, more)


class Pairs:
    """The calls of a thread and their answers: one without the other locks a conversation.

    Ids may come again; each answer belongs to the last call of its id before it.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._whole: set[tuple[int, str]] = set()  # the number of a message, and an id
        open_: dict[str, int] = {}
        self._number = -1
        for number, message in enumerate(messages):
            for name, answer in _calls(message):
                if not answer:
                    open_[name] = number
                elif name in open_:
                    self._whole |= {(open_.pop(name), name), (number, name)}

    def next(self) -> None:
        """Go on to the next message of the thread."""
        self._number += 1

    def __contains__(self, call: object) -> bool:
        """Return whether a call or an answer in the message at hand has the other one."""
        return (self._number, call) in self._whole


def _calls(message: Message) -> Iterator[tuple[str, bool]]:
    """Yield the ids of calls in a message, and whether each is an answer."""
    if call := _call(message):
        yield call, _item(message).endswith(("_output", "_response"))
        return
    for part in message.parts:
        if isinstance(part, ToolCall | ToolResult) and part.id:
            yield part.id, isinstance(part, ToolResult)


def _item(message: Message) -> str:
    """Return the type of the service's object that a message came as, "" where it is none."""
    return str((message.raw or {}).get("type") or "")


def _call(message: Message) -> str:
    """Return the id of the call that a service's object is, or answers; "" for any other."""
    raw = message.raw or {}
    names = {
        "mcp_approval_request": "id",
        "mcp_approval_response": "approval_request_id",
        "local_shell_call_output": "id",
    }
    found = raw.get("call_id") or raw.get(names.get(_item(message), "call_id"))
    return found if isinstance(found, str) else ""


class Taking:
    """Makes messages such as another thread takes; None for `takes`: it takes everything.

    `answered` are the calls with an answer; `fits` says whether a part's contents can be
    had there. `native` and `replaced` count the parts that stay what they are, and those that
    become placeholders, by kind.
    """

    def __init__(self, takes: Takes | None, answered: Pairs, fits: Callable[[Part], bool]) -> None:
        self._takes = takes
        self._answered = answered
        self._fits = fits
        self.native: Counter[str] = Counter()
        self.replaced: Counter[str] = Counter()

    def of(self, message: Message) -> Iterator[Message]:
        """Yield the next message as the thread takes it: several where tools' turns are apart."""
        self._answered.next()
        takes = self._takes
        if takes and message.raw and takes.writes(message):
            raw, lost = renamed(message.raw, lambda p: p.file.id if self._fits(p) else None)
            self.replaced.update(lost)
            message = replace(message, raw=raw)
        if takes is None or self._whole(message, takes):
            self.native.update(kinds(message))
            yield message
            return
        call = _call(message)
        if takes.writes(message) and not (call and call in self._answered):
            message = replace(message, raw=None)  # an open call, or a mere answer
        if message.role not in takes.parts:
            self.replaced[f"{message.role} role"] += 1
            message = replace(message, role="assistant")
        spoken: list[Part] = []
        begun = False
        for part in message.parts:
            taken = self._taken(part, takes.parts[message.role])
            if takes.apart and isinstance(taken, ToolCall | ToolResult):
                if says(spoken):
                    yield from pieces(replace(message, parts=joined(spoken)), takes.longest)
                spoken = []
                yield replace(message, parts=(taken,))
                begun = True
            else:
                spoken.append(taken)
        if not begun and not says(spoken):
            self.replaced["empty message"] += 1
            spoken = [Text(EMPTY)]
        if says(spoken):
            yield from pieces(replace(message, parts=joined(spoken)), takes.longest)

    def _whole(self, message: Message, takes: Takes) -> bool:
        """Return whether a message came as an object that is taken whole."""
        call = _call(message)
        return _item(message) in takes.items and (not call or call in self._answered)

    def _taken(self, part: Part, kinds: tuple[type[Part], ...]) -> Part:
        """Return a part, or its placeholder."""
        native = isinstance(part, kinds) and self._fits(part)
        if isinstance(part, ToolCall | ToolResult):
            native = native and part.id in self._answered
        if not isinstance(part, Text):
            (self.native if native else self.replaced)[NAMES[type(part)]] += 1
        return part if native else Text(placeholder(part))


def says(parts: Iterable[Part]) -> bool:
    """Return whether any part is more than blanks."""
    return any(not isinstance(part, Text) or part.text.strip() for part in parts)


def joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return parts that are all text as one text: some servers take no more than one."""
    texts = [part for part in parts if isinstance(part, Text)]
    if len(texts) < len(parts):
        return tuple(parts)
    sources = tuple(source for text in texts for source in text.citations)
    return (Text("\n\n".join(text.text for text in texts), sources),)


def pieces(message: Message, longest: int) -> Iterator[Message]:
    """Yield a message in as many as a thread takes its texts in: most are one."""
    if sum(len(part.text) for part in message.parts if isinstance(part, Text)) <= longest:
        yield message
        return
    taken: list[Part] = []
    room = longest
    for part in message.parts:
        for piece in split(part, longest):
            size = len(piece.text) if isinstance(piece, Text) else 0
            if size > room and says(taken):
                yield replace(message, parts=tuple(taken))
                taken, room = [], longest
            taken.append(piece)
            room -= size
    if says(taken):
        yield replace(message, parts=tuple(taken))


def split(part: Part, longest: int) -> Iterator[Part]:
    """Yield a text in pieces, each with the citations whose marks are in it; others as they are."""
    if not isinstance(part, Text):
        yield part
        return
    for start in range(0, len(part.text), longest) or (0,):
        piece = part.text[start : start + longest]
        last = start + longest >= len(part.text)
        cited = (c for c in part.citations if (c.marker in piece if c.marker else last))
        yield Text(piece, tuple(cited))


def kinds(message: Message) -> Counter[str]:
    """Return the parts of a message beside text, by kind."""
    return Counter(NAMES[type(part)] for part in message.parts if not isinstance(part, Text))
