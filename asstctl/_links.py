"""What ties threads to replies on a server, and to the threads that they are copies of."""

from dataclasses import dataclass

from asstctl._database import Database


class Replies:
    """The ids of a thread's replies, in order, where a server knows replies by id.

    A reply is `held` once the thread goes on from it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(self, endpoint: str, thread_id: str, reply_id: str) -> None:
        """Note a reply that has begun; one that is there already stays."""
        with self._db.writing():
            self._db.execute(
                "INSERT INTO replies (endpoint, thread, place, id)"
                " SELECT ?1, ?2, (SELECT coalesce(max(place), 0) + 1 FROM replies"
                " WHERE endpoint = ?1 AND thread = ?2), ?3 WHERE NOT EXISTS"
                " (SELECT 1 FROM replies WHERE endpoint = ?1 AND thread = ?2 AND id = ?3)",
                endpoint,
                thread_id,
                reply_id,
            )

    def hold(self, endpoint: str, thread_id: str, reply_id: str) -> None:
        """Note that the thread goes on from a reply."""
        with self._db.writing():
            self._db.execute(
                "UPDATE replies SET held = 1 WHERE endpoint = ? AND thread = ? AND id = ?",
                endpoint,
                thread_id,
                reply_id,
            )

    def held(self, endpoint: str, thread_id: str) -> list[str]:
        """Give the replies that the thread consists of, in order."""
        return [
            row[0]
            for row in self._db.rows(
                "SELECT id FROM replies WHERE endpoint = ? AND thread = ? AND held ORDER BY place",
                endpoint,
                thread_id,
            )
        ]

    def last(self, endpoint: str, thread_id: str) -> str | None:
        """Give the reply that began last, held or not."""
        found: str | None = self._db.value(
            "SELECT id FROM replies WHERE endpoint = ? AND thread = ? ORDER BY place DESC LIMIT 1",
            endpoint,
            thread_id,
        )
        return found

    def forget(self, endpoint: str, thread_id: str) -> None:
        """Forget a thread's replies, inside the caller's transaction."""
        self._db.execute(
            "DELETE FROM replies WHERE endpoint = ? AND thread = ?", endpoint, thread_id
        )


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy went: messages that are `copied`, and those `on_its_way` when it stopped."""

    target_id: str
    copied: int
    on_its_way: int


class Copies:
    """Which thread is a copy of which, and how far. A source is named by its id and endpoint."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, source: tuple[str, str], profile: str, endpoint: str) -> Copied | None:
        """Give the newest copy of a source in a profile, None where there is none."""
        rows = self._db.rows(
            "SELECT threads.id, copied, on_its_way FROM copies JOIN threads ON number = target"
            " WHERE source_id = ? AND source_endpoint = ? AND profile = ? AND endpoint = ?"
            " ORDER BY number DESC LIMIT 1",
            *source,
            profile,
            endpoint,
        )
        return Copied(*rows[0]) if rows else None

    def note(
        self, source: tuple[str, str], target_id: str, endpoint: str, copied: int, on_its_way: int
    ) -> None:
        """Note how many of a source's messages are in its copy, and how many are being put there.

        The copy must be in the index.
        """
        with self._db.writing():
            self._db.execute(
                "INSERT OR REPLACE INTO copies"
                " SELECT ?, ?, number, ?, ? FROM threads WHERE id = ? AND endpoint = ?",
                *source,
                copied,
                on_its_way,
                target_id,
                endpoint,
            )
