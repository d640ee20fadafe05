"""A thread's messages: as its server has them, else as they are kept here."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from itertools import chain, dropwhile

from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, UnavailableError
from asstctl.events import Notice, Tell
from asstctl.model import Message, Thread
from asstctl.parts import FileRef
from asstctl.session import Session

AWAY = (NotFoundError, UnavailableError)
"""Errors of servers that no longer have a thread, or can't be reached."""


class Reading:
    """Reads threads for one command; `stale` is why one of them may be older than at its server."""

    def __init__(self, session: Session, tell: Tell) -> None:
        self._session = session
        self._tell = tell
        self.stale: AsstctlError | None = None
        self.later: list[AsstctlError] = []  # of what another attempt may have

    def history(
        self, thread: Thread, last: int | None = None, *, kept: bool = False
    ) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first.

        From the store alone where `kept` is asked for, and where the server no longer has the
        thread or can't be reached: that is said. Raises what the server says where nothing is kept.
        """
        if kept:
            yield from self.kept(thread, last)
            return
        with closing(self._session.holder(thread).history(thread.id, last)) as messages:
            try:
                first = next(messages, None)
            except AWAY as error:
                self.fall_back(thread, error)
                yield from self.kept(thread, last)
                return
            if first:
                yield from self._passed(thread, chain([first], messages))

    def _passed(self, thread: Thread, messages: Iterable[Message]) -> Iterator[Message]:
        """Pass messages on; where a later page can't be had, what is kept goes on from there."""
        last = ""
        try:
            for message in messages:
                yield message
                last = message.id
        except AWAY as error:
            rest = dropwhile(lambda found: found.id != last, self.kept(thread))
            if not last or next(rest, None) is None:
                raise
            self.fall_back(thread, error)
            yield from rest

    def kept(self, thread: Thread, last: int | None = None) -> Iterator[Message]:
        """Yield the kept messages of a thread, oldest first, with the service's objects."""
        return self._session.store.messages.of(thread.key, last, raw=True)

    def fall_back(self, thread: Thread, error: AsstctlError) -> None:
        """Announce that a thread is read from what is kept; raises `error` where nothing is."""
        store = self._session.store
        if thread.kind.facts.kept_here or not store.messages.count(thread.key):
            raise error
        self._tell(Notice(f"{error.message}; {thread.id} is read from what is kept here"))
        if not gone(self._session, thread, error):
            self.stale = error

    def demand_current(self) -> None:
        """Raise IncompleteError if something is older than at its server, or may be had later."""
        if self.later:
            raise IncompleteError(
                f"not all could be had: {self.later[0].message}",
                hint=self.later[0].hint or "the same command asks again",
                retryable=True,
            )
        if self.stale:
            raise IncompleteError(
                f"what is kept here may be older than at the server: {self.stale.message}",
                hint=self.stale.hint,
                retryable=True,
            )


def contents(session: Session, thread: Thread) -> Callable[[FileRef], bytes | None]:
    """Return the function that reads the contents of a thread's files, as far as they are kept."""

    def read(file: FileRef) -> bytes | None:
        files = session.store.files
        return files.contents(files.resolved(thread.key, file))

    return read


PROBES = 3
"""Other threads of a server that are asked for, to see whether it has any."""


def gone(session: Session, thread: Thread, error: AsstctlError) -> bool:
    """Return whether a server's refusal is about one thread, and not about all that it is asked.

    It names the thread, elsewhere than in the path that was asked for, or another thread is there.
    """
    if not isinstance(error, NotFoundError):
        return False
    if thread.id in error.message.replace(f"/{thread.id}", ""):
        return True
    there = (t for t in session.threads() if t.endpoint == thread.endpoint)
    others = [t for t in there if t.id != thread.id and not t.kind.alone(t.id)]
    for other in others[:PROBES]:
        with suppress(AsstctlError), closing(session.holder(other).history(other.id, 1)) as read:
            if next(read, None):
                return True
    return False
