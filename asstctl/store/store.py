"""The store: its tables by what they hold, and what is written to several of them at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from asstctl.errors import AsstctlError, NotFoundError
from asstctl.model import Thread
from asstctl.store.abilities import Abilities
from asstctl.store.copies import Copies
from asstctl.store.database import Database
from asstctl.store.files import Files
from asstctl.store.index import Index
from asstctl.store.keeping import Keeping
from asstctl.store.messages import Messages
from asstctl.store.objects import Runs
from asstctl.store.replies import Replies
from asstctl.store.rows import text_of
from asstctl.store.turns import Turns

if TYPE_CHECKING:
    from asstctl.store.search import Search
    from asstctl.store.uploads import Uploads


FILE = "threads.db"
"""The name of the store's file in the folder of the data."""


class Store:
    """The file at `path`; without a path all is forgotten as the process ends.

    Every method, of the tables too, raises AsstctlError where SQLite does; several processes at
    once are normal.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._db = Database(path, tell=tell)
        self.index = Index(self._db, clock)
        self.files = Files(self._db, path.with_name("files") if path else None)
        self._clock = clock
        self.messages = Messages(self._db, self.files, clock)
        self.replies = Replies(self._db)
        self.copies = Copies(self._db)
        self.abilities = Abilities(self._db, clock)
        self.runs = Runs(self._db, self.files)
        self.keeping = Keeping(self._db, self.messages, clock)
        self.turns = Turns(
            self._db,
            self.index,
            self.messages,
            self.replies,
            self.runs,
            self.keeping,
            path,
            clock,
        )

    @cached_property
    def search(self) -> "Search":
        """The search in what is kept."""
        from asstctl.store.search import Search  # few commands search

        return Search(self._db, text_of)

    @cached_property
    def uploads(self) -> "Uploads":
        """The files that we put on servers."""
        from asstctl.store.uploads import Uploads  # few commands upload

        return Uploads(self._db, self._clock)

    @property
    def read_only(self) -> AsstctlError | None:
        """Why nothing can be written; None where it can."""
        return self._db.read_only

    @property
    def emptied(self) -> bool:
        """Whether there was a file without a single byte: what it held, if anything, is lost."""
        return self._db.emptied

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction around several writes."""
        with self._db.writing():
            yield

    def forget(self, thread: Thread) -> bool:
        """Delete a thread and all that is kept of it, beside the store too.

        Return False where another process keeps its words in a file until it ends.
        """
        self.turns.forget(thread)
        with self._db.writing():
            digests: list[str] = []
            with suppress(NotFoundError):
                digests = self._forget_kept(self.messages.number(thread.key))
            self.index.forget(thread)
            self.replies.forget(thread.endpoint, thread.id)
        self.files.sweep(digests)
        return self._db.shred()

    def forget_kept(self, thread: Thread) -> bool:
        """Delete what is kept of a server's thread, and leave it in the index.

        Return False where another process keeps its words in a file until it ends.
        """
        self.turns.forget(thread)
        with self._db.writing():
            digests = self._forget_kept(self.messages.number(thread.key))
            self.index.clear(thread)
        self.files.sweep(digests)
        return self._db.shred()

    def forget_message(self, thread: Thread, message_id: str) -> bool:
        """Take one message out of what is kept, for good; return whether it was there."""
        number = self.messages.number(thread.key)
        ids = [message.id for message in self.messages.of(thread.key)]
        place = ids.index(message_id) if message_id in ids else 0
        with self._db.writing():
            self.copies.lose(thread.key, message_id, ids[place - 1] if place else "")
            before = {known.id: known for known in self.files.of(number)}
            found = self.keeping.remove(number, message_id)
            self.runs.strike(number, message_id)
            named = self.keeping.named(number, before) | self.runs.named(number, before)
            digests = self.files.drop(number, before.keys() - named)
        self.files.sweep(digests)
        self._db.shred()
        return found

    @property
    def set_aside(self) -> list[Path]:
        """Stores that were set aside, which may hold what is deleted here."""
        from asstctl.store.upkeep import set_aside  # few commands delete

        return set_aside(self._path) if self._path else []

    def _forget_kept(self, number: int) -> list[str]:
        self.messages.forget(number)
        self.runs.forget(number)
        return self.files.forget(number)
