"""Messages that are kept here: all of a local thread, and those that a chain has not sent yet."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from asstctl.errors import IncompleteError, NotFoundError
from asstctl.model import Message, Part, Role, Status, ToolNote, part_from, part_json
from asstctl.store.database import Database

Key = tuple[str, str]
"""A thread's id and endpoint."""


class Messages:
    """The messages of threads that are in the index."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._clock = clock

    def append(self, thread: Key, messages: Sequence[Message]) -> int:
        """Add messages at the end of a thread and return the last one's position.

        Raises NotFoundError if the thread is gone.
        """
        with self._db.writing():
            number = self._number(thread)
            position = self._last(number)
            self._db.execute_many(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        position + offset,
                        message.id or new_id("msg"),
                        message.role,
                        packed(message.parts),
                        message.status,
                        message.created_at,
                        json.dumps(dict(message.metadata)),
                    )
                    for offset, message in enumerate(messages, 1)
                ],
            )
        return position + len(messages)

    def update(self, thread: Key, position: int, reply: Message) -> None:
        """Write a reply over the row at `position` that has its id, if it was not deleted."""
        with self._db.writing():
            self._db.execute(
                "UPDATE messages SET parts = ?, status = ?, created_at = ?"
                " WHERE place = ? AND id = ?"
                " AND thread = (SELECT number FROM threads WHERE id = ? AND endpoint = ?)",
                packed(reply.parts),
                reply.status,
                self._clock(),
                position,
                reply.id,
                *thread,
            )

    def has(self, thread: Key, message_id: str) -> bool:
        """Return whether a thread holds a message."""
        sql = "SELECT 1 FROM messages WHERE thread = ? AND id = ?"
        return self._db.value(sql, self._number(thread), message_id) is not None

    def of(self, thread: Key, last: int | None = None) -> Iterator[Message]:
        """Yield a thread's messages, or the `last` ones, oldest first.

        One that a damaged disk made unreadable is replaced by a note; IncompleteError follows.
        """
        number = self._number(thread)
        where, values = "", [number]
        if last is not None:
            where = " AND place > (SELECT max(place) FROM messages WHERE thread = ?) - ?"
            values += [number, last]
        columns = "id, role, CAST(parts AS BLOB), created_at, status, CAST(metadata AS BLOB)"
        sql = f"SELECT {columns} FROM messages WHERE thread = ?{where} ORDER BY place"  # noqa: S608
        unreadable = 0
        for row in self._db.each(sql, *values):
            try:
                yield _message(row)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                unreadable += 1
                note = ToolNote("this message can't be read: the disk damaged what was kept of it")
                yield Message(row[0], row[1], (note,), row[3], row[4])
        if unreadable:
            raise IncompleteError(
                f"{unreadable} of the messages that are kept of {thread[0]} can't be read",
                hint=f"asstctl threads history {thread[0]} shows the others",
            )

    def count(self, thread: Key) -> int:
        """Count the messages that are kept of a thread."""
        number = self._number(thread)
        return int(self._db.value("SELECT count(*) FROM messages WHERE thread = ?", number))

    def last(self, thread: Key) -> int:
        """Return the position of the last message that is kept, 0 where there is none."""
        return self._last(self._number(thread))

    def _last(self, number: int) -> int:
        sql = "SELECT coalesce(max(place), 0) FROM messages WHERE thread = ?"
        return int(self._db.value(sql, number))

    def _number(self, thread: Key) -> int:
        sql = "SELECT number FROM threads WHERE id = ? AND endpoint = ?"
        number = self._db.value(sql, *thread)
        if number is None:
            raise NotFoundError(f"no thread {thread[0]!r} on this machine")
        return int(number)


def new_id(kind: str) -> str:
    """Return an id that no other thread or message has."""
    return f"{kind}_{os.urandom(8).hex()}"


def packed(parts: Sequence[Part]) -> str:
    """Return parts as the stored JSON."""
    return json.dumps([part_json(part) for part in parts])


def _message(row: Sequence[Any]) -> Message:
    identity, role, parts, created_at, status, metadata = row
    return Message(
        id=identity,
        role=cast("Role", role),
        parts=tuple(part_from(part) for part in json.loads(parts)),
        created_at=created_at,
        status=cast("Status", status),
        metadata=json.loads(metadata),
    )
