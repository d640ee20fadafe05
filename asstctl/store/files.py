"""The contents of files, kept once by their hash in a folder beside the database.

A file is there before its row, and goes when no message uses it.
"""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import file_digest, sha256
from pathlib import Path

from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.parts import FileRef, Part
from asstctl.store.database import Database
from asstctl.store.faults import of_a_thread

PIECE = 1 << 20
"""Bytes of a file that are read at once."""

LEFT_SECONDS = 3600
"""The age at which a file that is being written counts as left by a process that was killed."""


Key = tuple[str, str]
"""A thread's id and endpoint."""

BLANK = "UPDATE files SET name = '', media_type = '', size = 0, sha256 = ''"
"""The change of a row that says only that a thread names an upload."""


@record
class Known:
    """A service's file as it is known here: kept by `sha256`, or `missing` for a reason."""

    id: str
    name: str = ""
    media_type: str = ""
    size: int = 0
    sha256: str = ""
    missing: str = ""


class TooLargeError(AsstctlError):
    """A file is larger than the profile's `max_file`."""


class Files:
    """The files of threads in a folder; None: nothing is kept."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        self._db = database
        self._folder = folder

    @property
    def kept(self) -> bool:
        """Whether files are kept at all."""
        return self._folder is not None

    def path(self, digest: str) -> Path:
        """Return where a file's contents are."""
        assert self._folder is not None  # noqa: S101 - without a folder nothing is kept
        return self._folder / digest[:2] / digest

    def intact(self, known: Known) -> bool:
        """Return whether a file's contents are here, as many bytes as they were."""
        if not known.sha256 or self._folder is None:
            return False
        with suppress(OSError):
            return self.path(known.sha256).stat().st_size == known.size
        return False

    def keep(
        self, thread: int, endpoint: str, known: Known, pieces: Iterable[bytes], most: int
    ) -> Known:
        """Keep a file's contents for the thread with a number; return what is known of it then.

        Raises TooLargeError above `most` bytes, AsstctlError where it can't be written, and what
        `pieces` raises; then nothing is left.
        """
        if self._folder is None:
            raise AsstctlError("without a store no file is kept")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            neighbour = Path(name)
            try:
                digest, size = _written(descriptor, pieces, most, known.id)
                found = Known(known.id, known.name, known.media_type, size, digest)
                with self._db.writing():
                    replaced = self._note(thread, endpoint, found)  # fails for a deleted thread
                    path = self.path(digest)
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    if not self.intact(found):
                        neighbour.replace(path)
                self.sweep(replaced)
            finally:
                neighbour.unlink(missing_ok=True)
        except OSError as error:
            raise AsstctlError(f"can't keep the file {known.id}: {error.strerror}") from error
        return found

    def take(self, thread: int, endpoint: str, known: Known, path: Path) -> None:
        """Keep a file whose hash is known from another place on this machine."""
        with path.open("rb") as file:
            pieces = iter(lambda: file.read(PIECE), b"")
            self.keep(thread, endpoint, known, pieces, path.stat().st_size)

    def keep_held(self, thread: int, known: Known, content: bytes) -> None:
        """Keep a file that an object of a thread held, as `known` says it."""
        endpoint = self._db.value("SELECT endpoint FROM threads WHERE number = ?", thread)
        if self.intact(known):
            self.note(thread, str(endpoint), known)
        else:
            self.keep(thread, str(endpoint), known, [content], len(content))

    def note(
        self, thread: int, endpoint: str, known: Known, *, uploaded: type[Part] | None = None
    ) -> None:
        """Note a file that can't be had, or that is kept already for another thread.

        `uploaded`: we put it on its server, for parts of a kind.
        """
        with self._db.writing():
            replaced = self._note(thread, endpoint, known, uploaded)
        self.sweep(replaced)

    def _note(
        self, thread: int, endpoint: str, known: Known, uploaded: type[Part] | None = None
    ) -> list[str]:
        """Write a file's row; return the hash of the contents that it named before, if others."""
        sql = (
            "SELECT sha256 FROM files WHERE thread = ? AND endpoint = ? AND id = ?"
            " AND sha256 NOT IN ('', ?)"
        )
        before = self._db.rows(sql, thread, endpoint, known.id, known.sha256)
        sql = (
            "INSERT INTO files (thread, endpoint, id, name, media_type, size, sha256, missing,"
            " kind, uploaded) VALUES (:thread, :endpoint, :id, :name, :media_type, :size, :sha256,"
            " :missing, coalesce(nullif(:kind, ''), (SELECT max(kind) FROM files WHERE"
            " endpoint = :endpoint AND id = :id), ''), :kind != '' OR EXISTS (SELECT 1 FROM files"
            " WHERE endpoint = :endpoint AND id = :id AND uploaded)) ON CONFLICT DO UPDATE"
            " SET name = excluded.name, media_type = excluded.media_type,"
            " size = excluded.size, sha256 = excluded.sha256,"
            " missing = excluded.missing, kind = excluded.kind, uploaded = excluded.uploaded"
        )
        with of_a_thread():
            self._db.execute(
                sql,
                thread=thread,
                endpoint=endpoint,
                id=known.id,
                name=known.name,
                media_type=known.media_type,
                size=known.size,
                sha256=known.sha256,
                missing=known.missing,
                kind=uploaded.__name__ if uploaded else "",
            )
        return [row[0] for row in before]

    def _found(self, where: str, *values: object) -> list[Known]:
        """Return the files of a WHERE clause and what follows it."""
        columns = "id, name, media_type, size, sha256, missing"
        rows = self._db.rows(f"SELECT {columns} FROM files WHERE {where}", *values)  # noqa: S608
        return [Known(*row) for row in rows]

    def known(self, endpoint: str, file_id: str, thread: int | None = None) -> Known | None:
        """Return a service's file as any thread knows it, or one by its number; else None."""
        where = "endpoint = ? AND id = ? AND thread = coalesce(?, thread)"
        found = self._found(f"{where} ORDER BY sha256 DESC LIMIT 1", endpoint, file_id, thread)
        return next(iter(found), None)

    def resolved(self, thread: Key, file: FileRef) -> FileRef:
        """Return a file of a thread with the hash and the type that are known of it here."""
        known = self._known_in(thread, file) if not file.sha256 else None
        if known is None:
            return file
        kind = file.media_type or known.media_type
        return replace(file, sha256=known.sha256, media_type=kind)

    def _known_in(self, thread: Key, file: FileRef) -> Known | None:
        """Return a file of a thread as it is known: ids of two servers may meet on this machine."""
        if not file.id:
            return None
        sql = "SELECT number FROM threads WHERE id = ? AND endpoint = ?"
        number = None if thread[1] else self._db.value(sql, *thread)
        return self.known(thread[1], file.id, number)

    def locate(self, thread: Key, file: FileRef) -> Known | None:
        """Return a file of a thread whose contents are kept here, None for any other."""
        known = self._known_in(thread, file)
        digest = file.sha256 or (known.sha256 if known else "")
        if not digest or self._folder is None:
            return None
        try:
            size = self.path(digest).stat().st_size
        except OSError:
            return None
        name = file.name or (known.name if known else "")
        media_type = file.media_type or (known.media_type if known else "")
        return Known(file.id or digest[:16], name, media_type, size, digest)

    def contents(self, file: FileRef) -> bytes | None:
        """Return the contents of a file that is resolved, None where they are not kept here."""
        if not file.sha256 or self._folder is None:
            return None
        with suppress(OSError):
            return self.path(file.sha256).read_bytes()
        return None

    def of(self, thread: int) -> list[Known]:
        """Return the files of the thread with a number, by their ids."""
        return self._found("thread = ? ORDER BY id", thread)

    def count(self, thread: int) -> int:
        """Count the files that are kept of the thread with a number."""
        sql = "SELECT count(*) FROM files WHERE thread = ? AND sha256 != ''"
        return int(self._db.value(sql, thread))

    def forget(self, thread: int) -> list[str]:
        """Delete the rows of the files of the thread with a number; return their hashes."""
        with self._db.writing():
            sql = "SELECT DISTINCT sha256 FROM files WHERE thread = ? AND sha256 != ''"
            digests = [row[0] for row in self._db.rows(sql, thread)]
            self._db.execute("DELETE FROM files WHERE thread = ? AND NOT uploaded", thread)
            self._db.execute(f"{BLANK} WHERE thread = ?", thread)  # its server has them
        return digests

    def drop(self, thread: int, names: Iterable[str]) -> list[str]:
        """Delete some rows of the thread with a number, by the files' ids; return their hashes."""
        sql = "SELECT sha256 FROM files WHERE thread = ? AND id = ?"
        digests = []
        with self._db.writing():
            for name in names:
                digests += [row[0] for row in self._db.rows(sql, thread, name) if row[0]]
                which = "WHERE thread = ? AND id = ?"
                self._db.execute(f"DELETE FROM files {which} AND NOT uploaded", thread, name)  # noqa: S608
                self._db.execute(f"{BLANK} {which}", thread, name)
        return digests

    def sweep(self, digests: Iterable[str]) -> None:
        """Delete contents that no row names any more, and what killed processes left."""
        digests = list(digests)
        if self._folder is None or not digests:
            return
        with self._db.writing():  # nobody names one of them meanwhile
            for digest in digests:
                if self._db.value("SELECT 1 FROM files WHERE sha256 = ?", digest) is None:
                    self.path(digest).unlink(missing_ok=True)
        for path in self._folder.glob(".new-*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                    path.unlink()


def digest_of(path: Path) -> str:
    """Return the hash of a file's contents; raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _written(descriptor: int, pieces: Iterable[bytes], most: int, name: str) -> tuple[str, int]:
    """Write pieces to a file; return their hash and size. Raises TooLargeError above `most`."""
    digest, size = sha256(), 0
    with os.fdopen(descriptor, "wb") as file:
        for piece in _bounded(pieces, most, name):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _bounded(pieces: Iterable[bytes], most: int, name: str) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise TooLargeError(
                f"{name} is larger than {most >> 20} MB",
                hint="the profile's setting max_file takes larger ones",
            )
        yield piece
