"""A damaged store made whole: its rows are copied into a new file as far as they can be read.

The old file stays where it is until the new one is complete, and is kept beside it then.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asstctl._locks import alone
from asstctl._record import record
from asstctl.model import count
from asstctl.store.records import Row, rows
from asstctl.store.schema import changes
from asstctl.store.titles import EVERY

TABLES = (
    "threads",
    "messages",
    "raw",
    "runs",
    "files",
    "endpoints",
    "replies",
    "copies",
    "removed",
)
"""The tables, each after those that it names rows of."""

OLD_MESSAGES = ("thread", "place", "id", "role", "parts", "status", "created_at", "metadata")
"""The columns of messages in a store before version 5, which had no numbers."""

TAILS = ("-wal", "-shm")
"""Names of the files that SQLite keeps beside its own."""

KINDS: Mapping[str, tuple[type, ...]] = {
    "TEXT": (str,),
    "INTEGER": (int,),
    "REAL": (float, int),
    "BLOB": (bytes,),
}
"""Types of values in columns of a type."""


def mend(path: str, seconds: float) -> str:
    """Make a damaged store whole; return in words what was done.

    Raises sqlite3.Error and OSError where it can't be done: then the store is as it was.
    """
    path = os.path.realpath(path)  # a link to another disk stays one
    with alone(Path(path + ".lock"), seconds):
        if sound(path, seconds):
            return "another command has mended it"
        if _reindexed(path, seconds):
            return "its indexes were damaged, and are made anew"
        fresh = path + ".mended"
        for tail in ("", *TAILS):
            Path(fresh + tail).unlink(missing_ok=True)
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with held(path, seconds):
            counts = _salvaged(path, fresh)
            aside = set_in_place(path, fresh, "damaged")
    told = [count(counts[table], table[:-1]) for table in ("threads", "messages", "runs", "files")]
    return f"it is kept as {aside}; {', '.join(told)} were salvaged"


def sound(path: str, seconds: float) -> bool:
    """Return whether a file is a store that can be read to its end, or none at all."""
    db = sqlite3.connect(path, timeout=seconds)
    try:
        return bool(db.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False
    finally:
        db.close()


def _reindexed(path: str, seconds: float) -> bool:
    """Make the indexes anew; return whether the store is sound then."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=seconds)) as db:
        db.execute("REINDEX")
        db.commit()
    return sound(path, seconds)


@contextmanager
def held(path: str, seconds: float) -> Iterator[None]:
    """Hold off what others would write to a file, where it can be locked."""
    with closing(sqlite3.connect(path, timeout=seconds, isolation_level=None)) as old:
        with suppress(sqlite3.Error):
            old.execute("BEGIN IMMEDIATE")
        yield


def _salvaged(path: str, fresh: str) -> dict[str, int]:
    """Make a store of what can be read of a damaged one; return how many rows, by table."""
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
        new.execute("PRAGMA journal_mode = WAL")
        new.execute("BEGIN IMMEDIATE")
        for statement in changes(0):
            new.execute(statement)
        counts = salvage(path, new)
        new.execute(EVERY)
        new.execute("COMMIT")
    with Path(fresh).open("rb+") as file:
        os.fsync(file.fileno())
    return counts


def set_in_place(path: str, fresh: str, why: str) -> str:
    """Put a new store into the place of another one; return the other one's new name."""
    number = 1
    while Path(aside := f"{path}.{why}-{number}").exists():
        number += 1
    for tail in TAILS:  # a log must not meet the new file
        with suppress(FileNotFoundError):
            Path(path + tail).rename(aside + tail)
    try:
        os.link(path, aside)  # so that there is a store at every moment
    except OSError:
        Path(path).rename(aside)
    Path(fresh).replace(path)
    return aside


# Rows


class UnreadableError(Exception):
    """A table can't be read to its end by the way that SQLite has."""


@record
class _Table:
    """A table of the new store: its columns, each with its type and whether it may be empty."""

    name: str
    columns: tuple[tuple[str, str, bool], ...]

    def takes(self, row: Row) -> bool:
        """Return whether a row has the shape of this table's: one of an older version is shorter.

        A number that is the row's own stands beside its values.
        """
        own = self.columns[0][0] == "number"
        if own is (row.number is None) or not 1 < len(row.values) <= len(self.columns):
            return False
        if self.name == "raw" and not _inflates(row.values[1]):
            return False  # a row of the index of words has the same shape
        fitting = zip(row.values, self.columns, strict=False)
        return all(_fits(value, kind, empty=empty) for value, (_, kind, empty) in fitting)

    def facts(self, row: Row) -> dict[str, Any]:
        """Return a row's values by their columns."""
        names = [name for name, _, _ in self.columns]
        found = dict(zip(names, row.values, strict=False))
        return found if row.number is None else {**found, "number": row.number}


