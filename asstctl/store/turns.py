"""Turns, written as they go, and beside the store while another process holds it.

One that is kept beside it is taken in by one later command. Written twice, a turn changes nothing
the second time.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.model import Message, Status, Text, Thread
from asstctl.store.beside import Beside, read
from asstctl.store.database import Database, locked
from asstctl.store.index import Index
from asstctl.store.messages import Messages, new_id
from asstctl.store.replies import Replies

END_SECONDS = 3.0
"""How long the end of a turn waits for another process's write before it is kept beside."""


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


@record
class Taken:
    """How many turns were `taken` in, and are `left` beside a store that is held.

    `damaged` are files that could not be read, under their new names.
    """

    taken: int
    left: int
    damaged: list[Path]

    def told(self) -> Iterator[str]:
        """Yield what the user has to know of it."""
        if self.taken:
            which, be = ("1 turn", "is") if self.taken == 1 else (f"{self.taken} turns", "are")
            yield f"{which} that the store had no time for {be} in it now"
        for path in self.damaged:
            yield f"a turn kept beside the store can't be read: it stays in {path}"


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
        self._beside = Beside(path.with_name(path.name + "-turns") if path else None)
        self._clock = clock

    @property
    def waiting(self) -> bool:
        """Whether turns wait beside the store."""
        return bool(self._beside.waiting())

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
            if not locked(error):
                raise
            return self._beside.keep(turn.reply_message, turn.said_at, {"turn": asdict(turn)})
        return None

    def hold(self, link: Link, also: Callable[[], None]) -> tuple[bool, Path | None]:
        """Note that a thread goes on from a reply; return whether it does.

        Where it does, `also` is done in the same transaction. With the answer comes the file
        beside the store that notes it instead, as `end` returns it.
        """
        try:
            with self._db.writing(END_SECONDS):
                if held := self._write_link(link, END_SECONDS):
                    also()
        except AsstctlError as error:
            if not locked(error):
                raise
            return True, self._beside.keep(link.reply_id, self._clock(), {"link": asdict(link)})
        else:
            return held, None

    def _write_link(self, link: Link, seconds: float) -> bool:
        at = (link.endpoint, link.thread_id, link.reply_id)
        with self._db.writing(seconds):
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

    # Taking in

    def take_in(self, seconds: float = END_SECONDS) -> Taken:
        """Write what waits beside the store, in the order in which it was said.

        It waits so many seconds for another process that holds the store.
        """
        taken, damaged = 0, []
        with self._beside.alone() as files:
            for path in files:
                found = read(path, _kept)
                try:
                    match found:
                        case Link():
                            self._write_link(found, seconds)
                        case Noted():
                            self._write(found, seconds)
                        case _:
                            damaged.append(path.with_suffix(".damaged"))
                            continue
                except AsstctlError as error:
                    if locked(error):
                        break
                    raise
                path.unlink(missing_ok=True)
                taken += 1
        return Taken(taken, len(self._beside.waiting()), damaged)


def _kept(found: dict[str, Any]) -> Noted | Link:
    """Read what was kept beside the store; raises ValueError and its like."""
    if "link" in found:
        return Link(**found["link"])
    facts = found["turn"]
    thread, top = Thread(**facts.pop("thread")), facts.pop("top")
    return Noted(thread=thread, top=(int(top[0]), float(top[1])), **facts)
