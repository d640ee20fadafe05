"""A backend that speaks and a store that remembers."""

import fcntl
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal

from asstctl import _folders
from asstctl.backends import Backend, Kind, connect, place
from asstctl.config import DEFAULT_PROFILE, Config, Settings
from asstctl.destination import Destination
from asstctl.errors import AsstctlError, ConfigError, IncompleteError, NotFoundError
from asstctl.events import (
    Assistant,
    Ending,
    Event,
    Message,
    Notice,
    Prompt,
    RunFinished,
    RunStarted,
    Stream,
    Thread,
    ThreadFacts,
    ToolCall,
)
from asstctl.store import CHAIN, Store
from asstctl.tools import Consent, answering, answers

MOST_ROUNDS = 100
"""How often in one reply a model may call tools; each time they are answered, and it goes on."""

Standing = Literal["known", "new", "gone"]
"""How a thread stands to the index: in it, on the server alone, or no longer on the server."""

FULL_ID = re.compile(r"(thread|conv)_\S{6,}|[\w-]{20,}")
"""What looks like an id that a service gave, whole."""

REASONS: Mapping[Ending, str] = {
    "length": "the reply reached the model's limit of length",
    "filtered": "the service's content filter ended the reply",
    "tool_call": "the model calls a tool, and nothing here answers",
    "incomplete": "the service ended the reply early",
}
"""Why a reply that ended is not whole."""


@dataclass(slots=True)
class End:
    """How a reply ended, as the service claims (None: it did not say), and the calls in it."""

    ending: Ending | None = None
    calls: list[ToolCall] = field(default_factory=list)


