"""What ties threads to replies on a server, and to the threads that they are copies of."""

from asstctl._database import Database
from asstctl._frozen import frozen


class Replies:
    """The ids of a thread's replies, in order, where a server knows replies by id.

    A reply is `held` once the thread goes on from it.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def begin(
        self, endpoint: str, thread_id: str, reply_id: str, *, after: str = "", sent: int = 0
    ) -> None:
        """Note a reply that has begun; one that is there already stays.

        It goes on from the reply `after`, and took along the kept messages up to place `sent`.
        """
        with self._db.writing():
            self._db.execute(
                "INSERT INTO replies (endpoint, thread, place, id, after, sent)"
                " SELECT :at, :thread, (SELECT coalesce(max(place), 0) + 1 FROM replies"
                " WHERE endpoint = :at AND thread = :thread), :id, :after, :sent WHERE NOT EXISTS"
                " (SELECT 1 FROM replies WHERE endpoint = :at AND thread = :thread AND id = :id)",
                at=endpoint,
                thread=thread_id,
                id=reply_id,
                after=after,
                sent=sent,
            )

    def hold(self, endpoint: str, thread_id: str, reply_id: str) -> bool:
        """Note that the thread goes on from a reply, which took kept messages along.

        Says whether it does: not where another reply was held since this one was asked for.
        """
        with self._db.writing():
            key = {"at": endpoint, "thread": thread_id, "id": reply_id}
            changed = self._db.execute(
                "UPDATE replies SET held = 1 WHERE endpoint = :at AND thread = :thread AND id = :id"
                " AND held = 0 AND after = coalesce((SELECT id FROM replies WHERE endpoint = :at"
                " AND thread = :thread AND held ORDER BY place DESC LIMIT 1), '')",
                **key,
            )
            if changed:
                self._db.execute(
                    "DELETE FROM messages WHERE thread ="
                    " (SELECT number FROM threads WHERE endpoint = :at AND id = :thread)"
                    " AND place <= (SELECT sent FROM replies"
                    " WHERE endpoint = :at AND thread = :thread AND id = :id)",
                    **key,
                )
            held = "SELECT held FROM replies WHERE endpoint = ? AND thread = ? AND id = ?"
            return bool(self._db.value(held, endpoint, thread_id, reply_id))

    def all(self, endpoint: str, thread_id: str) -> list[str]:
        """Give every reply that began in the thread, in order."""
        sql = "SELECT id FROM replies WHERE endpoint = ? AND thread = ? ORDER BY place"
        return [row[0] for row in self._db.rows(sql, endpoint, thread_id)]

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


@frozen
class Copied:
    """How far a copy went: messages that are `copied`, and those `on_its_way` when it stopped.

    The copy held `before` messages when the latter left; `last_id` is the source's message that
    was copied last.
    """

    target_id: str
    copied: int = 0
    on_its_way: int = 0
    before: int = 0
    last_id: str = ""


class Copies:
    """Which thread is a copy of which, and how far. A source is named by its id and endpoint."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, source: tuple[str, str], profile: str, endpoint: str) -> Copied | None:
        """Give the newest copy of a source in a profile, None where there is none."""
        rows = self._db.rows(
            "SELECT threads.id, copied, on_its_way, before, last_id FROM copies"
            " JOIN threads ON number = target"
            " WHERE source_id = ? AND source_endpoint = ? AND profile = ? AND endpoint = ?"
            " ORDER BY number DESC LIMIT 1",
            *source,
            profile,
            endpoint,
        )
        return Copied(*rows[0]) if rows else None

    def begin(self, source: tuple[str, str], target_id: str, endpoint: str) -> None:
        """Note that a thread, which is in the index, is a copy of a source."""
        with self._db.writing():
            self._db.execute(
                "INSERT INTO copies (source_id, source_endpoint, target)"
                " SELECT ?, ?, number FROM threads WHERE id = ? AND endpoint = ?",
                *source,
                target_id,
                endpoint,
            )

    def step(self, source: tuple[str, str], endpoint: str, now: Copied) -> None:
        """Note how far a copy is."""
        with self._db.writing():
            self._db.execute(
                "UPDATE copies SET copied = ?, on_its_way = ?, before = ?, last_id = ?"
                " WHERE source_id = ? AND source_endpoint = ?"
                " AND target = (SELECT number FROM threads WHERE id = ? AND endpoint = ?)",
                now.copied,
                now.on_its_way,
                now.before,
                now.last_id,
                *source,
                now.target_id,
                endpoint,
            )
