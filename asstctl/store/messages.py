"""Messages that are kept here: all of a local thread, and what was seen of a server's.

A message's row is `thread << 24 | n`, which never changes; its order is `place`.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence

from asstctl._json import sound
from asstctl._record import record
from asstctl.errors import IncompleteError, NotFoundError
from asstctl.model import Message
from asstctl.parts import Other
from asstctl.store.database import Database
from asstctl.store.files import Files
from asstctl.store.objects import leaves, packed, readable
from asstctl.store.rows import COLUMNS, UNREADABLE, facts, message_of, sources, text_of, texts

Key = tuple[str, str]
"""A thread's id and endpoint."""


@record
class Facts:
    """Facts of a row beside its message: the prompt's mark, our turn, the service's run.

    `born` and `learned` are values of the counter: when it was written, and when the reading began
    that said it last.
    """

    mark: str = ""
    turn: str = ""
    run: str = ""
    born: int = 0
    learned: int = 0


class Messages:
    """The messages of threads that are in the index."""

    def __init__(
        self, database: Database, files: Files, clock: Callable[[], float] = time.time
    ) -> None:
        self._db = database
        self._files = files
        self._clock = clock

    # Reading

    def of(self, thread: Key, last: int | None = None, *, raw: bool = False) -> Iterator[Message]:
        """Yield a thread's messages, or the `last` ones, oldest first; `raw`: with the objects.

        One that a damaged disk made unreadable is replaced by a note; IncompleteError follows.
        """
        number = self.number(thread)
        where, values = "", [number]
        if last is not None:
            where = (
                " AND messages.number IN (SELECT number FROM messages WHERE number >> 24 = ?"
                " ORDER BY place DESC LIMIT ?)"
            )
            values += [number, last]
        table = "messages LEFT JOIN raw USING (number)" if raw else "messages"
        sql = (
            f"SELECT {COLUMNS}, {'object' if raw else 'NULL'}, run FROM {table}"  # noqa: S608
            f" WHERE messages.number >> 24 = ?{where} ORDER BY place"
        )
        unreadable = 0
        for row in self._db.each(sql, *values):
            try:
                message = message_of(row)
            except UNREADABLE:
                unreadable += 1
                message = Message(row[0] or "", row[1], (DAMAGED,), row[3], row[4], run=row[9])
            yield message
        if unreadable:
            raise IncompleteError(
                f"{unreadable} of the messages that are kept of {thread[0]} can't be read",
                hint=f"asstctl threads history {thread[0]} shows the others",
            )

    def count(self, thread: Key) -> int:
        """Count the messages that are kept of a thread."""
        number = self.number(thread)
        return int(self._db.value("SELECT count(*) FROM messages WHERE number >> 24 = ?", number))

    def size(self, thread: Key) -> tuple[int, int]:
        """Count the messages that are kept of a thread, and their bytes as they are stored."""
        sql = (
            "SELECT count(*), coalesce(sum(length(CAST(parts AS BLOB)) + coalesce(length(object),"
            " 0)), 0) FROM messages LEFT JOIN raw USING (number) WHERE messages.number >> 24 = ?"
        )
        messages, stored = self._db.rows(sql, self.number(thread))[0]
        return int(messages), int(stored)

    def number(self, thread: Key) -> int:
        """Return the number of a thread's row; raises NotFoundError."""
        sql = "SELECT number FROM threads WHERE id = ? AND endpoint = ?"
        number = self._db.value(sql, *thread)
        if number is None:
            raise NotFoundError(
                f"no thread {thread[0]!r} on this machine", hint="-p PROFILE asks a server for it"
            )
        return int(number)

    # Writing

    def append(self, thread: Key, messages: Sequence[Message]) -> list[str]:
        """Add messages at the end of a thread, and return their ids.

        Raises NotFoundError if the thread is gone.
        """
        ids = [message.id or new_id("msg") for message in messages]
        with self._db.writing():
            number = self.number(thread)
            place = self.last_place(number)
            for offset, message in enumerate(messages):
                self.insert(number, place + offset + 1, message, ids[offset])
        return ids

    def insert(
        self,
        thread: int,
        place: int,
        message: Message,
        identity: str | None,
        beside: Facts = Facts(),  # noqa: B008 - it is never changed
    ) -> int:
        """Add a message to the thread with a number, and return its row's number.

        An id that the thread has already is left out.
        """
        with self._db.writing():
            message = self._lifted(thread, message)
            row = self._db.insert(
                "INSERT INTO messages (number, place, id, role, parts, status, created_at,"
                " metadata, mark, turn, run, born, learned, gone_at, was)"
                " VALUES ((SELECT coalesce(max(number), :thread << 24) + 1 FROM messages"
                " WHERE number BETWEEN :thread << 24 AND :thread << 24 | 0xffffff), :place,"
                " iif(EXISTS (SELECT 1 FROM messages WHERE number >> 24 = :thread AND id = :id),"
                " NULL, :id), :role, :parts, :status, :created_at, :metadata, :mark, :turn, :run,"
                " :born, :learned, :gone_at, :was)",
                thread=thread,
                place=place,
                id=identity and sound(identity),
                mark=beside.mark,
                turn=beside.turn,
                run=beside.run,
                born=beside.born,
                learned=beside.learned,
                gone_at=message.gone_at,
                was=texts(message.was),
                **facts(message),
            )
            self._unindexed(row)
            self._keep_raw(row, message)
        return row

    def replace(self, row: int, message: Message, *, run: str = "") -> None:
        """Write a message over the row with a number."""
        with self._db.writing():
            message = self._lifted(row >> 24, message)
            self._take_out(row, row)
            self._db.execute(
                "UPDATE messages SET role = :role, parts = :parts, status = :status,"
                " created_at = coalesce(:created_at, created_at), metadata = :metadata,"
                " run = iif(:run = '', run, :run), id = coalesce(id, :id)"
                " WHERE number = :row",
                row=row,
                run=run,
                id=sound(message.id) or None,
                **facts(message),
            )
            self._keep_raw(row, message)
            self._unindexed(row)

    def learn(self, row: int, message: Message) -> None:
        """Write a newer reading over a row, unless it says no more with the same words."""
        sql = (
            "SELECT object, CAST(parts AS BLOB), status, role FROM messages LEFT JOIN raw"
            " USING (number) WHERE number = ?"
        )
        old, parts, status, role = self._db.rows(sql, row)[0]
        now = self._lifted(row >> 24, message)
        told = facts(now)
        same = text_of(parts) == text_of(told["parts"])
        if same and (status, role) == (told["status"], told["role"]):
            if sources(parts) > sources(told["parts"]):
                return  # a copy whose server does not hold them
            unchanged = old is not None and now.raw is not None and packed(now.raw) == old
            if unchanged and told["parts"].encode() == parts:
                return
        if old is not None and now.raw is not None:
            then = readable(old)
            alike = same and then.get("status") == now.raw.get("status")
            if alike and leaves(then) > leaves(now.raw):
                return
        self.replace(row, message, run=message.run)

    def delete(self, row: int) -> None:
        """Delete the message with a number."""
        with self._db.writing():
            self._take_out(row, row)
            for table in ("raw", "messages"):
                self._db.execute(f"DELETE FROM {table} WHERE number = ?", row)  # noqa: S608

    def _take_out(self, first: int, last: int) -> None:
        """Remove messages from the index of words, where there is one."""
        if self._db.value("SELECT built FROM searching") is not None:
            from asstctl.store.search import Search  # few stores are searched

            Search(self._db, text_of).take_out(first, last)
            self._db.execute("DELETE FROM unindexed WHERE number BETWEEN ? AND ?", first, last)

    def _unindexed(self, row: int) -> None:
        """Note a message that the index of words lacks, and would pass over."""
        sql = "INSERT OR IGNORE INTO unindexed SELECT ? FROM searching WHERE ? <= built"
        self._db.execute(sql, row, row)

    def _lifted(self, thread: int, message: Message) -> Message:
        from asstctl.store.lifting import Lifting  # only what writes needs it

        return Lifting(self._files).message(thread, message)

    def _keep_raw(self, row: int, message: Message) -> None:
        if message.raw is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO raw (number, object) VALUES (?, ?)",
                row,
                packed(message.raw),
            )

    def last_place(self, number: int) -> int:
        """Return the place of the last message of the thread with a number, 0 without one."""
        sql = "SELECT coalesce(max(place), 0) FROM messages WHERE number >> 24 = ?"
        return int(self._db.value(sql, number))

    def forget(self, number: int) -> None:
        """Delete all that is kept of the messages of the thread with a number."""
        with self._db.writing():
            self._take_out(number << 24, number << 24 | 0xFFFFFF)
            for table in ("raw", "messages"):
                sql = f"DELETE FROM {table} WHERE number BETWEEN ? << 24 AND ? << 24 | 0xffffff"  # noqa: S608
                self._db.execute(sql, number, number)


DAMAGED = Other("damaged", "this message can't be read: the disk damaged what was kept of it")


def new_id(kind: str) -> str:
    """Return an id that no other thread or message has."""
    return f"{kind}_{os.urandom(8).hex()}"
