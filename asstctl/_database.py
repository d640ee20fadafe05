"""The database: one SQLite file, its schema, its transactions."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

import os
import sqlite3
from contextlib import contextmanager, suppress

from asstctl.errors import AsstctlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

BUSY_SECONDS = 30
"""How long one process waits for another's write."""

MIGRATIONS = (
    """
    CREATE TABLE threads (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        backend TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        profile TEXT NOT NULL,
        name TEXT UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        metadata TEXT NOT NULL DEFAULT '{}',
        created_at REAL NOT NULL,
        said_at REAL NOT NULL,
        UNIQUE (id, endpoint)
    );
    CREATE INDEX threads_by_time ON threads (said_at DESC, number DESC);
    CREATE INDEX threads_by_profile ON threads (profile, said_at DESC, number DESC);
    CREATE TABLE messages (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL,
        metadata TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (thread, place)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE endpoints (
        endpoint TEXT NOT NULL,
        ability TEXT NOT NULL,
        has INTEGER NOT NULL,
        PRIMARY KEY (endpoint, ability)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE replies (
        endpoint TEXT NOT NULL,
        thread TEXT NOT NULL,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        after TEXT NOT NULL DEFAULT '',
        sent INTEGER NOT NULL DEFAULT 0,
        held INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (endpoint, thread, place)
    ) WITHOUT ROWID;
    CREATE TABLE copies (
        source_id TEXT NOT NULL,
        source_endpoint TEXT NOT NULL,
        target INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        copied INTEGER NOT NULL DEFAULT 0,
        on_its_way INTEGER NOT NULL DEFAULT 0,
        before INTEGER NOT NULL DEFAULT 0,
        last_id TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (source_id, source_endpoint, target)
    ) WITHOUT ROWID;
    """,
)
"""The schema's history: only ever added to; `PRAGMA user_version` counts what was applied."""


class Database:
    """The file at `path`, or memory that is forgotten where there is none.

    Every method raises AsstctlError where SQLite does; several processes at once are normal.
    """

    def __init__(self, path: Path | str | None) -> None:
        self._path = str(path) if path else None
        self.read_only: AsstctlError | None = None  # why nothing can be written
        try:
            with self.translated():
                self._open()
        except AsstctlError as error:
            if self._path and damaged(error.__cause__):
                raise self._set_aside(self._path, error) from error
            raise

    def _set_aside(self, path: str, error: AsstctlError) -> AsstctlError:
        """Move a file that is no database out of the way, whole; gives the error that says so."""
        self._db.close()  # it was opened: by reading it the damage was found
        number = 1
        while os.path.exists(aside := f"{path}.damaged-{number}"):
            number += 1
        for tail in ("-wal", "-shm", ""):
            with suppress(OSError):
                os.rename(path + tail, aside + tail)
        error.hint = f"it is kept as {aside}; the next command begins a new one"
        return error

    def _open(self) -> None:
        self._connect()
        if self.read_only:
            return
        self._db.execute("PRAGMA foreign_keys = ON")
        if self._version() < len(MIGRATIONS):
            self._db.execute("PRAGMA journal_mode = WAL")
            with self.writing():
                for version in range(self._version(), len(MIGRATIONS)):
                    for statement in MIGRATIONS[version].split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {version + 1}")
        if self._version() > len(MIGRATIONS):
            raise AsstctlError(
                f"{self._path} was written by a newer asstctl", hint="upgrade asstctl to use it"
            )

    def _connect(self) -> None:
        """Open the file, for reading alone where it can't be written."""
        if self._path is None:
            self._db = sqlite3.connect(":memory:", isolation_level=None)
            return
        folder = os.path.dirname(self._path)
        if os.path.exists(self._path) and not (writable(self._path) and writable(folder)):
            self._db = self._reading(self._path)  # SQLite keeps files beside the one it writes
            return
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)

    def _reading(self, path: str) -> sqlite3.Connection:
        """Open the file as it is; raises AsstctlError where its schema is not the one we read."""
        from urllib.parse import quote  # for this rare way alone

        self.read_only = AsstctlError(f"the store {path} can't be written")
        for way in ("mode=ro", "immutable=1"):  # the first sees what is not in the file yet
            uri = f"file:{quote(path)}?{way}"
            found = sqlite3.connect(uri, uri=True, isolation_level=None)
            try:
                if found.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
                    return found
            except sqlite3.OperationalError:
                pass
            found.close()
        raise self.read_only

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the file system raise into AsstctlError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise AsstctlError(
                f"can't use the store {self._path}: {words}",
                hint="XDG_DATA_HOME moves it" if os.name == "posix" else None,
            ) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction that takes the write lock first, so that it can't fail half-way."""
        if self.read_only:
            raise self.read_only
        with self.translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                raise

    def execute(self, sql: str, *values: Any, **named: Any) -> int:
        """Run one statement, with values for its `?` or its names; gives how many rows changed."""
        with self.translated():
            return self._db.execute(sql, named or values).rowcount

    def execute_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        """Run one statement for each of `rows`."""
        with self.translated():
            self._db.executemany(sql, rows)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""
        with self.translated():
            return self._db.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query one at a time."""
        with self.translated():
            yield from self._db.execute(sql, values)

    def value(self, sql: str, *values: Any) -> Any:
        """Give the first column of a query's first row, None where there is none."""
        with self.translated():
            row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None


def writable(path: str) -> bool:
    """Say whether the system lets us write to a file or folder."""
    return os.access(path, os.W_OK)


def damaged(error: BaseException | None) -> bool:
    """Say whether SQLite found the file to be no database, or one with a broken head."""
    name = getattr(error, "sqlite_errorname", "")
    return name in ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def duplicate(error: AsstctlError) -> bool:
    """Say whether a statement failed because a value that must be unique is there already."""
    return isinstance(error.__cause__, sqlite3.IntegrityError)
