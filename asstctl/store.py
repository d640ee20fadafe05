"""What is remembered: the index of threads, and the messages of local threads."""

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from asstctl import events
from asstctl._database import Database, duplicate
from asstctl._links import Copies, Replies
from asstctl.errors import AsstctlError, ConfigError, NotFoundError
from asstctl.events import Message, Part, Role, Status, Text, Thread

TITLE_LENGTH = 60
"""Characters of the first prompt that become a thread's title."""

CHAIN = "chain_"
"""How the ids of threads begin that are known as a chain of replies, and to the index alone."""

PREFIXES = ("", "local_", "thread_", "conv_", CHAIN)
"""What a reference may leave out at the front of an id."""

_COLUMNS = "id, backend, endpoint, profile, name, title, created_at, said_at, metadata"


class Store:
    """The threads that were seen, and the messages of those that live here.

    Without a `path` they are forgotten as the process ends.
    Every method raises AsstctlError where SQLite does; several processes at once are normal.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._db = Database(path)
        self.replies = Replies(self._db)
        self.copies = Copies(self._db)

    @property
    def read_only(self) -> AsstctlError | None:
        """Why nothing can be written; None where it can."""
        return self._db.read_only

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _rows(self, sql: str, *values: Any) -> list[Thread]:
        return [_thread(row) for row in self._db.rows(sql, *values)]

    # The index

    def remember(self, thread: Thread, first_prompt: str = "") -> None:
        """Put a thread in the index under its first prompt; one that is there keeps its row."""
        with self._db.writing():
            self._insert(thread, first_prompt)

    def said_to(self, thread: Thread, prompt: str) -> None:
        """Note that `prompt` was just said to a thread, new or not; the first is its title."""
        with self._db.writing():
            self._insert(thread, prompt)
            self._db.execute(
                "UPDATE threads SET said_at = ?, title = iif(title = '', ?, title)"
                " WHERE id = ? AND endpoint = ?",
                self._clock(),
                titled(prompt),
                thread.id,
                thread.endpoint,
            )

    def _insert(self, thread: Thread, first_prompt: str) -> None:
        """Add a row for a thread that has none, inside the caller's transaction."""
        now = self._clock()
        self._db.execute(
            "INSERT INTO threads (id, backend, endpoint, profile, name, title, created_at,"
            " said_at, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            thread.id,
            thread.backend,
            thread.endpoint,
            thread.profile,
            thread.name,
            thread.title or titled(first_prompt),
            thread.created_at or now,
            thread.said_at or now,
            json.dumps(dict(thread.metadata)),
        )

    def threads(self, profile: str | None = None, limit: int = -1) -> list[Thread]:
        """Give the index, the one said to last first; -1 is no limit."""
        where, values = ("WHERE profile = ?", [profile]) if profile else ("", [])
        return self._rows(
            f"SELECT {_COLUMNS} FROM threads {where} ORDER BY said_at DESC, number DESC LIMIT ?",  # noqa: S608 - both are constants
            *values,
            limit,
        )

    def find(self, reference: str, profile: str | None = None) -> Thread:
        """Find the thread that a user means: `@last`, `@2`, a name, an id or its unique prefix.

        `profile` narrows `@last` and `@N`. Raises NotFoundError, or ConfigError that lists
        the candidates where there are several.
        """
        if reference.startswith("@"):
            return self._recent(reference, profile)
        by = f"SELECT {_COLUMNS} FROM threads WHERE "  # noqa: S608 - a constant
        exact = self._rows(by + "id = ?", reference) or self._rows(by + "name = ?", reference)
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
        threads = self.threads(profile, limit=nth)
        if len(threads) < nth:
            whose = f" of the profile {profile!r}" if profile else ""
            raise NotFoundError(
                f"no thread {reference}: there are {len(threads)}{whose}",
                hint='asstctl ask "..." makes one',
            )
        return threads[-1]

    def _with_prefix(self, start: str) -> list[Thread]:
        """Give the threads whose id begins with `start`, the kind's own prefix left out or not."""
        ranges = [(prefix + start, prefix + start + "\U0010ffff") for prefix in PREFIXES]
        where = " OR ".join(["(id >= ? AND id < ?)"] * len(ranges))
        return self._rows(
            f"SELECT {_COLUMNS} FROM threads WHERE {where} ORDER BY said_at DESC LIMIT 9",  # noqa: S608
            *[end for pair in ranges for end in pair],
        )

    def get(self, thread_id: str, endpoint: str) -> Thread:
        """Give one thread by all that it is known by; raises NotFoundError."""
        sql = f"SELECT {_COLUMNS} FROM threads WHERE id = ? AND endpoint = ?"  # noqa: S608
        found = self._rows(sql, thread_id, endpoint)
        if not found:
            raise NotFoundError(f"no thread {thread_id!r} at {endpoint}")
        return found[0]

    def namesakes(self, thread: Thread) -> int:
        """Count the threads whose ids differ at most by their case: two endpoints may agree."""
        sql = "SELECT count(*) FROM threads WHERE lower(id) = lower(?)"
        return int(self._db.value(sql, thread.id))

    def is_free(self, name: str) -> bool:
        """Say whether no thread has this name."""
        return self._db.value("SELECT 1 FROM threads WHERE name = ?", name) is None

    def rename(self, thread: Thread, name: str) -> None:
        """Give a thread its name; raises ConfigError where the name is taken."""
        try:
            with self._db.writing():
                self._db.execute(
                    "UPDATE threads SET name = ? WHERE id = ? AND endpoint = ?",
                    name,
                    thread.id,
                    thread.endpoint,
                )
        except AsstctlError as error:
            if duplicate(error):
                raise ConfigError(f"the name {name!r} is taken") from error
            raise

    def forget(self, thread: Thread) -> None:
        """Take a thread out of the index, and its messages with it."""
        with self._db.writing():
            self._db.execute(
                "DELETE FROM threads WHERE id = ? AND endpoint = ?", thread.id, thread.endpoint
            )
            self.replies.forget(thread.endpoint, thread.id)

    # What servers were found to do

    def ability(self, endpoint: str, ability: str) -> bool | None:
        """Say whether an endpoint was found to have an ability; None: not known yet."""
        has = self._db.value(
            "SELECT has FROM endpoints WHERE endpoint = ? AND ability = ?", endpoint, ability
        )
        return None if has is None else bool(has)

    def note_ability(self, endpoint: str, ability: str, *, has: bool) -> None:
        """Remember whether an endpoint has an ability."""
        with self._db.writing():
            self._db.execute(
                "INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?)", endpoint, ability, has
            )

    # Messages that are kept here: all of a local thread, and what a chain has not sent yet

    def append(self, thread_id: str, messages: Sequence[Message]) -> int:
        """Add messages at the end of a thread; gives the place of the last one.

        Raises NotFoundError if the thread is gone.
        """
        with self._db.writing():
            number = self._number(thread_id)
            place: int = self._db.value(
                "SELECT coalesce(max(place), 0) FROM messages WHERE thread = ?", number
            )
            self._db.execute_many(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        place + offset,
                        message.id or new_id("msg"),
                        message.role,
                        packed(message.parts),
                        message.status,
                        message.created_at,
                        json.dumps(dict(message.metadata)),
                    )
                    for offset, message in enumerate(messages, 1)
                ],
            )
        return place + len(messages)

    def begin_turn(self, thread_id: str, prompt: str) -> int:
        """Add a prompt, and a reply that counts as cut until it ends; gives the reply's place.

        Whatever happens to this process, the turn is there, and marked.
        """
        now = self._clock()
        said = Message("", "user", (Text(prompt),), now)
        return self.append(thread_id, [said, Message("", "assistant", (), now, status="cut")])

    def end_turn(self, thread_id: str, place: int, text: str, status: Status) -> None:
        """Complete the reply at a place; one that was deleted meanwhile stays deleted."""
        parts = (Text(text),) if text else ()
        with self._db.writing():
            self._db.execute(
                "UPDATE messages SET parts = ?, status = ?, created_at = ?"
                " WHERE place = ? AND thread = (SELECT number FROM threads WHERE id = ?)",
                packed(parts),
                status,
                self._clock(),
                place,
                thread_id,
            )

    def messages(self, thread_id: str, last: int | None = None) -> Iterator[Message]:
        """Give a thread's messages, or the `last` ones, oldest first, one at a time."""
        number = self._number(thread_id)
        where, values = "", [number]
        if last is not None:
            where = " AND place > (SELECT max(place) FROM messages WHERE thread = ?) - ?"
            values += [number, last]
        columns = "id, role, parts, created_at, status, metadata"
        sql = f"SELECT {columns} FROM messages WHERE thread = ?{where} ORDER BY place"  # noqa: S608
        yield from map(_message, self._db.each(sql, *values))

    def count(self, thread_id: str) -> int:
        """Count the messages that are kept here."""
        number = self._number(thread_id)
        return int(self._db.value("SELECT count(*) FROM messages WHERE thread = ?", number))

    def last_place(self, thread_id: str) -> int:
        """Give the place of the last message that is kept here, 0 where there is none."""
        number = self._number(thread_id)
        sql = "SELECT coalesce(max(place), 0) FROM messages WHERE thread = ?"
        return int(self._db.value(sql, number))

    def _number(self, thread_id: str) -> int:
        number = self._db.value(
            "SELECT number FROM threads WHERE id = ? AND backend != 'assistants'", thread_id
        )
        if number is None:
            raise NotFoundError(f"no thread {thread_id!r} on this machine")
        return int(number)


