"""Where threads are copied to: a profile's backend, and what is noted of its copies."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from asstctl import _locks
from asstctl.config.settings import Settings
from asstctl.errors import NotFoundError
from asstctl.model import Message, Thread, mark_of
from asstctl.parts import Part
from asstctl.session import Session
from asstctl.store.copies import Copied
from asstctl.store.files import digest_of
from asstctl.store.index import is_name
from asstctl.store.merging import Listed
from asstctl.transfer.archive import Archived


class Destination:
    """The threads of one profile, to copy others into."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._settings = settings
        self._backend = session.backend(settings)
        self._store = session.store

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._settings.profile

    @property
    def carries(self) -> tuple[type[Part], ...]:
        """The kinds of parts that threads here keep as they are."""
        return self._backend.carries

    def holds(self, thread: Thread) -> bool:
        """Return whether a thread lives here."""
        here = self._settings.backend.value, self._settings.place
        return (thread.backend, thread.endpoint) == here

    def resident(self, source: Thread) -> Thread | None:
        """Return the thread itself where it lives here already."""
        try:
            found = self._store.index.get(*source.key)
        except NotFoundError:
            return None
        return found if self.holds(found) else None

    def copy_of(self, source: Thread) -> tuple[Thread | None, Copied | None]:
        """Return the copy of a thread that is here, and how far it went."""
        place = self._settings.place
        copied = self._store.copies.find(source.key, self.profile, place)
        if copied is None:
            return None, None
        return self._store.index.get(copied.target_id, place), copied

    def begin(self, source: Thread, metadata: Mapping[str, str], *, said: bool = False) -> Thread:
        """Make an empty copy under the title, name and times of a thread, and note it as such.

        `said` puts it on top of the list, as a fork is; a copy says nothing new.
        """
        named = source.name and is_name(source.name) and self._store.index.is_free(source.name)
        target = replace(
            source,
            id=self._backend.new_thread(metadata=metadata),
            backend=self._settings.backend.value,
            endpoint=self._settings.place,
            profile=self.profile,
            name=source.name if named else None,
            title=source.title if self._settings.keeps else "",
            metadata=metadata,
        )
        with self._store.writing():
            self._store.index.put(target, said=said)
            self._store.copies.begin(source.key, target.id, self._settings.place)
        return target

    def keep_beside(self, found: Archived) -> None:
        """Keep the runs and the files of an imported thread beside its copy."""
        target, _ = self.copy_of(found.thread)
        if target is not None:
            self._keep(target, found)

    def restore(self, target: Thread, found: Archived) -> int:
        """Bring back what an export of a thread holds and the thread here lacks.

        Return how many messages that are.
        """
        keeping = self._store.keeping
        listed = [Listed(m, mark_of(m.raw)) for m in found.messages if m.id]
        new, _ = keeping.merge(target.key, listed, 0, whole=False)
        self._keep(target, found)
        return new

    def _keep(self, target: Thread, found: Archived) -> None:
        number = self._store.messages.number(target.key)
        self._store.runs.put_all(number, found.runs)
        for known in found.files:
            path = found.folder / "files" / known.sha256
            if known.sha256 and path.is_file() and digest_of(path) == known.sha256:
                self._store.files.take(number, target.endpoint, known, path)

    def history(self, target: Thread) -> Iterator[Message]:
        """Yield every message of a copy, oldest first."""
        return self._backend.history(target.id)

    def append(self, target: Thread, messages: list[Message]) -> None:
        """Add messages at the end of a copy."""
        self._backend.append(target.id, messages)

    def note(self, source: Thread, now: Copied) -> None:
        """Note how far a copy is."""
        self._store.copies.step(source.key, self._settings.place, now)


@contextmanager
def copying(session: Session) -> Iterator[None]:
    """Wait for copies that other processes make, and hold them off: one at a time.

    Two at once would each carry what the other has on its way.
    """
    _ = session.store  # its folder is there once it is open
    with _locks.alone(session.data / "copy.lock"):
        yield
