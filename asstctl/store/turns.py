"""Turns, written as they go, and beside the store while another process holds it.

One that is kept beside it is taken in by one later command. Written twice, a turn changes nothing
the second time.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.model import Message, Status, Text, Thread
from asstctl.store.database import Database, locked
from asstctl.store.index import Index
from asstctl.store.messages import Messages, new_id
from asstctl.store.replies import Replies

END_SECONDS = 3.0
"""How long the end of a turn waits for another process's write before it is kept beside."""

CLAIMED = ".taken-in"
"""The end of the name of a file that a process is taking in."""

STALE_SECONDS = 600
"""Age of a claimed file whose process did not finish."""


@dataclass(slots=True)
class Noted:
    """One turn, as far as it went; `kept`: its messages are kept in the store.

    `reply_id` is the service's id of the reply, `position` the place of the kept one in its
    thread, `taken` whether the service took the prompt.
    """

    thread: Thread
    prompt: str
    said_at: float
    kept: bool = False
    position: int = 0
    reply_id: str | None = None
    taken: bool = False
    text: str = ""
    status: Status = "cut"
    begun: bool = False  # it stands in the store
    pending: bool = False  # there is more of it than stands there
    top: tuple[int, float] = (0, 0.0)  # where its thread stood in the list before
    prompt_message: str = field(default_factory=lambda: new_id("msg"))
    reply_message: str = field(default_factory=lambda: new_id("msg"))

    @property
    def messages(self) -> tuple[Message, Message]:
        """The prompt and the reply."""
        parts = (Text(self.text),) if self.text else ()
        at = self.said_at
        said = Message(self.prompt_message, "user", (Text(self.prompt),), at)
        return said, Message(self.reply_message, "assistant", parts, at, self.status)


@record
class Link:
    """A reply that a thread goes on from.

    It came after the reply `after`, and took along the kept messages up to position `sent`.
    """

    endpoint: str
    thread_id: str
    reply_id: str
    after: str = ""
    sent: int = 0


class Turns:
    """Writes turns to the store at `path`, or beside it."""

    def __init__(
        self,
        database: Database,
        index: Index,
        messages: Messages,
        replies: Replies,
        path: Path | None,
        clock: Callable[[], float],
    ) -> None:
        self._db = database
        self._index = index
        self._messages = messages
        self._replies = replies
        self._folder = path.with_name(path.name + "-turns") if path else None
        self._clock = clock

    def begin(self, thread: Thread, prompt: str, *, kept: bool) -> Noted:
        """Return a turn that begins now; nothing is written yet."""
        return Noted(thread, prompt, self._clock(), kept=kept)

    def note(self, turn: Noted) -> None:
        """Write a turn that goes on, if that does not have to wait for another process."""
        try:
            self._write(turn, seconds=0)
        except AsstctlError as error:
            if not locked(error):
                raise
            turn.pending = True

    def end(self, turn: Noted) -> Path | None:
        """Write a turn that has ended; return the file beside the store that keeps it instead.

        None where it stands in the store, as nearly always.
        """
        try:
            self._write(turn, seconds=END_SECONDS)
        except AsstctlError as error:
            if not locked(error) or self._folder is None:
                raise
            return self._beside(turn.reply_message, {"turn": asdict(turn)}, self._folder)
        return None

    def hold(self, link: Link, also: Callable[[], None]) -> tuple[bool, Path | None]:
        """Note that a thread goes on from a reply; return whether it does.

        Where it does, `also` is done in the same transaction. With the answer comes the file
        beside the store that notes it instead, as `end` returns it.
        """
        try:
            with self._db.writing(END_SECONDS):
                if held := self._write_link(link):
                    also()
        except AsstctlError as error:
            if not locked(error) or self._folder is None:
                raise
            return True, self._beside(link.reply_id, {"link": asdict(link)}, self._folder)
        else:
            return held, None

    def _write_link(self, link: Link) -> bool:
        at = (link.endpoint, link.thread_id, link.reply_id)
        with self._db.writing(END_SECONDS):
            self._replies.begin(*at, after=link.after, sent=link.sent)
            return self._replies.hold(*at)

    def _write(self, turn: Noted, seconds: float) -> None:
        with self._db.writing(seconds):
            if turn.kept and not turn.begun:
                turn.top = self._index.top(turn.thread)
            self._index.put(turn.thread, turn.prompt, said=turn.taken)
            if turn.reply_id:
                self._replies.begin(turn.thread.endpoint, turn.thread.id, turn.reply_id)
            if turn.kept:
                self._write_messages(turn)
            if turn.status == "failed":
                self._index.back(turn.thread, turn.top)
        turn.begun, turn.pending = True, False

    def _write_messages(self, turn: Noted) -> None:
        """Add the turn at the end of its thread, or complete the reply that stands there."""
        said, reply = turn.messages
        if turn.begun:  # what was deleted meanwhile stays deleted
            self._messages.update(turn.thread.key, turn.position, reply)
        elif not self._messages.has(turn.thread.key, reply.id):
            turn.position = self._messages.append(turn.thread.key, [said, reply])

    def _beside(self, name: str, facts: dict[str, Any], folder: Path) -> Path:
        from hashlib import sha256  # for a store that is held

        from asstctl import _files

        path = folder / f"{sha256(name.encode()).hexdigest()[:16]}.json"
        try:
            _files.replace(path, [json.dumps(facts, default=str)])
        except OSError as error:
            raise AsstctlError(
                f"the store is locked, and the turn can't be kept beside it: {error.strerror}",
                hint=f"is there room in {folder}?",
            ) from error
        return path

    # Taking in

    def waiting(self) -> bool:
        """Return whether turns wait beside the store."""
        return self._folder is not None and self._folder.is_dir()

    def take_in(self) -> int:
        """Write the turns that wait beside the store, and return how many there were."""
        taken = 0
        for path in self._claimed():
            try:
                match read(path):
                    case Link() as link:
                        self._write_link(link)
                    case turn:
                        self._write(turn, seconds=END_SECONDS)
            except AsstctlError:  # still locked: it waits on
                path.rename(path.with_suffix(""))
                break
            except (ValueError, LookupError, TypeError):
                path.rename(path.with_suffix(".damaged"))
                continue
            path.unlink(missing_ok=True)
            taken += 1
        if self._folder and not any(self._folder.iterdir()):
            self._folder.rmdir()
        return taken

    def _claimed(self) -> Iterator[Path]:
        """Yield the files that this process alone takes in: it renamed them."""
        assert self._folder is not None  # noqa: S101 - `waiting` was asked
        for path in sorted(self._folder.iterdir()):
            stale = path.suffix == CLAIMED and self._age(path) > STALE_SECONDS
            if path.suffix != ".json" and not stale:
                continue
            claim = path if stale else path.with_name(path.name + CLAIMED)
            try:
                if stale:
                    os.utime(path)
                else:
                    path.rename(claim)
            except FileNotFoundError:  # another process was first
                continue
            yield claim

    def _age(self, path: Path) -> float:
        try:
            return self._clock() - path.stat().st_mtime
        except FileNotFoundError:
            return 0.0


def read(path: Path) -> Noted | Link:
    """Read what was kept beside the store; raises ValueError and its like."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "link" in found:
        return Link(**found["link"])
    facts = found["turn"]
    thread, top = Thread(**facts.pop("thread")), facts.pop("top")
    return Noted(thread=thread, top=(int(top[0]), float(top[1])), **facts)
