"""Which thread, and who speaks: the profiles, their backends, and the store."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from asstctl import _folders
from asstctl.backends import Backend, World, connect, thread_at
from asstctl.config import Config
from asstctl.config.settings import DEFAULT_PROFILE, Settings
from asstctl.errors import AsstctlError, ConfigError, NotFoundError
from asstctl.events import Notice, Prompt, RunStarted, Stream, Tell
from asstctl.heard import recovered
from asstctl.kind import SERVICE_PREFIXES
from asstctl.model import Assistant, Thread, count
from asstctl.store.filters import Filter
from asstctl.store.store import FILE, Store
from asstctl.store.turns import END_SECONDS
from asstctl.tools import Consent
from asstctl.turn import Turn

FULL_ID = re.compile(rf"({'|'.join(map(re.escape, SERVICE_PREFIXES))})\S{{6,}}|[\w-]{{20,}}")
"""A word that looks like a whole id that a service gave."""


class Session:
    """One command's work with threads; `current` is the thread last said to in it."""

    def __init__(self, config: Config, data: Path, tell: Tell) -> None:
        self.config = config
        self.data = data  # the folder of the store
        self._tell = tell
        self._found: dict[str | None, Settings] = {}
        self._backends: dict[tuple[str, str], Backend] = {}
        self._store_error: AsstctlError | None = None  # why nothing is remembered
        self.current: Thread | None = None
        self.turn: Turn | None = None  # the last one that was said
        self._speaker: Backend | None = None

    @cached_property
    def store(self) -> Store:
        """The index and the local threads; raises AsstctlError where it can't be opened."""
        path = self.data / FILE
        store = Store(path, tell=lambda words: self._tell(Notice(words)))
        if store.emptied:
            self._tell(Notice(f"the store {path} is empty: threads that it held are lost"))
        if left := self._waiting(store):
            wait = "waits" if left == 1 else "wait"
            words = f"{count(left, 'turn')} {wait} beside the store, which another process holds"
            self._tell(Notice(words))
        return store

    def _waiting(self, store: Store) -> int:
        """Write what waits beside the store, if it is free; return how much waits on."""
        return self._take_in(store, 0) if store.turns.waiting and not store.read_only else 0

    def _take_in(self, store: Store, seconds: float) -> int:
        """Write what waits beside the store, and return how much waits on."""
        found = store.turns.take_in(seconds)
        for words in found.told():
            self._tell(Notice(words))
        return found.left

    def _settle(self) -> None:
        """Write what waits beside the store; raises AsstctlError while the store is held.

        Without it nobody knows which thread was said to last, nor all that a thread here holds.
        """
        if self.store.turns.waiting and self._take_in(self.store, END_SECONDS):
            raise AsstctlError(
                "another process holds the store, and turns wait beside it to be taken in",
                hint="a server's thread can be named by its id; else wait for the other process",
                retryable=True,
            )

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that the session was opened in."""
        return self.config.environment

    @property
    def chosen(self) -> str | None:
        """The profile that was chosen, None where none was."""
        return self.config.profile

    @property
    def profile(self) -> str:
        """The profile that was chosen, or the default one."""
        return self.config.profile or DEFAULT_PROFILE

    @property
    def request_id(self) -> str | None:
        """The service's name for the request of the last reply."""
        return self._speaker.request_id if self._speaker else None

    def close(self) -> None:
        """Close every backend and the store."""
        for backend in self._backends.values():
            backend.close()
        if "store" in self.__dict__:
            self.store.close()

    # Which thread

    def thread(self, reference: str | None) -> Thread | None:
        """Return the thread that a user means; None means a new one."""
        return None if reference is None else self.known_thread(reference)

    def known_thread(self, reference: str) -> Thread:
        """Return the thread that a user means; a full id that is not known is looked for.

        Raises NotFoundError, and ConfigError where several could be meant.
        """
        if reference.startswith("@"):
            self._settle()
        try:
            return self.store.index.find(reference, self.config.profile)
        except NotFoundError:
            if not FULL_ID.fullmatch(reference) or self._settings(None).backend.facts.kept_here:
                raise
            return self.adopt(reference)

    def adopt(self, thread_id: str, name: str | None = None, *, said: bool = False) -> Thread:
        """Put a thread that was made elsewhere into the index; `said` puts it on top.

        Raises NotFoundError, also where nothing but an empty list says that it is there.
        """
        settings = self._settings(None)
        backend = self.backend(settings)
        with closing(backend.history(thread_id)) as messages:
            oldest = next(messages, None)
            first = oldest if oldest and oldest.role == "user" else None
            first = first or next((m for m in messages if m.role == "user"), None)
        if oldest is None:
            backend.facts(thread_id)
        created_at = (first and first.created_at) or 0.0
        thread = thread_at(settings, thread_id, name=name, created_at=created_at)
        titled = first.text if first and settings.keeps else ""
        self._writable_store.index.put(thread, titled, said=said)
        return self._writable_store.index.find(thread_id, settings.profile)

    def threads(self, limit: int = -1, only: Filter = Filter()) -> list[Thread]:  # noqa: B008
        """Return the index, newest first, of the chosen profile if one was chosen."""
        return self.store.index.threads(self._narrowed(only), limit)

    def count(self, only: Filter = Filter()) -> int:  # noqa: B008 - it is never changed
        """Count the threads of the index, of the chosen profile if one was chosen."""
        return self.store.index.count(self._narrowed(only))

    def _narrowed(self, only: Filter) -> Filter:
        if self.config.profile:
            self._settings(None)  # raises if it is unknown
        return replace(only, profile=self.config.profile or "")

    def new_thread(self, name: str | None, metadata: Mapping[str, str]) -> Thread:
        """Make an empty thread; raises ConfigError where the name is taken."""
        settings = self._settings(None)
        if name and not self.store.index.is_free(name):  # else an unnamed thread stays behind
            raise ConfigError(f"the name {name!r} is taken")
        thread_id = self.backend(settings).new_thread(metadata=metadata)
        thread = thread_at(settings, thread_id, name=name, metadata=metadata)
        self._writable_store.index.put(thread, said=True)
        return thread

    # Prompts, and what threads hold

    def change(self, key: str, value: str | None) -> None:
        """Let a setting have another value from now on, as if the command line said it.

        None: the profile's own.
        """
        flags = {**self.config.flags, key: value}
        self.config = replace(self.config, flags=flags)
        self._found.clear()
        while self._backends:
            self._backends.popitem()[1].close()

    def check(self, thread: Thread | None) -> None:
        """Raise ConfigError unless all is set that a prompt to a thread needs."""
        self.backend(self._settings(thread)).check()

    def say(self, thread: Thread | None, prompt: Prompt, consent: Consent | None = None) -> Stream:
        """Post a prompt and pass the reply on, as Turn.say does; None says it to a new thread."""
        settings = self._settings(thread)
        if thread and thread.kind.alone(thread.id):
            self._settle()
        backend = self.backend(settings)
        self._speaker = backend
        store = self._store_for(settings)
        self._waiting(store)  # so that turns stand in the order in which they were said
        self.turn = turn = Turn(backend, settings, self.environment, store, prompt)
        with closing(turn.say(thread.id if thread else None, consent)) as reply:
            for event in reply:
                self.current = turn.thread or self.current
                yield event
                if self._store_error and isinstance(event, RunStarted):
                    yield Notice(f"nothing is remembered: {self._store_error.message}")

    def unlock(self, thread: Thread, *, wait: bool) -> str:
        """End the run that locks a thread, or wait for it; return how it ended, in words."""
        ended = self.holder(thread).unlock(thread.id, wait=wait)
        return ended or f"{thread.id} {thread.kind.facts.idle}"

    def recover(self, thread: Thread) -> Stream:
        """Stream the last reply of a thread again, as the service holds it.

        Raises IncompleteError where it is not whole.
        """
        return recovered(self.holder(thread).recover(thread.id), thread.id)

    def models(self) -> list[str]:
        """Return the names of the models that the chosen profile can have."""
        return self.backend(self._settings(None)).models()

    def assistants(self) -> Iterator[Assistant]:
        """Yield the assistants of the chosen profile's server."""
        return self.backend(self._settings(None)).assistants()

    def assistant(self, name: str | None) -> Assistant:
        """Return one assistant of the chosen profile's server, None: the profile's own."""
        return self.backend(self._settings(None)).assistant(name)

    # Who speaks

    def settings(self, profile: str | None) -> Settings:
        """Return a profile's settings, None: of the chosen one; raises NotFoundError."""
        if profile not in self._found:  # a chat asks at each turn
            self._found[profile] = self.config.settings(profile)
        return self._found[profile]

    def home(self, thread: Thread) -> Settings:
        """Return the settings of the profile that holds a thread, as far as profiles say so."""
        kind = thread.kind
        if not kind.facts.kept_here:
            return self._settings(thread)
        if self.config.speaks(thread.profile, kind):
            return self.settings(thread.profile)
        return self.config.bare(kind)

    def backend(self, settings: Settings) -> Backend:
        """Return the backend that speaks with some settings, connected once."""
        key = (settings.profile, settings.backend.value)
        if key not in self._backends:
            world = World(self._store_for(settings), self.config.environment, self.data, self._tell)
            self._backends[key] = connect(settings, world)
        return self._backends[key]

    def holder(self, thread: Thread) -> Backend:
        """Return the backend that holds a thread; one that is kept here needs no profile."""
        kind = thread.kind
        if not kind.facts.kept_here:
            return self.backend(self._settings(thread))
        self._settle()
        return self.backend(self.config.bare(kind))

    def _settings(self, thread: Thread | None) -> Settings:
        """Return the settings to speak with: the chosen profile's, or the thread's own.

        Raises ConfigError for a thread that lives elsewhere than the profile's endpoint.
        """
        chosen = self.config.profile or (thread.profile if thread else None)
        settings = self.settings(chosen)
        here = settings.backend, settings.place
        if thread and here != (thread.backend, thread.endpoint):
            raise ConfigError(
                f"the thread {thread.id} lives at {thread.endpoint or thread.backend}, but the"
                f" profile {settings.profile!r} is for {settings.place or settings.backend}",
                hint="choose its profile with -p, or leave -p out",
            )
        return settings

    def _store_for(self, settings: Settings) -> Store:
        """Return the store; if it is unusable, one in memory for a server's threads."""
        if settings.backend.facts.kept_here:
            return self.store
        if self._store_error is None:
            try:
                self._store_error = self.store.read_only
            except AsstctlError as error:
                self._store_error = error
                self.store = Store(None)
        return self._writable_store

    @cached_property
    def _writable_store(self) -> Store:
        """The store to write to; a forgetful one where the file can't be written."""
        return Store(None) if self.store.read_only else self.store


@contextmanager
def open_session(config: Config, tell: Tell) -> Iterator[Session]:
    """Open a session, and close all that it opened when it ends."""
    data = Path(_folders.data(config.environment))
    with closing(Session(config, data, tell)) as session:
        yield session
