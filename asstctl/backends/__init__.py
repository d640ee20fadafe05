"""Backends: holders of threads that reply to prompts. One folder for each wire."""

from collections.abc import Container, Generator, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from asstctl import _signals
from asstctl._record import record
from asstctl.config.settings import Settings
from asstctl.events import Prompt, Stream, Tell
from asstctl.model import Assistant, Message, Thread, ThreadFacts, moment, texts
from asstctl.parts import FileRef, Part
from asstctl.store.store import Store

if TYPE_CHECKING:
    from asstctl.backends.carrying import Added, Takes

CHUNK = 20
"""Messages that are added to a thread at once: the most that every wire takes."""


class Backend(Protocol):
    """A holder of threads that replies to prompts.

    Every method raises AsstctlError: NotFoundError for a thread that is not there,
    UnavailableError where nobody answers. None of them writes the index.
    """

    @property
    def takes(self) -> "Takes | None":
        """The messages that threads here take as they are; None: everything."""

    @property
    def request_id(self) -> str | None:
        """The service's name for the request of the last reply; None where it has none."""

    def check(self) -> None:
        """Raise ConfigError unless all is set that a prompt needs."""

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and return its id."""

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post `prompt` and stream the reply; None makes the thread in the same round trip.

        The first event that is shown is RunStarted, the last one RunFinished; where that says
        `tool_call`, `answer` or `decline` follows. Closing the stream early cancels the reply.
        """

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls with which the last reply ended, by their ids; stream what follows."""

    def decline(self) -> str | None:
        """Abandon the calls with which the last reply ended, so that the thread takes prompts.

        Return what was done, None where there was nothing to do.
        """

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first."""

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return the service's own object of a thread, {} where it has none."""

    def runs(self, thread_id: str, known: Container[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the service's runs of a thread, oldest first, each with its `steps`.

        Those that are `known` by their ids are passed over. Raises UnsupportedError where the
        service can't list them.
        """

    def file(self, file_id: str, container: str = "") -> FileRef:
        """Return what the service knows of a file, of those of a container if one is named.

        Raises UnsupportedError where it can't be had for good, with the service's words.
        """

    def content(self, file_id: str, container: str = "") -> Generator[bytes]:
        """Yield a file's contents; raises as `file` does."""

    def upload(self, kind: type[Part], file: FileRef, path: Path) -> str:
        """Upload a file for parts of a kind and return its id; raises as `file` does."""

    def uploads(self, kind: type[Part], file: FileRef, made: tuple[float, float]) -> Iterator[str]:
        """Yield the ids of the newest uploads of a kind with a file's name and size.

        `made`: between which times. Raises as `file` does.
        """

    def delete_file(self, file_id: str) -> None:
        """Delete a file; raises as `file` does."""

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add at most CHUNK messages, such as a thread `takes`, at the end of one."""

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a thread."""

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the run that locks a thread, or wait for its end.

        Return how it ended, None where there was none.
        """

    def recover(self, thread_id: str) -> Stream:
        """Stream the last reply of a thread again, whole, as the service holds it."""

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread and its messages; return what the service keeps in spite of it."""

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete one message of a thread; raises UnsupportedError where no service can."""

    def threads(self) -> Iterator[Thread]:
        """Yield the server's threads, the newest first; raises UnsupportedError without a list."""

    def models(self) -> list[str]:
        """Return the names of the models there; raises UnsupportedError without a list."""

    def assistants(self) -> Iterator[Assistant]:
        """Yield the server's assistants; raises UnsupportedError where it keeps none."""

    def assistant(self, name: str | None) -> Assistant:
        """Return one assistant by id or name, None: the profile's; raises as `assistants` does."""

    def close(self) -> None:
        """Close connections and models."""


@record
class World:
    """The surroundings of a backend, beside its settings; `data` is the folder for its files."""

    store: Store
    environment: Mapping[str, str]
    data: Path
    tell: Tell


def connect(settings: Settings, world: World) -> Backend:
    """Return the backend of a profile; raises ConfigError that names all that it lacks."""
    with _signals.Held():
        module = import_module(f"asstctl.backends.{settings.backend}")
    backend: Backend = module.connect(settings, world)
    return backend


def thread_at(settings: Settings, thread_id: str, **facts: Any) -> Thread:
    """Return a thread that lives where a profile's threads live."""
    return Thread(thread_id, settings.backend.value, settings.place, settings.profile, **facts)


def listed(thing: Mapping[str, Any], settings: Settings) -> Thread:
    """Return a thread as a server lists it."""
    return thread_at(
        settings,
        str(thing.get("id")),
        created_at=moment(thing.get("created_at")) or 0.0,
        metadata=texts(thing.get("metadata")),
    )
