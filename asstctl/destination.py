"""Where threads are copied to: a profile's backend, and what is noted of its copies."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from asstctl._links import Copied
from asstctl.backends import Backend, place
from asstctl.config import Settings
from asstctl.errors import NotFoundError
from asstctl.events import Message, Part, Thread
from asstctl.store import Store, is_name


class Destination:
    """The threads of one profile, to copy others into."""

    def __init__(self, settings: Settings, backend: Backend, store: Store) -> None:
        self._settings = settings
        self._backend = backend
        self._store = store
        self._place = place(settings)

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._settings.profile

    @property
    def carries(self) -> tuple[type[Part], ...]:
        """The kinds of parts that threads here keep as they are."""
        return self._backend.carries

    def resident(self, source: Thread) -> Thread | None:
        """Give the thread itself where it lives here already."""
        try:
            found = self._store.get(source.id, source.endpoint)
        except NotFoundError:
            return None
        here = (found.backend, found.endpoint) == (self._settings.backend, self._place)
        return found if here else None

    def copy_of(self, source: Thread) -> tuple[Thread | None, Copied | None]:
        """Give the copy of a thread that is here, and how far it went."""
        copied = self._store.copies.find(whose(source), self.profile, self._place)
        if copied is None:
            return None, None
        return self._store.get(copied.target_id, self._place), copied

    def begin(self, source: Thread, metadata: Mapping[str, str]) -> Thread:
        """Make an empty copy, under the title, name and times of a thread, and note it as such."""
        target = replace(
            source,
            id=self._backend.new_thread(metadata=metadata),
            backend=self._settings.backend,
            endpoint=self._place,
            profile=self.profile,
            name=None,
            metadata=metadata,
        )
        self._store.forget(target)  # a backend may have put an untitled row there
        self._store.remember(target)
        if source.name and is_name(source.name) and self._store.is_free(source.name):
            self._store.rename(target, source.name)
        self._store.copies.begin(whose(source), target.id, self._place)
        return target

    def history(self, target: Thread) -> Iterator[Message]:
        """Give every message of a copy, oldest first."""
        return self._backend.history(target.id)

    def append(self, target: Thread, messages: list[Message]) -> None:
        """Put messages at the end of a copy."""
        self._backend.append(target.id, messages)

    def note(self, source: Thread, now: Copied) -> None:
        """Note how far a copy is."""
        self._store.copies.step(whose(source), self._place, now)


def whose(source: Thread) -> tuple[str, str]:
    """Give what a thread is known by, wherever it comes from."""
    return source.id, source.endpoint