def is_name(name: str) -> bool:
    """Say whether a name can't be taken for an id, a place, an option or several words' mark."""
    taken = ("@", "-", *filter(None, PREFIXES))
    return bool(name.strip()) and name.isprintable() and not name.startswith(taken)


def titled(prompt: str) -> str:
    """Give the title that a thread's first prompt makes: one line of TITLE_LENGTH."""
    title = " ".join(prompt[: TITLE_LENGTH * 20].split())
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"


def new_id(kind: str) -> str:
    """Make an id that no other thread or message has."""
    return f"{kind}_{os.urandom(8).hex()}"


def _thread(row: Sequence[Any]) -> Thread:
    identity, backend, endpoint, profile, name, title, created_at, said_at, metadata = row
    noted = json.loads(metadata)
    return Thread(identity, backend, endpoint, profile, name, title, created_at, said_at, noted)


def _message(row: Sequence[Any]) -> Message:
    identity, role, parts, created_at, status, metadata = row
    return Message(
        id=identity,
        role=cast("Role", role),
        parts=tuple(_unpacked(part) for part in json.loads(parts)),
        created_at=created_at,
        status=cast("Status", status),
        metadata=json.loads(metadata),
    )


def packed(parts: Iterable[Part]) -> str:
    """Give parts as they are stored."""
    return json.dumps([{"part": type(part).__name__, **asdict(part)} for part in parts])


def _unpacked(part: dict[str, str]) -> Part:
    fields = dict(part)
    kind: type[Part] = getattr(events, fields.pop("part"))
    return kind(**fields)
