"""The files that we put on servers: for which threads, and those that may have been cut off."""

from collections.abc import Callable

from asstctl.model import Thread
from asstctl.parts import Part
from asstctl.store.database import Database


class Uploads:
    """Uploads by their server, hash and kind of part; the row of each is among the files'."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._db = database
        self._clock = clock

    def find(self, endpoint: str, digest: str, kind: type[Part]) -> str | None:
        """Return the id of an upload with some contents, None where there is none."""
        sql = (
            "SELECT id FROM files WHERE sha256 = ? AND sha256 != '' AND endpoint = ? AND uploaded"
            " AND kind = ? ORDER BY thread DESC LIMIT 1"
        )
        found: str | None = self._db.value(sql, digest, endpoint, kind.__name__)
        return found

    def disown(self, endpoint: str, file_id: str) -> None:
        """Note that a file of a server is none of our uploads any more: nothing deletes it."""
        sql = "UPDATE files SET uploaded = 0 WHERE endpoint = ? AND id = ?"
        with self._db.writing():
            self._db.execute(sql, endpoint, file_id)

    def of(self, thread: Thread, *, alone: bool = True) -> list[str]:
        """Return the ids of the files that we put on a server for a thread, or for it `alone`."""
        sql = (
            "SELECT files.id FROM files JOIN threads ON number = thread WHERE threads.id = ?"
            " AND threads.endpoint = ? AND files.endpoint = threads.endpoint AND uploaded"
            " AND NOT (? AND EXISTS (SELECT 1 FROM files AS others JOIN threads AS another"
            " ON another.number = others.thread AND another.endpoint = others.endpoint"
            " WHERE others.endpoint = files.endpoint AND others.id = files.id"
            " AND others.thread != files.thread))"
        )
        return [row[0] for row in self._db.rows(sql, *thread.key, alone)]

    def renew(self, endpoint: str, digest: str, kind: type[Part]) -> None:
        """Note that some contents go to a server now, once more."""
        with self._db.writing():
            self.end(endpoint, digest, kind)
            self.begin(endpoint, digest, kind)

    def begin(self, endpoint: str, digest: str, kind: type[Part]) -> float | None:
        """Note that some contents go to a server now.

        Return since when an earlier upload of them may be there that nobody heard the end of.
        """
        key = (endpoint, digest, kind.__name__)
        which = "endpoint = ? AND sha256 = ? AND kind = ?"
        with self._db.writing():
            before: float | None = self._db.value(
                f"SELECT began_at FROM uploading WHERE {which}",  # noqa: S608
                *key,
            )
            if before is None:
                self._db.execute("INSERT INTO uploading VALUES (?, ?, ?, ?)", *key, self._clock())
        return before

    def end(self, endpoint: str, digest: str, kind: type[Part]) -> None:
        """Note that the end of an upload is known: its id is noted, or it was refused."""
        sql = "DELETE FROM uploading WHERE endpoint = ? AND sha256 = ? AND kind = ?"
        with self._db.writing():
            self._db.execute(sql, endpoint, digest, kind.__name__)
