"""Search in what is kept: an index of words, built when it is first asked, in short transactions.

Its rows have the numbers of messages. It keeps no text: a message's words are taken out with the
text that went in, so every change of a message takes them out before.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from asstctl._record import record
from asstctl.errors import AsstctlError, UnsupportedError
from asstctl.store.database import Database
from asstctl.store.phrases import VERSION, Term, prepared, spans

SECONDS = 0.2
"""How long one transaction of building the index takes."""

AT_ONCE = 100
"""Messages between two looks at the clock."""

BUILT = "SELECT 1 FROM sqlite_master WHERE name = 'found'"

NEWEST = 2000
"""Matches that are ranked: ranking all would take seconds for frequent words."""


@record
class Where:
    """Where to search: in messages of one `role`, said `since` a time.

    A message whose time is not known counts as said when its thread was used last.
    `threads` are numbers of threads, None: all.
    """

    role: str = ""
    since: float = 0.0
    threads: tuple[int, ...] | None = None
    profile: str = ""


@record
class Hit:
    """A message that was found: its thread's number, and what it says."""

    thread: int
    id: str
    role: str
    created_at: float | None
    text: str


@record
class Found:
    """The best hits, and whether there are more matches than were ranked."""

    hits: list[Hit]
    more: bool


class Search:
    """The index of words; `text_of` reads the words in stored parts."""

    def __init__(self, database: Database, text_of: Callable[[Any], str]) -> None:
        self._db = database
        self._text_of = text_of

    # Building

    def build(self) -> Iterator[tuple[int, int]]:
        """Add what is not in the index yet; yield how many messages are, and how many of all.

        What was done stays done where it is stopped. Raises UnsupportedError where SQLite was
        built without full text search.
        """
        if self._db.read_only:
            return
        self._begin()
        total = int(self._db.value("SELECT count(*) FROM messages") or 0)
        count = 0
        while taken := self._take_in():
            count += taken
            if self._waiting():  # else it took no time
                yield count, total

    def _begin(self) -> None:
        version = self._db.value("SELECT version FROM searching")
        if version == VERSION:
            return
        with self._db.writing():
            try:
                self._db.execute("DROP TABLE IF EXISTS found")
                self._db.execute(
                    "CREATE VIRTUAL TABLE found USING fts5(said, heard, content = '',"
                    " tokenize = 'unicode61 remove_diacritics 2')"
                )
            except AsstctlError as error:
                raise UnsupportedError(
                    f"the SQLite of this Python can't search: {error.message}"
                ) from error
            # Segments are merged a piece a write: all of a level at once would take a second.
            for name, value in (("automerge", 8), ("crisismerge", 200)):
                self._db.execute("INSERT INTO found (found, rank) VALUES (?, ?)", name, value)
            self._db.execute("DELETE FROM unindexed")
            self._db.execute("DELETE FROM searching")
            self._db.execute("INSERT INTO searching (version, built) VALUES (?, 0)", VERSION)

    def _take_in(self) -> int:
        """Add messages for SECONDS, in one transaction; return how many."""
        end, count = time.monotonic() + SECONDS, 0
        with self._db.writing(lasting=False):
            while time.monotonic() < end and (rows := self._waiting()):
                for number, role, parts in rows:
                    self._write("", number, role, parts)
                numbers = [row[0] for row in rows]
                marks = ", ".join("?" * len(numbers))
                self._db.execute(f"DELETE FROM unindexed WHERE number IN ({marks})", *numbers)  # noqa: S608
                self._db.execute("UPDATE searching SET built = max(built, ?)", max(numbers))
                count += len(rows)
        return count

    def _waiting(self) -> list[tuple[int, str, bytes]]:
        """Return some messages that are not in the index."""
        columns = "number, role, CAST(parts AS BLOB)"
        return self._db.rows(
            f"SELECT {columns} FROM messages WHERE number > (SELECT built FROM searching)"  # noqa: S608
            " ORDER BY number LIMIT ?",
            AT_ONCE,
        ) or self._db.rows(
            f"SELECT {columns} FROM messages"  # noqa: S608
            " WHERE number IN (SELECT number FROM unindexed LIMIT ?)",
            AT_ONCE,
        )

    def _write(self, command: str, number: int, role: str, parts: bytes) -> None:
        text = prepared(self._text_of(parts))
        said, heard = ("", text) if role == "assistant" else (text, "")
        named, mark = ("found, ", "?, ") if command else ("", "")
        sql = f"INSERT INTO found ({named}rowid, said, heard) VALUES ({mark}?, ?, ?)"  # noqa: S608
        self._db.execute(sql, *filter(None, [command]), number, said, heard)

    def take_out(self, first: int, last: int) -> None:
        """Remove messages from the index, by their numbers, before they change or go."""
        sql = (
            "SELECT number, role, CAST(parts AS BLOB) FROM messages WHERE number BETWEEN ? AND ?"
            " AND number <= (SELECT built FROM searching)"
            " AND number NOT IN (SELECT number FROM unindexed)"
        )
        if self._db.value("SELECT version FROM searching") != VERSION:
            self._db.execute("DROP TABLE found")  # whose words were divided otherwise
            self._db.execute("DELETE FROM searching")
            return
        for number, role, parts in self._db.rows(sql, first, last):
            self._write("delete", number, role, parts)

    # Finding

    def find(self, asked: Sequence[Term], where: Where, limit: int) -> Found:
        """Return the best of the newest matches; what is in no index is looked through."""
        numbers, more = self._ranked(asked, where, limit)
        hits = [hit for number in numbers if (hit := self._hit(number))]
        if self._db.read_only:
            hits += self._looked_through(asked, where, limit)
        return Found(hits[:limit], more)

    def _ranked(self, asked: Sequence[Term], where: Where, limit: int) -> tuple[list[int], bool]:
        words = " AND ".join(term.expression for term in asked)
        column = "heard" if where.role == "assistant" else "said"
        columns = f"{{{column}}} : " if where.role else ""
        narrow, narrowing = self._narrowed(where, "found.rowid")
        values = [f"{columns}({words})", *narrowing]
        sql = "SELECT number, (SELECT count(*) FROM ranked) FROM ranked ORDER BY rank LIMIT ?"
        ranked = (
            "WITH ranked AS MATERIALIZED (SELECT rowid AS number, bm25(found) AS rank FROM found"  # noqa: S608
            f" WHERE found MATCH ?{narrow} ORDER BY rowid DESC LIMIT {NEWEST + 1}) "
        )
        if self._db.read_only and not self._db.value(BUILT):
            return [], False  # it has no index
        found = self._db.rows(ranked + sql, *values, limit)
        return [row[0] for row in found], bool(found) and found[0][1] > NEWEST

    def _narrowed(self, where: Where, number: str) -> tuple[str, list[Any]]:
        """Return the conditions for the messages to search in, and their values.

        `number` is the name of the column that has a message's number.
        """
        conditions: list[str] = []
        values: list[Any] = []
        if where.threads is not None:
            conditions.append(f"{number} >> 24 IN ({', '.join('?' * len(where.threads))})")
            values += where.threads
        if where.profile:
            conditions.append(
                f"{number} >> 24 IN (SELECT number FROM threads WHERE profile = ?)"  # noqa: S608
            )
            values.append(where.profile)
        if where.since or where.role:
            conditions.append(
                f"EXISTS (SELECT 1 FROM messages JOIN threads ON threads.number = {number} >> 24"  # noqa: S608
                f" WHERE messages.number = {number} AND coalesce(messages.created_at, said_at) >= ?"
                " AND role = iif(? = '', role, ?))"
            )
            values += [where.since, where.role, where.role]
        return "".join(f" AND {condition}" for condition in conditions), values

    def _hit(self, number: int) -> Hit | None:
        sql = (
            "SELECT coalesce(id, ''), role, created_at, CAST(parts AS BLOB) FROM messages"
            " WHERE number = ?"
        )
        rows = self._db.rows(sql, number)
        if not rows:
            return None
        identity, role, created_at, parts = rows[0]
        return Hit(number >> 24, identity, role, created_at, self._text_of(parts))

    def _looked_through(self, asked: Sequence[Term], where: Where, limit: int) -> Iterator[Hit]:
        """Yield hits among the messages that are in no index, the newest first."""
        narrow, narrowing = self._narrowed(where, "here.number")
        sql = (
            "SELECT number FROM messages AS here WHERE (number IN (SELECT number FROM unindexed)"  # noqa: S608
            " OR number > coalesce((SELECT built FROM searching), 0))"
            f"{narrow} ORDER BY number DESC"
        )
        for (number,) in self._db.rows(sql, *narrowing):
            hit = self._hit(number)
            if hit and all(spans(hit.text, [term]) for term in asked):
                yield hit
                limit -= 1
                if limit == 0:
                    return
