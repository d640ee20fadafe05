"""The only code that talks to a network: who holds threads, and how to reach them."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Protocol

from asstctl.config import Settings
from asstctl.errors import ConfigError
from asstctl.events import Assistant, Message, Part, Prompt, Stream, Thread, ThreadFacts
from asstctl.store import Store


class Kind(StrEnum):
    """The wires that are spoken; a member's value is its module's name."""

    ASSISTANTS = "assistants"
    RESPONSES = "responses"
    LOCAL = "local"


class Backend(Protocol):
    """Who holds threads and replies to prompts.

    Every method raises AsstctlError: NotFoundError for a thread that is not there,
    UnavailableError where nobody answers.
    """

    carries: tuple[type[Part], ...]
    """The kinds of parts that `append` keeps as they are; others must be text before."""

    @property
    def request_id(self) -> str | None:
        """What the service calls the request of the last reply; None where it calls it nothing."""

    def check(self) -> None:
        """Demand all that a prompt needs; raises ConfigError that names what is missing."""

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and give its id."""

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post `prompt` and stream the reply; None makes the thread in the same round trip.

        The first event is RunStarted, the last one RunFinished; where that says `tool_call`,
        `answer` or `decline` follows. Closing the stream early cancels the reply.
        """

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls with which the last reply ended, by their ids; stream what follows."""

    def decline(self) -> str | None:
        """Give up the calls with which the last reply ended, so that the thread takes prompts.

        Says what was done, None where there was nothing to do.
        """

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first."""

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread."""

    def facts(self, thread_id: str) -> ThreadFacts:
        """Say what is known of a thread."""

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """End the run that locks a thread, or wait for its end.

        Gives what became of it, None where there was none.
        """

    def recover(self, thread_id: str) -> Stream:
        """Give the last reply of a thread again, whole, as the service holds it."""

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread and what was said in it; gives what the service keeps in spite of it."""

    def threads(self) -> Iterator[Thread]:
        """Give the server's threads, the newest first; raises UnsupportedError without a list."""

    def assistants(self) -> Iterator[Assistant]:
        """Give the server's assistants; raises UnsupportedError where it keeps none."""

    def assistant(self, name: str | None) -> Assistant:
        """Give one assistant by id or name, None: the profile's; raises as `assistants` does."""

    def close(self) -> None:
        """Let go of connections and models."""


def place(settings: Settings) -> str:
    """Say where the profile's threads live: the endpoint, or "" for this machine."""
    return "" if settings.backend == Kind.LOCAL else (settings.endpoint or "").rstrip("/")


def connect(
    settings: Settings, store: Store, environment: Mapping[str, str], data: Path
) -> Backend:
    """Give the backend that a profile asks for; `data` is the folder for what it keeps.

    Raises ConfigError for a backend that does not exist, and for what the backend misses.
    """
    if settings.backend not in list(Kind):
        raise ConfigError(f"no backend {settings.backend!r}", hint=f"there are: {', '.join(Kind)}")
    module = import_module(f"asstctl.backends.{settings.backend}")
    backend: Backend = module.connect(settings, store, environment, data)
    return backend
