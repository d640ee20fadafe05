"""Turns, written as they go, and beside the store while another process holds it.

One that is kept beside it is taken in by one later command. Written twice, a turn changes nothing
the second time.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from asstctl._record import record
from asstctl.errors import AsstctlError, NotFoundError
from asstctl.events import Prompt
from asstctl.model import Message, Status, Thread, count, message_from
from asstctl.parts import File, Image, part_from
from asstctl.store.beside import Beside, read, set_aside
from asstctl.store.database import Database
from asstctl.store.faults import MendedError, duplicate, locked
from asstctl.store.index import Index
from asstctl.store.keeping import Keeping
from asstctl.store.messages import Facts, Messages, new_id
from asstctl.store.objects import Runs
from asstctl.store.replies import Replies

END_SECONDS = 3.0
"""How long the end of a turn waits for another process's write before it is kept beside."""


@dataclass(slots=True)
class Noted:
    """One turn, as far as it went; `kept`: its messages are kept in the store.

    `run_id` is the service's id of the reply, or of its last round where tools were called;
    `first_run` is that of the round which answered the prompt. `taken`: the service took the
    prompt; `own`: no server has the thread. `replies` and `runs` are the messages of the reply and
    the service's objects beside them, as JSON.
    """

    thread: Thread
    prompt: str
    said_at: float
    kept: bool = False
    own: bool = False
    run_id: str | None = None
    first_run: str | None = None
    linked: bool = False
    mark: str = ""
    taken: bool = False
    files: list[dict[str, Any]] = field(default_factory=list)  # of the prompt, as JSON
    status: Status = "cut"
    replies: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    begun: bool = False  # it stands in the store
    store: tuple[int, int] | None = None  # the file that it stands in
    named: str | None = None  # the run that stands there
    marked: str = ""  # the mark that stands there
    topped: bool = False  # `taken` stands there
    pending: bool = False  # there is more of it than stands there
    top: tuple[int, float] = (0, 0.0)  # where its thread stood in the list before
    key: str = field(default_factory=lambda: new_id("turn"))

    @property
    def messages(self) -> list[Message]:
        """The prompt, and the messages of the reply: at least one, empty until it has ended."""
        files = cast("tuple[Image | File, ...]", tuple(map(part_from, self.files)))
        said = replace(Prompt(self.prompt, files=files).message, created_at=self.said_at)
        replies = [
            replace(message_from(found), run=str(found.get("run") or "")) for found in self.replies
        ]
        return [said, *(replies or [Message("", "assistant", (), self.said_at, self.status)])]


