"""Which thread is a copy of which, and how far each copy went."""

from asstctl._record import record
from asstctl.model import Thread
from asstctl.store.database import Database


@record
class Copied:
    """How far a copy went: messages `copied`, and those `on_its_way` when it stopped.

    The copy held `before` messages when the latter were sent; `last_id` is the source's message
    that was copied last. `surplus`: how many messages it holds twice.
    """

    target_id: str
    copied: int = 0
    on_its_way: int = 0
    before: int = 0
    last_id: str = ""
    surplus: int = 0


class Copies:
    """Copies by their source, which is named by its id and endpoint."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find(self, source: tuple[str, str], profile: str, endpoint: str) -> Copied | None:
        """Return the newest copy of a source in a profile, None where there is none."""
        rows = self._db.rows(
            "SELECT threads.id, copied, on_its_way, before, last_id, surplus FROM copies"
            " JOIN threads ON number = target"
            " WHERE source_id = ? AND source_endpoint = ? AND profile = ? AND endpoint = ?"
            " ORDER BY number DESC LIMIT 1",
            *source,
            profile,
            endpoint,
        )
        return Copied(*rows[0]) if rows else None

    def is_copy(self, thread: Thread) -> bool:
        """Return whether a thread is a copy of another one in the index, forks left out."""
        sql = (
            "SELECT 1 FROM copies JOIN threads AS source ON source.id = source_id"
            " AND source.endpoint = source_endpoint WHERE target = (SELECT number FROM threads"
            " WHERE id = ? AND endpoint = ?)"
        )
        return self._db.value(sql, *thread.key) is not None

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

    def lose(self, source: tuple[str, str], message_id: str, earlier: str) -> None:
        """Note that a message of a source is deleted: a copy that ended with it ends earlier."""
        self._db.execute(
            "UPDATE copies SET last_id = ?, copied = copied - 1"
            " WHERE source_id = ? AND source_endpoint = ? AND last_id = ?",
            earlier,
            *source,
            message_id,
        )

    def step(self, source: tuple[str, str], endpoint: str, now: Copied) -> None:
        """Note how far a copy is."""
        with self._db.writing():
            self._db.execute(
                "UPDATE copies SET copied = ?, on_its_way = ?, before = ?, last_id = ?,"
                " surplus = ?"
                " WHERE source_id = ? AND source_endpoint = ?"
                " AND target = (SELECT number FROM threads WHERE id = ? AND endpoint = ?)",
                now.copied,
                now.on_its_way,
                now.before,
                now.last_id,
                now.surplus,
                *source,
                now.target_id,
                endpoint,
            )
