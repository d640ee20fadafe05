"""Abilities that endpoints were found to have, or not."""

import time
from collections.abc import Callable
from contextlib import suppress

from asstctl.errors import AsstctlError
from asstctl.store.database import Database

WEEK = 7 * 24 * 3600
"""Seconds after which an ability that an endpoint was found to lack is asked for again."""


BELOW = "WHERE substr(endpoint || '/', 1, length(?1) + 1) = ?1 || '/' AND NOT has"
"""The condition of rows that say what an endpoint lacks: some wires note it at a path below."""


class Abilities:
    """Abilities by endpoint and name."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._clock = clock

    def has(self, endpoint: str, ability: str) -> bool | None:
        """Return whether an endpoint was found to have an ability; None: not known, or stale."""
        sql = (
            "SELECT has FROM endpoints WHERE endpoint = ? AND ability = ? AND (has OR noted_at > ?)"
        )
        found = self._db.value(sql, endpoint, ability, self._clock() - WEEK)
        return None if found is None else bool(found)

    def note(self, endpoint: str, ability: str, *, has: bool) -> None:
        """Remember whether an endpoint has an ability, where the store can be written now."""
        with suppress(AsstctlError), self._db.writing(0):
            self._db.execute(
                "INSERT OR REPLACE INTO endpoints (endpoint, ability, has, noted_at)"
                " VALUES (?, ?, ?, ?)",
                endpoint,
                ability,
                has,
                self._clock(),
            )

    def lacking(self, endpoint: str) -> list[str]:
        """Return the abilities that an endpoint, or a path below it, was found to lack, by name."""
        sql = f"SELECT DISTINCT ability FROM endpoints {BELOW} ORDER BY ability"  # noqa: S608
        return [row[0] for row in self._db.rows(sql, endpoint.rstrip("/"))]

    def forget(self, endpoint: str) -> None:
        """Forget what an endpoint was found to lack, so that it is asked for again."""
        with suppress(AsstctlError), self._db.writing(0):
            self._db.execute(f"DELETE FROM endpoints {BELOW}", endpoint.rstrip("/"))  # noqa: S608
