"""The messages of threads on one server, and which of them are a prompt and its reply.

A prompt is known by identity, never by its text: by a mark in its metadata, by the id that the
service gave it, or by the ids of the messages that were read before it was sent.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from asstctl.backends.adding import Saying, saying
from asstctl.backends.assistants import objects
from asstctl.backends.content import text_of
from asstctl.model import MARK, mark_of
from asstctl.store.abilities import Abilities
from asstctl.wire.pages import PAGE, USUAL_PAGE, pages, readable
from asstctl.wire.patience import Seen
from asstctl.wire.requests import at
from asstctl.wire.wire import Wire

MARKS = "marks in metadata"
"""The name of an ability in the store's table: to keep metadata, and say it again."""

REMEMBERED = 2 * PAGE
"""Ids that are remembered of a thread: its newest ones alone can tell what is newer."""


def new_mark() -> str:
    """Return a mark that no other prompt has."""
    return os.urandom(8).hex()


class Said:
    """One prompt, told from every other one.

    `known` are ids of messages that were in the thread before. `fresh`: the thread was made for
    this prompt, so that nothing was. Its text proves nothing; another text is another prompt.
    """

    def __init__(
        self, text: str, known: frozenset[str] = frozenset(), *, fresh: bool = False
    ) -> None:
        self._text = text
        self.mark = new_mark()
        self.id = ""  # once the service has said it
        self.repeated = False  # it was sent again after looks that did not find it
        self._known = known
        self._fresh = fresh

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of its message and of its run."""
        return {MARK: self.mark} if self.mark else {}

    def among(self, newest: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of some messages that are this prompt: two, where it stands there twice."""
        return [message for message in newest if self._is(message)]

    def _is(self, message: Mapping[str, Any]) -> bool:
        by_id = bool(self.id) and message.get("id") == self.id
        return by_id or (bool(self.mark) and mark_of(message) == self.mark)

    def reads(self, message: Mapping[str, Any]) -> bool:
        """Return whether a message has the words of this prompt."""
        return text_of(message).split() == self._text.split()

    def is_older(self, message: Mapping[str, Any]) -> bool:
        """Return whether a message is known to have been in the thread before this prompt."""
        return str(message.get("id")) in self._known or bool(mark_of(message))

    def since(self, newest: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Return what is newer than this prompt, the newest first; None where nobody can tell."""
        for number, message in enumerate(newest):
            if self._is(message):
                return newest[:number]
        new = self.newer(newest)
        asked = _prompts(new or [])
        if new is None or len(asked) > 1:
            return None
        return new[: asked[0]] if asked else new

    def newer(self, newest: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Return what is newer than all that is known; None where nobody can tell."""
        for number, message in enumerate(newest):
            if str(message.get("id")) in self._known:
                return newest[:number]
        return list(newest) if self._fresh else None

    def seen(self, newest: list[dict[str, Any]], *, marks: bool) -> Seen:
        """Return whether the thread took this prompt; `marks`: the server keeps marks."""
        if self.among(newest):
            return Seen.TAKEN
        if self.mark and (marks or any(map(mark_of, newest))):
            return Seen.ABSENT
        new = self.newer(newest)
        asked = _prompts(new or [])
        if new is None or len(asked) > 1:
            return Seen.UNKNOWN
        if not asked:
            return Seen.ABSENT if self._fresh else Seen.UNKNOWN
        same = self._fresh or self.reads(new[asked[0]])
        return Seen.TAKEN if same else Seen.UNKNOWN


def _prompts(messages: list[dict[str, Any]]) -> list[int]:
    """Return the places of the user's messages."""
    return [place for place, m in enumerate(messages) if m.get("role") == "user"]


class Messages:
    """Reads the messages of threads, and remembers the ids that it has read."""

    def __init__(self, wire: Wire, abilities: Abilities) -> None:
        self._wire = wire
        self._abilities = abilities
        self._known: dict[str, deque[str]] = {}

    def all(self, thread_id: str) -> Iterator[dict[str, Any]]:
        """Yield every message of a thread, oldest first; read to the end, their ids are known."""
        ids: deque[str] = deque(maxlen=REMEMBERED)
        for message in pages(self._wire, at("threads", thread_id, "messages")):
            ids.append(str(message.get("id") or ""))
            yield message
        for identity in ids:
            self.note(thread_id, identity)

    def last(self, thread_id: str, count: int) -> Iterator[dict[str, Any]]:
        """Yield the last messages of a thread, oldest first."""
        path = at("threads", thread_id, "messages")
        read = pages(self._wire, path, newest_first=True, limit=count)
        found, broken = readable(islice(read, count))
        for message in reversed(found):
            self.note(thread_id, str(message.get("id") or ""))
        yield from reversed(found)
        if broken:
            raise broken

    def newest(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the newest messages of a thread, the newest first: a page, and the last prompt."""
        read = list(self.last(thread_id, USUAL_PAGE))[::-1]
        if len(read) == USUAL_PAGE and not _prompts(read):
            read = self._turn(thread_id)
        if any(map(mark_of, read)):
            self.keeps_marks(has=True)
        return read

    def _turn(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the messages from a thread's last prompt on, the newest first."""
        read: list[dict[str, Any]] = []
        for message in pages(self._wire, at("threads", thread_id, "messages"), newest_first=True):
            read.append(message)
            if message.get("role") == "user":
                break
        return read

    def said(self, thread_id: str, text: str) -> Said:
        """Return a new prompt to a thread."""
        known = self._known.get(thread_id)
        return Said(text, frozenset(known or ()), fresh=known is not None and not known)

    def made(self, thread_id: str) -> None:
        """Remember that a thread was made just now, and nothing is in it."""
        self._known[thread_id] = deque(maxlen=REMEMBERED)

    def newer(self, thread_id: str) -> Callable[[], list[Saying] | None]:
        """Return a reading, made at each call, of what is in a thread and not known by now."""
        said = self.said(thread_id, "")
        said.mark = ""

        def read() -> list[Saying] | None:
            since = said.newer(self.newest(thread_id))
            return None if since is None else [saying(objects.message(m)) for m in since[::-1]]

        return read

    def note(self, thread_id: str, message_id: str) -> None:
        """Remember the id of a thread's newest message; without one, its end is not known."""
        if message_id:
            self._known.setdefault(thread_id, deque(maxlen=REMEMBERED)).append(message_id)
        else:
            self._known.pop(thread_id, None)

    @property
    def marks(self) -> bool | None:
        """Whether the server was seen to keep marks; None: not known yet."""
        return self._abilities.has(self._wire.endpoint, MARKS)

    def keeps_marks(self, *, has: bool) -> None:
        """Remember whether the server keeps marks."""
        if self.marks is not has:
            self._abilities.note(self._wire.endpoint, MARKS, has=has)