def _inflates(value: Any) -> bool:
    try:
        return isinstance(value, bytes) and bool(zlib.decompress(value))
    except zlib.error:
        return False


def _fits(value: Any, kind: str, *, empty: bool) -> bool:
    return empty if value is None else type(value) in KINDS[kind]


def salvage(damaged: str, fresh: sqlite3.Connection) -> dict[str, int]:
    """Copy every row that can be read into an empty store; return how many, by table.

    A message whose thread's row is lost keeps its place in a thread made for it. Raises
    sqlite3.Error where the new store can't be written.
    """
    counts = dict.fromkeys(TABLES, 0)
    for name in TABLES:
        table = _table(fresh, name)
        try:
            for facts in _selected(damaged, table):
                counts[name] += _insert(fresh, name, facts)
        except UnreadableError:
            for row in rows(damaged):
                if found := _told(table, row):
                    counts[name] += _insert(fresh, name, found)
    fresh.execute(
        "UPDATE counter SET value = 1 + max("
        " (SELECT coalesce(max(max(born, learned)), 0) FROM messages),"
        " (SELECT coalesce(max(max(order_at, whole_at, number)), 0) FROM threads))"
    )
    return counts


def _table(db: sqlite3.Connection, name: str) -> _Table:
    columns = [
        (column, kind, not notnull or (bool(key) and column == "number"))
        for _, column, kind, notnull, _, key in db.execute(f"PRAGMA table_info({name})")
    ]
    return _Table(name, tuple(columns))


def _selected(damaged: str, table: _Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as SQLite reads them; raises UnreadableError where it can't."""
    uri = f"file:{quote(damaged)}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as old:
            old.text_factory = lambda data: data.decode("utf-8", "replace")
            there = [row[1] for row in old.execute(f"PRAGMA table_info({table.name})")]
            names = [name for name, _, _ in table.columns if name in there]
            if table.name == "messages" and there and "number" not in there:
                names = list(OLD_MESSAGES)
            if not names:
                raise UnreadableError
            found = old.execute(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608
            while row := found.fetchone():
                yield _numbered(dict(zip(names, row, strict=True)))
    except sqlite3.Error as error:
        raise UnreadableError from error


def _told(table: _Table, row: Row) -> dict[str, Any]:
    """Return a row's values by their columns, {} where it is none of a table's."""
    if table.takes(row):
        return table.facts(row)
    if table.name == "messages" and row.number is None and len(row.values) == len(OLD_MESSAGES):
        facts = dict(zip(OLD_MESSAGES, row.values, strict=True))
        kinds = {name: (kind, empty) for name, kind, empty in table.columns}
        kinds |= {"thread": ("INTEGER", False)}
        if all(_fits(facts[n], kinds[n][0], empty=kinds[n][1]) for n in OLD_MESSAGES):
            return _numbered(facts)
    return {}


def _numbered(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a message of an older store with the number that it has now."""
    if "number" in facts or "role" not in facts:
        return facts
    number = facts.pop("thread") << 24 | facts["place"]
    return {**facts, "number": number}


def _insert(fresh: sqlite3.Connection, table: str, facts: dict[str, Any]) -> int:
    """Insert a row; return 1, or 0 where it is there or can't be."""
    if table == "messages":
        _adopt(fresh, int(facts["number"]) >> 24)
        same = "SELECT 1 FROM messages WHERE number >> 24 = ? AND id = ? AND number != ?"
        at = (facts["number"] >> 24, facts.get("id"), facts["number"])
        if fresh.execute(same, at).fetchone():
            facts = {**facts, "id": None}
    marks = ", ".join("?" * len(facts))
    sql = f"INSERT OR IGNORE INTO {table} ({', '.join(facts)}) VALUES ({marks})"  # noqa: S608 - names of ours
    with suppress(sqlite3.IntegrityError):  # of a thread that is lost
        return fresh.execute(sql, tuple(facts.values())).rowcount
    return 0


def _adopt(fresh: sqlite3.Connection, number: int) -> None:
    """Make the thread of a message whose own row is lost."""
    fresh.execute(
        "INSERT OR IGNORE INTO threads (number, id, backend, endpoint, profile, title, created_at,"
        " said_at) VALUES (?, ?, 'local', '', 'local', 'salvaged', 0, 0)",
        (number, f"local_salvaged{number}"),
    )