class Session:
    """What one command does with threads; `current` is the thread last said to in it."""

    def __init__(self, config: Config, data: Path) -> None:
        self._config = config
        self._data = data
        self._backends: dict[str, Backend] = {}
        self._forgetful: AsstctlError | None = None  # why nothing is remembered
        self.current: Thread | None = None
        self._speaker: Backend | None = None

    @cached_property
    def store(self) -> Store:
        """The index and the local threads; raises AsstctlError where it can't be opened."""
        return Store(self._data / "threads.db")

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that the session was opened in."""
        return self._config.environment

    @property
    def profile(self) -> str:
        """The profile that was chosen, or the default one."""
        return self._config.profile or DEFAULT_PROFILE

    @property
    def request_id(self) -> str | None:
        """What the service calls the request of the last reply."""
        return self._speaker.request_id if self._speaker else None

    def private_file(self, name: str) -> str | None:
        """Give the path of a file beside the store that only the user can read; None: no room."""
        path = self._data / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        except OSError:
            return None
        return str(path)

    def close(self) -> None:
        """Let go of every backend and of the store."""
        for backend in self._backends.values():
            backend.close()
        if "store" in self.__dict__:
            self.store.close()

    # Which thread

    def thread(self, reference: str | None) -> Thread | None:
        """Find the thread that a user means; None means a new one."""
        return None if reference is None else self.known_thread(reference)

    def known_thread(self, reference: str) -> Thread:
        """Find the thread that a user means; a full id that is not known is looked for.

        Raises NotFoundError, and ConfigError where several could be meant.
        """
        try:
            thread = self.store.find(reference, self._config.profile)
        except NotFoundError:
            if not FULL_ID.fullmatch(reference) or self._settings(None).backend == Kind.LOCAL:
                raise
            return self.adopt(reference)
        return thread

    def adopt(self, thread_id: str, name: str | None = None) -> Thread:
        """Take a thread that was made elsewhere into the index; raises NotFoundError."""
        settings = self._settings(None)
        backend = self._backend(settings)
        with closing(backend.history(thread_id)) as messages:
            first = next((m for m in messages if m.role == "user"), None)
        thread = Thread(
            thread_id,
            settings.backend,
            place(settings),
            settings.profile,
            created_at=(first and first.created_at) or 0.0,
        )
        self._remember(thread, name, first.text if first else "")
        return self._notes.find(thread_id, settings.profile)

    def threads(self, limit: int = -1) -> list[Thread]:
        """Give the index, newest first, of the chosen profile if one was chosen."""
        if self._config.profile:
            self._settings(None)  # it must be there
        return self.store.threads(self._config.profile, limit)

    def remote_threads(self, limit: int) -> list[tuple[Thread, Standing]]:
        """Give the threads that the chosen profile's server lists, the newest first.

        Each comes with its row of the index where it has one, and how it stands to the index;
        where the server's list was read to its end, rows that it lacks follow as `gone`. Raises
        UnsupportedError where the service has no list.
        """
        settings = self._settings(None)
        listed = list(islice(self._backend(settings).threads(), limit + 1))
        where = (settings.backend, place(settings))
        rows = {t.id: t for t in self.store.threads() if (t.backend, t.endpoint) == where}
        found: list[tuple[Thread, Standing]] = [
            (rows[t.id], "known") if t.id in rows else (t, "new") for t in listed[:limit]
        ]
        if len(listed) <= limit:
            there = {thread.id for thread in listed}
            gone = (i for i in rows if i not in there and not i.startswith(CHAIN))
            found += [(rows[i], "gone") for i in gone]
        return found[:limit]

    def assistants(self) -> Iterator[Assistant]:
        """Give the assistants of the chosen profile's server."""
        return self._backend(self._settings(None)).assistants()

    def assistant(self, name: str | None) -> Assistant:
        """Give one assistant of the chosen profile's server, None: the profile's own."""
        return self._backend(self._settings(None)).assistant(name)

    def new_thread(self, name: str | None, metadata: Mapping[str, str]) -> Thread:
        """Make an empty thread; raises ConfigError where the name is taken."""
        settings = self._settings(None)
        if name:
            self._check_free(name)  # before there is a thread that could not have it
        thread_id = self._backend(settings).new_thread(metadata=metadata)
        thread = Thread(
            thread_id, settings.backend, place(settings), settings.profile, metadata=metadata
        )
        self._remember(thread, name)
        return thread

    def _check_free(self, name: str) -> None:
        if not self.store.is_free(name):
            raise ConfigError(f"the name {name!r} is taken")

    def _remember(self, thread: Thread, name: str | None = None, first_prompt: str = "") -> None:
        self._notes.remember(thread, first_prompt)
        if name:
            self._notes.rename(thread, name)

    # What is said

    def check(self, thread: Thread | None) -> None:
        """Demand all that a prompt to a thread needs; raises ConfigError."""
        self._backend(self._settings(thread)).check()

    def say(self, thread: Thread | None, prompt: Prompt, consent: Consent | None = None) -> Stream:
        """Post a prompt and pass the reply on; None says it to a new thread.

        The thread is in the index before the first word comes. Calls of functions are answered
        by the profile's tools, as far as `consent` allows. Raises IncompleteError where the
        reply ended early, or without a claim that it ended, or with a call that nobody answers.
        """
        settings = self._settings(thread)
        backend = self._backend(settings)
        self._speaker = backend
        reply = backend.send(thread.id if thread else None, prompt)
        end = yield from self._passed(reply, settings, prompt)
        for left in reversed(range(MOST_ROUNDS)):
            if end.ending != "tool_call":
                break
            calls = end.calls if left else []  # no model calls without end
            reply = backend.answer(self._answers(backend, settings, calls, consent))
            end = yield from self._passed(reply, settings, prompt)
        if end.ending is None:
            raise IncompleteError("the reply broke off: the service did not say that it ended")
        if end.ending != "completed":
            raise IncompleteError(REASONS[end.ending])

    def _passed(
        self, reply: Stream, settings: Settings, prompt: Prompt
    ) -> Generator[Event, None, End]:
        """Pass a reply on and give how it ended; an end with calls is not passed on."""
        end = End()
        with closing(reply):
            for event in reply:
                match event:
                    case RunStarted(thread_id):
                        self._note(thread_id, settings, prompt)
                    case ToolCall():
                        end.calls.append(event)
                    case RunFinished(claimed):
                        end.ending = claimed
                if end.ending != "tool_call":
                    yield event
                if self._forgetful and isinstance(event, RunStarted):
                    yield Notice(f"nothing is remembered: {self._forgetful.message}")
        return end

    def _answers(
        self,
        backend: Backend,
        settings: Settings,
        calls: list[ToolCall],
        consent: Consent | None,
    ) -> dict[str, str]:
        """Answer every call by the command that the profile has for it.

        Where one has none, or nobody can allow it, all are given up, and IncompleteError says so.
        """
        try:
            return answers(calls, answering(settings.tools), consent)
        except BaseException as leaving:
            with suppress(AsstctlError):
                done = backend.decline()
                if isinstance(leaving, IncompleteError) and done:
                    leaving.message = f"{leaving.message}: {done}"
            raise

    def _note(self, thread_id: str, settings: Settings, prompt: Prompt) -> None:
        thread = Thread(thread_id, settings.backend, place(settings), settings.profile)
        self._notes.said_to(thread, prompt.text)
        self.current = thread

    def history(self, thread: Thread, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first."""
        return self._holder(thread).history(thread.id, last)

    def facts(self, thread: Thread) -> ThreadFacts:
        """Say what is known of a thread where it lives."""
        return self._holder(thread).facts(thread.id)

    def unlock(self, thread: Thread, *, wait: bool) -> str | None:
        """End the run that locks a thread; gives what became of it, None where there is none."""
        return self._holder(thread).unlock(thread.id, wait=wait)

    def recover(self, thread: Thread) -> Stream:
        """Give the last reply of a thread again, as the service holds it."""
        return self._holder(thread).recover(thread.id)

    # Copies

    def destination(self, profile: str) -> Destination:
        """Give a profile to copy threads into; raises NotFoundError where there is none."""
        settings = self._config.settings(profile)
        return Destination(settings, self._backend(settings), self.store)

    def home(self, thread: Thread) -> Destination:
        """Give the profile that holds a thread, as far as profiles still say so."""
        if thread.backend != Kind.LOCAL:
            return self.destination(self._settings(thread).profile)
        local = self._config.is_local(thread.profile)
        return self.destination(thread.profile if local else Kind.LOCAL)

    @contextmanager
    def copying(self) -> Iterator[None]:
        """Wait for copies that other processes make, and hold them off: one at a time.

        Two at once would each carry what the other has on its way.
        """
        _ = self.store  # its folder is there once it is open
        with (self._data / "copy.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go of by the system, however we end
            yield

    def namesakes(self, thread: Thread) -> int:
        """Count the threads of the index that have this id, itself among them."""
        return self.store.namesakes(thread)

    def rename(self, thread: Thread, name: str) -> None:
        """Name a thread; raises ConfigError where the name is taken."""
        self.store.rename(thread, name)

    def delete(self, thread: Thread, *, keep_remote: bool) -> str | None:
        """Delete a thread where it lives, unless it is kept there, then from the index.

        Gives what the service keeps of it in spite of that.
        """
        kept = None if keep_remote else self._holder(thread).delete(thread.id)
        self.store.forget(thread)
        return kept

    def _holder(self, thread: Thread) -> Backend:
        """Give the backend that holds a thread: a local one is here, whatever the profiles say."""
        if thread.backend == Kind.LOCAL:
            return self._backend(self._config.settings(Kind.LOCAL))
        return self._backend(self._settings(thread))

    def _settings(self, thread: Thread | None) -> Settings:
        """Give the settings to speak with: the chosen profile's, or the thread's own.

        Raises ConfigError for a thread that lives elsewhere than the profile's endpoint.
        """
        chosen = self._config.profile or (thread.profile if thread else None)
        settings = self._config.settings(chosen)
        here = settings.backend, place(settings)
        if thread and here != (thread.backend, thread.endpoint):
            raise ConfigError(
                f"the thread {thread.id} lives at {thread.endpoint or thread.backend}, but the"
                f" profile {settings.profile!r} is for {place(settings) or settings.backend}",
                hint="choose its profile with -p, or leave -p out",
            )
        return settings

    def _backend(self, settings: Settings) -> Backend:
        name = settings.profile
        if name not in self._backends:
            self._backends[name] = connect(
                settings, self._store_for(settings), self._config.environment, self._data
            )
        return self._backends[name]

    def _store_for(self, settings: Settings) -> Store:
        """Give the store; where it can't be used, threads elsewhere go without one."""
        if settings.backend == Kind.LOCAL:
            return self.store
        try:
            self._forgetful = self.store.read_only
        except AsstctlError as error:
            self._forgetful = error
            self.store = Store(None)
        return self._notes

    @cached_property
    def _notes(self) -> Store:
        """Where it is noted what was said; forgotten where the store can't be written."""
        return Store(None) if self.store.read_only else self.store


@contextmanager
def open_session(config: Config) -> Iterator[Session]:
    """Open a session, and let go of all it took when it ends."""
    with closing(Session(config, Path(_folders.data(config.environment)))) as session:
        yield session
