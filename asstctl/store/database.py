"""The database: one SQLite file and its transactions."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

import errno
import os
import sqlite3
import time
from contextlib import contextmanager, suppress

from asstctl.errors import AsstctlError
from asstctl.store.faults import MendedError, busy, damaged, file_of, writable
from asstctl.store.schema import MIGRATIONS, changes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

SQLITE = sqlite3.sqlite_version
"""The version of SQLite."""

BUSY_SECONDS = 30
"""How long one process waits for another's write."""


REWRITTEN = 5
"""The version of the schema that rewrote all messages."""


class Database:
    """The file at `path`, or memory that is forgotten where there is none.

    Every method raises AsstctlError where SQLite does; several processes at once are normal.
    """

    def __init__(
        self,
        path: Path | str | None,
        *,
        reading: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.tell = tell
        self._path = str(path) if path else None
        self.read_only: AsstctlError | None = None  # why nothing can be written
        self._empty = False
        self._absent = False  # there is no file yet: the first write makes it
        self.emptied = False  # there was a file without a single byte
        self._for_reading = reading
        self.file: tuple[int, int] | None = None  # which one is open to be written
        self._current = False  # its schema is known to be ours
        self._db = sqlite3.connect(":memory:", isolation_level=None)  # until there is a file
        with self.translated():
            self._open(reading=reading)

    def _mended(self, path: str) -> str:
        """Make a damaged file whole, and open it; return in words what was done."""
        from asstctl.store.salvage import mend

        self._db.close()
        try:
            return mend(path, BUSY_SECONDS)
        finally:
            self._make()
            self._begin()

    def _open(self, *, reading: bool) -> None:
        self._connect(reading=reading)
        if self.read_only:
            return
        self._begin()
        version = self._version()
        if version > len(MIGRATIONS):
            words = f"{self._path} was written by a newer asstctl"
            raise AsstctlError(words, hint="upgrade asstctl to use it")
        self._empty = version == 0  # the first write makes the schema, in its own transaction
        if 0 < version < len(MIGRATIONS):
            if version < REWRITTEN:
                from asstctl.store.upkeep import demand_room  # only once for each store

                demand_room(str(self._path), self.tell)
            with self.writing():
                pass  # every write begins by migrating
            if version < REWRITTEN:
                with suppress(sqlite3.Error):  # the room of the old tables is worth having
                    self._db.execute("VACUUM")

    def _migrate(self) -> None:
        if self._current:
            return
        for statement in changes(self._version()):
            self._db.execute(statement)

    def _log_ahead(self, seconds: float) -> None:
        """Switch a blank file to the write-ahead log.

        SQLite does not wait for other processes that look at the file at this moment, so we do.
        """
        end = time.monotonic() + seconds
        while self._blank():
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not busy(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return

    def _blank(self) -> bool:
        """Return whether the file has no schema yet: then there is nothing to read."""
        self._follow()
        if self._absent and os.path.exists(str(self._path)):
            self._appear()
        self._empty = self._empty and self._version() == 0  # another process may have made it
        return self._empty

    def _connect(self, *, reading: bool) -> None:
        """Open the file, for reading alone where that is asked for or it can't be written."""
        if self._path is None:
            return
        folder = os.path.dirname(self._path)
        there = os.path.exists(self._path)
        if reading or (there and not (writable(self._path) and writable(folder))):
            self._db.close()
            self._db = self._reading(self._path)  # SQLite keeps files beside the one it writes
            return
        if there:
            found = os.stat(self._path)  # one that another process has just made is empty too
            self._db.close()
            self.emptied = found.st_size == 0 and time.time() - found.st_mtime > BUSY_SECONDS
            self._make()
            return
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not writable(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        self._absent = True

    def _make(self) -> None:
        """Open the file, and make it where there is none."""
        path = str(self._path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self.file = file_of(path)
        self._current = False
        self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)

    def _appear(self) -> None:
        """Open the file that this first write makes, or another process has made."""
        self._absent = False
        self._db.close()
        self._make()
        self._begin()

    def _follow(self) -> None:
        """Open the file anew where another process has put a mended one into its place."""
        if not self._db.in_transaction and self._is_replaced():
            self._db.close()
            self._make()
            self._begin()
            self._empty = self._version() == 0

    def _is_replaced(self) -> bool:
        return self.file is not None and self.file != file_of(str(self._path))

    def _begin(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")  # builds of SQLite differ

    def _reading(self, path: str) -> sqlite3.Connection:
        """Open the file as it is; raises AsstctlError where its schema is not the one we read."""
        self.read_only = AsstctlError(f"the store {path} can't be written")
        from asstctl.store import readonly  # for this rare way alone

        if found := readonly.opened(path, BUSY_SECONDS):
            return found
        raise self.read_only

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the file system raise into AsstctlError."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error | OSError) -> AsstctlError:
        """Return the error for a fault; a damaged file is made whole first."""
        words = error.strerror if isinstance(error, OSError) else str(error)
        told = f"can't use the store {self._path}: {words}"
        if not damaged(error):
            return AsstctlError(told, hint="ASSTCTL_DATA moves it")
        if self._path is None or self._for_reading or self.read_only:
            return AsstctlError(told)
        try:
            return MendedError(told, hint=f"{self._mended(self._path)}; run the command again")
        except (OSError, sqlite3.Error) as failed:
            return AsstctlError(f"{told}; it is left as it is, for it can't be mended: {failed}")

    @contextmanager
    def writing(self, seconds: float = BUSY_SECONDS, *, lasting: bool = True) -> Iterator[None]:
        """One transaction, which takes the write lock first, so that it can't fail half-way.

        It waits so many seconds for other processes. Inside another one it is a part of that.
        Without `lasting` a power failure may lose it, and nothing else; a kill loses neither.
        """
        if self.read_only:
            raise self.read_only
        inside = self._db.in_transaction
        if inside:
            yield
            return
        with self.translated():
            if self._absent:
                self._appear()
            self._follow()
            self._db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            try:
                self._log_ahead(seconds)
                self._db.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
                self._db.execute("BEGIN IMMEDIATE")
                if self._is_replaced():  # while we waited
                    self._db.execute("ROLLBACK")
                    self._follow()
                    self._db.execute("BEGIN IMMEDIATE")
            finally:  # what is read later waits for as long as it takes
                self._db.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            try:
                self._migrate()
                yield
                self._db.execute("COMMIT")
                self._current = True
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                self._empty = self._version() == 0  # the schema may have gone with it
                raise

    def execute(self, sql: str, *values: Any, **named: Any) -> int:
        """Run one statement with values for its `?` or its names; return how many rows changed."""
        with self.translated():
            return self._db.execute(sql, named or values).rowcount

    def shred(self) -> bool:
        """Remove what was deleted from the files too; return False while another process reads.

        Then the last process that closes the file does it.
        """
        with self.translated():
            self._db.execute("PRAGMA busy_timeout = 500")
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def tick(self) -> int:
        """Return the next value of the counter that orders what several processes do."""
        with self.writing():
            self.execute("UPDATE counter SET value = value + 1")
            return int(self.value("SELECT value FROM counter"))

    def insert(self, sql: str, **named: Any) -> int:
        """Insert one row with values for its names; return its number."""
        with self.translated():
            return int(self._db.execute(sql, named).lastrowid or 0)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self.translated():
            return [] if self._blank() else self._db.execute(sql, values).fetchall()

    def each(self, sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query."""
        with self.translated():
            if not self._blank():
                yield from self._db.execute(sql, values)

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of a query's first row, None where there is no row."""
        with self.translated():
            row = None if self._blank() else self._db.execute(sql, values).fetchone()
        return row[0] if row else None
