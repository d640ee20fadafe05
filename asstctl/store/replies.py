"""The replies of threads, where a server knows replies by id."""

from asstctl.store.database import BUSY_SECONDS, Database


class Replies:
    """The ids of each thread's replies, in order; one is `held` once the thread goes on from it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(
        self,
        endpoint: str,
        thread_id: str,
        reply_id: str,
        *,
        after: str = "",
        seconds: float = BUSY_SECONDS,
    ) -> None:
        """Note a reply that has begun; one that is there already stays.

        It goes on from the reply `after`, which a reply that was noted before it was known learns
        now. It waits so many seconds for other processes.
        """
        with self._db.writing(seconds):
            self._db.execute(
                "INSERT INTO replies (endpoint, thread, place, id, after)"
                " SELECT :at, :thread, (SELECT coalesce(max(place), 0) + 1 FROM replies"
                " WHERE endpoint = :at AND thread = :thread), :id, :after WHERE NOT EXISTS"
                " (SELECT 1 FROM replies WHERE endpoint = :at AND thread = :thread AND id = :id)",
                at=endpoint,
                thread=thread_id,
                id=reply_id,
                after=after,
            )
            if after:
                self._db.execute(
                    "UPDATE replies SET after = ? WHERE endpoint = ? AND thread = ?"
                    " AND id = ? AND held = 0 AND after = ''",
                    after,
                    endpoint,
                    thread_id,
                    reply_id,
                )

    def hold(self, endpoint: str, thread_id: str, reply_id: str) -> bool:
        """Note that the thread goes on from a reply.

        Return whether it does: not where another reply was held since this one was asked for.
        """
        with self._db.writing():
            key = {"at": endpoint, "thread": thread_id, "id": reply_id}
            self._db.execute(
                "UPDATE replies SET held = 1 WHERE endpoint = :at AND thread = :thread AND id = :id"
                " AND held = 0 AND after = coalesce((SELECT id FROM replies WHERE endpoint = :at"
                " AND thread = :thread AND held ORDER BY place DESC LIMIT 1), '')",
                **key,
            )
            held = "SELECT held FROM replies WHERE endpoint = ? AND thread = ? AND id = ?"
            return bool(self._db.value(held, endpoint, thread_id, reply_id))

    def all(self, endpoint: str, thread_id: str) -> list[str]:
        """Return every reply that began in the thread, in order."""
        sql = "SELECT id FROM replies WHERE endpoint = ? AND thread = ? ORDER BY place"
        return [row[0] for row in self._db.rows(sql, endpoint, thread_id)]

    def held(self, endpoint: str, thread_id: str) -> list[str]:
        """Return the replies that the thread consists of, in order."""
        return [
            row[0]
            for row in self._db.rows(
                "SELECT id FROM replies WHERE endpoint = ? AND thread = ? AND held ORDER BY place",
                endpoint,
                thread_id,
            )
        ]

    def last(self, endpoint: str, thread_id: str) -> str | None:
        """Return the reply that began last, held or not."""
        found: str | None = self._db.value(
            "SELECT id FROM replies WHERE endpoint = ? AND thread = ? ORDER BY place DESC LIMIT 1",
            endpoint,
            thread_id,
        )
        return found

    def forget(self, endpoint: str, thread_id: str) -> None:
        """Forget a thread's replies."""
        with self._db.writing():
            self._db.execute(
                "DELETE FROM replies WHERE endpoint = ? AND thread = ?", endpoint, thread_id
            )
