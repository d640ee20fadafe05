"""Abilities that endpoints were found to have, or not."""

from asstctl.store.database import Database


class Abilities:
    """Abilities by endpoint and name."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def has(self, endpoint: str, ability: str) -> bool | None:
        """Return whether an endpoint was found to have an ability; None: not known yet."""
        sql = "SELECT has FROM endpoints WHERE endpoint = ? AND ability = ?"
        found = self._db.value(sql, endpoint, ability)
        return None if found is None else bool(found)

    def note(self, endpoint: str, ability: str, *, has: bool) -> None:
        """Remember whether an endpoint has an ability."""
        with self._db.writing():
            self._db.execute(
                "INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?)", endpoint, ability, has
            )
