"""The index: which threads there are, where each lives, and how a user refers to one."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asstctl._ids import PREFIXES
from asstctl.errors import AsstctlError, ConfigError, NotFoundError
from asstctl.model import Thread, texts, titled
from asstctl.store import titles
from asstctl.store.database import Database
from asstctl.store.faults import duplicate
from asstctl.store.filters import Filter

_COLUMNS = "id, backend, endpoint, profile, name, title, created_at, said_at, metadata"

_READ = (
    "id, backend, endpoint, profile, name, CAST(title AS BLOB), created_at, said_at,"
    " CAST(metadata AS BLOB)"
)


class Index:
    """The rows of the threads that were seen."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._clock = clock

    def _rows(self, sql: str, *values: Any) -> list[Thread]:
        return [_thread(row) for row in self._db.rows(sql, *values)]

    def put(self, thread: Thread, prompt: str = "", *, said: bool = False) -> None:
        """Write a thread's row: the only function that does.

        A row that is there stays, but takes a title from `prompt` where it has none, and a name
        where `thread` has one. `said` moves it to the top of the list, by a counter: a clock may
        be wrong, and a file may claim any time. Raises ConfigError where the name is taken.
        """
        now = self._clock()
        try:
            with self._db.writing():
                self._db.execute(
                    f"INSERT INTO threads (number, {_COLUMNS}, turn)"  # noqa: S608 - a constant
                    " VALUES (1 + max((SELECT value FROM counter), (SELECT coalesce(max(number), 0)"
                    " FROM threads)), :id, :backend, :endpoint, :profile, :name, :title,"
                    " :created_at, :said_at, :metadata, iif(:said, (SELECT coalesce(max(turn), 0)"
                    " + 1 FROM threads), 0)) ON CONFLICT (id, endpoint) DO UPDATE SET"
                    " said_at = iif(:said, excluded.said_at, said_at),"
                    " turn = iif(:said, excluded.turn, turn),"
                    " title = iif(title = '', excluded.title, title),"
                    " name = coalesce(excluded.name, name)",
                    id=thread.id,
                    backend=str(thread.backend),
                    endpoint=thread.endpoint,
                    profile=thread.profile,
                    name=thread.name,
                    title=thread.title or titled(prompt),
                    created_at=thread.created_at or now,
                    said_at=now if said else thread.said_at or now,
                    metadata=json.dumps(dict(thread.metadata)),
                    said=said,
                )
                self._db.execute(titles.NEW, *thread.key)
                # no number is given twice: what still writes to a deleted thread finds none
                self._db.execute(
                    "UPDATE counter SET value = max(value, (SELECT max(number) FROM threads))"
                )
        except AsstctlError as error:
            raise taken(error, thread.name) from error

    def has(self, thread: Thread) -> bool:
        """Return whether a thread is in the index."""
        sql = "SELECT 1 FROM threads WHERE id = ? AND endpoint = ?"
        return self._db.value(sql, *thread.key) is not None

    def top(self, thread: Thread) -> tuple[int, float]:
        """Return where a thread stands in the list: its counter and its time, 0 where it is new."""
        sql = "SELECT turn, said_at FROM threads WHERE id = ? AND endpoint = ?"
        rows = self._db.rows(sql, *thread.key)
        return rows[0] if rows else (0, 0.0)

    def back(self, thread: Thread, top: tuple[int, float]) -> None:
        """Move a thread back to where it stood in the list, before a prompt that failed."""
        turn, said_at = top
        with self._db.writing():
            self._db.execute(
                "UPDATE threads SET turn = ?, said_at = iif(? > 0, ?, said_at)"
                " WHERE id = ? AND endpoint = ?",
                turn,
                said_at,
                said_at,
                *thread.key,
            )

    def threads(self, only: Filter = Filter(), limit: int = -1) -> list[Thread]:  # noqa: B008
        """Return the rows, the thread said to last first; -1 is no limit."""
        where, values = only.where()
        return self._rows(
            f"SELECT {_READ} FROM threads {where} {titles.NEWEST_FIRST} LIMIT ?",  # noqa: S608 - constants
            *values,
            limit,
        )

    def count(self, only: Filter = Filter()) -> int:  # noqa: B008 - it is never changed
        """Count the rows."""
        where, values = only.where()
        return int(self._db.value(f"SELECT count(*) FROM threads {where}", *values) or 0)  # noqa: S608

    def find(self, reference: str, profile: str | None = None) -> Thread:
        """Return the thread that a user means: `@last`, `@2`, a name, an id or its unique prefix.

        `profile` narrows `@last` and `@N`. Raises NotFoundError, or ConfigError with the
        candidates where there are several.
        """
        if reference.startswith("@"):
            return self._recent(reference, profile)
        by = f"SELECT {_READ} FROM threads WHERE "  # noqa: S608 - a constant
        exact = self._rows(by + "id = ?", reference) or self._rows(by + "name = ?", reference)
        if not exact:  # a copy answers to the id that its source had
            sql = "number IN (SELECT target FROM copies WHERE source_id = ?)"
            exact = self._rows(by + sql, reference)
        if len(exact) > 1 and profile:  # the same id at two endpoints
            exact = [thread for thread in exact if thread.profile == profile] or exact
        match exact or ([] if reference in PREFIXES else self._with_prefix(reference)):
            case []:
                raise NotFoundError(
                    f"no thread {reference!r}", hint="asstctl threads list shows what there is"
                )
            case [thread]:
                return thread
            case several:
                raise ConfigError(
                    f"{reference!r} could be: "
                    + ", ".join(f"{thread.id} ({thread.title})" for thread in several[:8])
                    + (", ..." if len(several) > 8 else ""),  # noqa: PLR2004 - a line's worth
                    hint="give more of the id, a name, or its profile with -p",
                )

    def _recent(self, reference: str, profile: str | None) -> Thread:
        word = reference[1:]
        if word != "last" and not re.fullmatch("[1-9][0-9]{0,8}", word):
            raise NotFoundError(
                f"no thread {reference!r}", hint="@last is the newest, @2 the one before"
            )
        nth = 1 if word == "last" else int(word)
        threads = self.threads(Filter(profile or ""), nth)
        if len(threads) < nth:
            from asstctl.config.settings import quoted  # for this error alone

            whose = f" of the profile {profile!r}" if profile else ""
            chosen = f" -p {quoted(profile)}" if profile else ""
            there = f"asstctl{chosen} threads list shows them"
            raise NotFoundError(
                f"no thread {reference}: there are {len(threads)}{whose}",
                hint=there if threads else f'asstctl{chosen} ask "..." makes one',
            )
        return threads[-1]

    def _with_prefix(self, start: str) -> list[Thread]:
        """Return the threads whose id begins with `start`, with or without the kind's prefix."""
        ranges = [(prefix + start, prefix + start + "\U0010ffff") for prefix in PREFIXES]
        where = " OR ".join(["(id >= ? AND id < ?)"] * len(ranges))
        return self._rows(
            f"SELECT {_READ} FROM threads WHERE {where} {titles.NEWEST_FIRST} LIMIT 9",  # noqa: S608
            *[end for pair in ranges for end in pair],
        )

    def get(self, thread_id: str, endpoint: str) -> Thread:
        """Return one thread by its id and endpoint; raises NotFoundError."""
        sql = f"SELECT {_READ} FROM threads WHERE id = ? AND endpoint = ?"  # noqa: S608
        found = self._rows(sql, thread_id, endpoint)
        if not found:
            raise NotFoundError(f"no thread {thread_id!r} at {endpoint or 'this machine'}")
        return found[0]

    def numbered(self, number: int) -> Thread | None:
        """Return the thread whose row has a number, None where it is gone."""
        found = self._rows(f"SELECT {_READ} FROM threads WHERE number = ?", number)  # noqa: S608
        return found[0] if found else None

    def learn(self, thread: Thread, found: bytes | None, metadata: Mapping[str, str]) -> None:
        """Note a thread's object, packed, and the metadata that the service has of it."""
        with self._db.writing():
            self._db.execute(
                "UPDATE threads SET object = coalesce(?, object), metadata = ?"
                " WHERE id = ? AND endpoint = ?",
                found,
                json.dumps({**thread.metadata, **metadata}, ensure_ascii=False),
                *thread.key,
            )

    def object(self, thread: Thread) -> dict[str, Any]:
        """Return the service's own object of a thread, {} where none is kept."""
        from asstctl.store.objects import readable  # TAB waits for every import here

        sql = "SELECT object FROM threads WHERE id = ? AND endpoint = ?"
        found = self._db.value(sql, *thread.key)
        return {} if found is None else readable(found)

    def miss(self, thread: Thread, missing: Sequence[str]) -> None:
        """Note why something of a thread could not be had."""
        sql = "UPDATE threads SET missing = ? WHERE id = ? AND endpoint = ?"
        with self._db.writing():
            self._db.execute(sql, json.dumps(list(missing), ensure_ascii=False), *thread.key)

    def missing(self, thread: Thread) -> tuple[str, ...]:
        """Return why something of a thread could not be had when it was fetched last."""
        sql = "SELECT missing FROM threads WHERE id = ? AND endpoint = ?"
        return tuple(json.loads(self._db.value(sql, *thread.key) or "[]"))

    def clear(self, thread: Thread) -> None:
        """Delete what is known of a thread beside where it is: its title, metadata and object."""
        sql = (
            "UPDATE threads SET title = '', metadata = '{}', object = NULL, missing = '[]'"
            " WHERE id = ? AND endpoint = ?"
        )
        with self._db.writing():
            self._db.execute(sql, *thread.key)
            which = "(SELECT number FROM threads WHERE id = ? AND endpoint = ?)"
            self._db.execute(f"DELETE FROM title_words WHERE thread = {which}", *thread.key)  # noqa: S608

    def namesakes(self, thread: Thread) -> int:
        """Count the threads whose ids differ at most by their case: two endpoints may agree."""
        sql = "SELECT count(*) FROM threads WHERE lower(id) = lower(?)"
        return int(self._db.value(sql, thread.id) or 0)

    def is_free(self, name: str) -> bool:
        """Return whether no thread has this name."""
        return self._db.value("SELECT 1 FROM threads WHERE name = ?", name) is None

    def rename(self, thread: Thread, name: str) -> None:
        """Name a thread; raises ConfigError where the name is taken."""
        sql = "UPDATE threads SET name = ? WHERE id = ? AND endpoint = ?"
        try:
            with self._db.writing():
                self._db.execute(sql, name, *thread.key)
        except AsstctlError as error:
            raise taken(error, name) from error

    def forget(self, thread: Thread) -> None:
        """Delete a thread's row."""
        with self._db.writing():
            self._db.execute("DELETE FROM threads WHERE id = ? AND endpoint = ?", *thread.key)


def taken(error: AsstctlError, name: str | None) -> AsstctlError:
    """Return the error for a name that another thread has, or the error itself."""
    return ConfigError(f"the name {name!r} is taken") if duplicate(error) else error


def is_name(name: str) -> bool:
    """Return whether a name can't be mistaken for an id, a place or an option."""
    reserved = ("@", "-", *filter(None, PREFIXES))
    return bool(name.strip()) and name.isprintable() and not name.startswith(reserved)


def _thread(row: Sequence[Any]) -> Thread:
    identity, backend, endpoint, profile, name, title, created_at, said_at, metadata = row
    try:
        noted = texts(json.loads(metadata))
    except ValueError:  # damaged, and no reason to hide the thread
        noted = {}
    words = title.decode("utf-8", "replace")
    return Thread(identity, backend, endpoint, profile, name, words, created_at, said_at, noted)
