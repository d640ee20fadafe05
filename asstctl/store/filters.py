"""Which rows of the index are meant: as conditions of SQL, and their values."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

from asstctl._record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@record
class Filter:
    """The threads of a `profile`, of a `backend`, used `since` a time, that have a `word`.

    The word is a part of the name, the title or the id. What is "" or 0 leaves nothing out.
    """

    profile: str = ""
    backend: str = ""
    since: float = 0.0
    word: str = ""

    def where(self) -> tuple[str, list[Any]]:
        """Return the WHERE clause, "" where nothing is left out, and its values."""
        conditions: list[str] = []
        values: list[Any] = []
        for column, value in (("profile", self.profile), ("backend", self.backend)):
            if value:
                conditions.append(f"{column} = ?")
                values.append(value)
        if self.since:
            conditions.append("said_at >= ?")
            values.append(self.since)
        if self.word:
            conditions.append(
                "instr(lower(coalesce(name, '') || char(10) || title || char(10) || id), ?)"
            )
            values.append(self.word.lower())
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values