@record
class Link:
    """A reply that a thread goes on from.

    It came after the reply `after`.
    """

    endpoint: str
    thread_id: str
    reply_id: str
    after: str = ""


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
            be = "is" if self.taken == 1 else "are"
            yield f"{count(self.taken, 'turn')} that the store had no time for {be} in it now"
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
        runs: Runs,
        keeping: Keeping,
        path: Path | None,
        clock: Callable[[], float],
    ) -> None:
        self._db = database
        self._index = index
        self._messages = messages
        self._replies = replies
        self._runs = runs
        self._keeping = keeping
        self._beside = Beside(path.with_name(path.name + "-turns") if path else None)
        self._clock = clock

    @property
    def waiting(self) -> bool:
        """Whether turns wait beside the store."""
        return bool(self._beside.waiting())

    def begin(self, thread: Thread, prompt: str, *, kept: bool, own: bool) -> Noted:
        """Return a turn that begins now; nothing is written yet."""
        return Noted(thread, prompt if kept else "", self._clock(), kept=kept, own=own)

    def note(self, turn: Noted) -> None:
        """Write a turn that goes on, if that does not have to wait for another process.

        Nor for turns that were said before and wait beside the store: they come first.
        """
        if not turn.begun and self.waiting:
            turn.pending = True
            return
        try:
            self._write_surely(turn, seconds=0, lasting=False)
        except AsstctlError as error:
            if not locked(error):
                raise
            turn.pending = True

    def end(self, turn: Noted) -> Path | None:
        """Write a turn that has ended; return the file beside the store that keeps it instead.

        None where it stands in the store, as nearly always.
        """
        if turn.begun or not self.waiting:
            try:
                self._write_surely(turn, seconds=END_SECONDS)
            except AsstctlError as error:
                if not locked(error):
                    raise
            else:
                return None
        return self._beside.keep(turn.key, turn.said_at, {"turn": asdict(turn)})

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
            self._replies.begin(*at, after=link.after)
            return self._replies.hold(*at)

    def _write_surely(self, turn: Noted, seconds: float, *, lasting: bool = True) -> None:
        """Write a turn, and once more, whole, where the store was damaged and was mended."""
        try:
            self._write(turn, seconds, lasting=lasting)
        except MendedError as error:
            self._db.tell(f"the store was damaged: {error.hint}".partition("; run the command")[0])
            self._write(turn, seconds, lasting=lasting)

    def _write(self, turn: Noted, seconds: float, *, lasting: bool = True) -> None:
        with self._db.writing(seconds, lasting=lasting):
            turn.begun = turn.begun and turn.store == self._db.file  # else it is written whole
            if turn.begun and not self._index.has(turn.thread):
                turn.pending = False  # it was deleted meanwhile, and stays deleted
                return
            if turn.kept and not turn.begun:
                turn.top = self._index.top(turn.thread)
            stands = turn.begun and (turn.named, turn.topped) == (turn.run_id, turn.taken)
            if not stands:  # else the index has it all
                self._index.put(turn.thread, turn.prompt, said=turn.taken)
                if turn.run_id and turn.linked:
                    self._replies.begin(turn.thread.endpoint, turn.thread.id, turn.run_id)
            if turn.kept:
                self._write_messages(turn)
            if turn.status == "failed":
                self._index.back(turn.thread, turn.top)
        turn.begun, turn.pending, turn.store = True, False, self._db.file
        turn.named, turn.marked, turn.topped = turn.run_id, turn.mark, turn.taken

    def _write_messages(self, turn: Noted) -> None:
        """Add the turn at the end of its thread, or complete the one that stands there."""
        number = self._messages.number(turn.thread.key)
        rows = self._keeping.of_turn(number, turn.key)
        if not rows and turn.begun:
            return  # what is kept was deleted meanwhile, and stays deleted
        said, *replies = turn.messages
        if not rows:
            facts = Facts(turn.mark, turn.key, turn.first_run or "", self._db.tick())
            self._keeping.begin_turn(number, said, replies[0], facts, own=turn.own)
        elif (turn.named, turn.marked) != (turn.run_id, turn.mark):
            runs = turn.first_run or "", turn.run_id or ""
            self._keeping.name_run(number, turn.key, runs, turn.mark)
        if turn.replies:
            rows = rows or self._keeping.of_turn(number, turn.key)
            self._keeping.end_turn(number, rows, replies, turn.key, turn.run_id or "")
        self._runs.put_all(number, turn.runs)

    def forget(self, thread: Thread) -> None:
        """Delete what waits beside the store of a thread."""
        for path in self._beside.waiting():
            found = read(path, _kept)
            at = (found.thread_id, found.endpoint) if isinstance(found, Link) else None
            if thread.key in (at, found.thread.key if isinstance(found, Noted) else None):
                path.unlink(missing_ok=True)

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
                            self._write_surely(found, seconds)
                        case _:
                            damaged.append(set_aside(path))
                            continue
                except AsstctlError as error:
                    if not (isinstance(error, NotFoundError) or duplicate(error)):
                        break  # the store can't be written now
                    damaged.append(set_aside(path))
                    continue
                path.unlink(missing_ok=True)
                taken += 1
        return Taken(taken, len(self._beside.waiting()), damaged)


def _kept(found: dict[str, Any]) -> Noted | Link:
    """Read what was kept beside the store; raises ValueError and its like."""
    if "link" in found:
        return Link(**found["link"])
    facts = found["turn"]
    thread, top = Thread(**facts.pop("thread")), facts.pop("top")
    store = tuple(facts.pop("store", None) or ()) or None
    return Noted(thread=thread, top=(int(top[0]), float(top[1])), store=store, **facts)
