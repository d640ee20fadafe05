"""Where threads are copied to: a profile's backend, and what is noted of its copies."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from asstctl import _locks
from asstctl.backends.carrying import Added, Takes
from asstctl.config.settings import Settings
from asstctl.errors import NotFoundError
from asstctl.model import Message, Thread, mark_of
from asstctl.parts import FileRef, Text
from asstctl.session import Session
from asstctl.store.copies import Copied
from asstctl.store.index import is_name
from asstctl.store.merging import Listed
from asstctl.transfer.archive import Archived, files_of
from asstctl.transfer.fetch import with_ids
from asstctl.transfer.placing import Locate, Placing


class Destination:
    """The threads of one profile, to copy others into."""

    def __init__(self, session: Session, settings: Settings, *, files: bool = True) -> None:
        self._files = files  # whether files are uploaded
        self._settings = settings
        self._backend = session.backend(settings)
        self._store = session.store

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._settings.profile

    @property
    def keeps(self) -> bool:
        """Whether what threads here hold is kept on this machine."""
        return self._settings.backend.facts.kept_here or self._settings.keeps

    @property
    def takes(self) -> Takes | None:
        """The messages that threads here take as they are; None: everything."""
        return self._backend.takes

    @property
    def writes_sources(self) -> bool:
        """Whether threads here take the citations of a text."""
        return self.takes is None or self.takes.sources

    def placing(self, source: Thread, locate: Locate) -> Placing:
        """Return what puts the files of a source where threads here find them."""
        place = self._settings.place
        same = bool(place) and source.endpoint == place
        return Placing(
            self._store,
            self._backend,
            locate,
            place,
            same=same,
            keeps=self.keeps,
            uploads=self._files,
        )

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
        if self._store.read_only:
            raise self._store.read_only  # an empty thread there would be known to nobody
        named = source.name and is_name(source.name) and self._store.index.is_free(source.name)
        target = replace(
            source,
            id=self._backend.new_thread(metadata=metadata),
            backend=self._settings.backend.value,
            endpoint=self._settings.place,
            profile=self.profile,
            name=source.name if named else None,
            title=source.title if self._settings.keeps else "",
            metadata=metadata if self._settings.keeps else {},
        )
        with self._store.writing():
            self._store.index.put(target, said=said)
            self._store.copies.begin(source.key, target.id, self._settings.place)
        return target

    def keep_beside(
        self, target: Thread, source: Archived, held: Container[str] | None = None
    ) -> None:
        """Keep the runs and the files of a source beside its copy: no server takes them.

        `held`: the files that go along, by their ids; None: all.
        """
        number = self._store.messages.number(target.key)
        self._store.runs.put_all(number, source.runs)
        locate = files_of(source)
        place = "" if target.kind.facts.kept_here else source.thread.endpoint
        for known in source.files:  # under the ids that they have at the source
            if held is not None and known.id not in held:
                continue
            if self._store.files.intact(known):
                self._store.files.note(number, place, known)
            elif at_hand := locate(FileRef(known.id)):
                self._store.files.take(number, place, *at_hand)

    def restore(self, target: Thread, found: Archived) -> int:
        """Bring back what an export of a thread holds and the thread here lacks.

        Return how many messages that are.
        """
        if not self.keeps:
            return 0
        keeping = self._store.keeping
        listed = [Listed(m, mark_of(m.raw)) for m in with_ids(found.messages)]
        new, _ = keeping.merge(target.key, listed, 0, whole=False)
        self.keep_beside(target, found)
        return new

    def history(self, target: Thread) -> Iterator[Message]:
        """Yield every message of a copy, oldest first."""
        return self._backend.history(target.id)

    def append(self, target: Thread, placing: Placing, messages: list[Message]) -> Added:
        """Add messages at the end of a copy; what became placeholders is counted by kind."""
        number = self._store.messages.number(target.key)
        refused: Counter[str] = Counter()
        placed = []
        for message in messages:
            found, without = placing.placed(number, message)
            refused.update(without)
            placed.append(found)
        added = self._backend.append(target.id, placed)
        if self._settings.keeps and not target.kind.alone(target.id):
            self._keep_sources(target, zip(placed, added.ids, strict=True))
        return replace(added, refused=refused + added.refused)

    def _keep_sources(self, target: Thread, added: Iterable[tuple[Message, str]]) -> None:
        """Keep those of some messages with citations: servers may take them and forget those."""
        listed = [
            Listed(replace(message, id=identity))
            for message, identity in added
            if identity and any(isinstance(p, Text) and p.citations for p in message.parts)
        ]
        if listed:
            began = self._store.keeping.began()
            self._store.keeping.merge(target.key, listed, began, whole=False)

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
