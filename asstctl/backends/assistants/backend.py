"""Threads on a server that speaks the threads wire."""

from collections.abc import Container, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asstctl.backends import listed
from asstctl.backends.assistants import objects
from asstctl.backends.assistants.messages import Messages
from asstctl.backends.assistants.prompting import Prompting
from asstctl.backends.assistants.reply import Replies
from asstctl.backends.assistants.run import OPEN, Run
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.cancelling import UNLOCK_HINTS, unlocked
from asstctl.backends.vendor import Files
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError, IncompleteError, UnsupportedError
from asstctl.events import Notice, Prompt, Stream
from asstctl.model import Assistant, Message, Thread, ThreadFacts, moment, texts
from asstctl.parts import FileRef, Part
from asstctl.store.store import Store
from asstctl.wire.pages import found, identity, lacking, listing, models, pages
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import at, delete, get, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.beta.thread_create_params import ThreadCreateParams

    from asstctl.backends.carrying import Added, Takes


class Assistants:
    """Threads on a server that speaks the threads wire; a Backend."""

    def __init__(self, wire: Wire, store: Store, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._files = Files(wire)
        self._runs = Runs(wire)
        self._messages = Messages(wire, store.abilities)
        self._replies = Replies(wire, self._runs, self._messages)
        self._prompting = Prompting(
            wire, self._runs, self._messages, self._replies, store.abilities, settings
        )

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()
        self._files.close()

    @property
    def request_id(self) -> str | None:
        """The service's name for the request of the last reply."""
        return self._wire.request_id

    def check(self) -> None:
        """Raise ConfigError without an assistant; the rest was demanded to connect."""
        self._settings.require("assistant_id")
        self._settings.shape()

    # Prompts and replies

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post a prompt in as few round trips as the server takes, and stream the reply."""
        self.check()
        self._wire.calm()
        if thread_id is None:
            yield from self._prompting.to_new_thread(prompt)
        else:
            yield from self._prompting.to_old_thread(thread_id, prompt)

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls that the last run waits for, and stream what follows."""
        return self._replies.answer(outputs)

    def decline(self) -> str | None:
        """Cancel the run that waits for answers."""
        return self._replies.decline()

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the run that locks a thread, or wait for its end."""
        run_id = self._runs.active(thread_id)
        if run_id is None:
            return None
        end = self._runs.wait if wait else self._runs.cancel
        status = end(thread_id, run_id)
        return unlocked(thread_id, run_id, status, open_=status in OPEN, hint=UNLOCK_HINTS[wait])

    def recover(self, thread_id: str) -> Stream:
        """Wait for the last run's end and stream its reply, whole."""
        latest = self._runs.latest(thread_id)
        if not latest:
            raise IncompleteError("the thread has no run, so there is no reply to recover")
        run = Run(thread_id)
        yield from run.facts(latest)
        yield from self._replies.recover(run)
        yield from run.end()

    # Threads

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and return its id."""
        body: ThreadCreateParams = {"metadata": dict(metadata)}
        made = identity(self._wire.call(post("/threads", body, Purpose.CREATION)))
        self._messages.made(made)
        return made

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a thread; its messages are counted page by page."""
        thread = self.thread(thread_id)
        return ThreadFacts(
            messages=sum(1 for _ in self._messages.all(thread_id)),
            active_run=self._active(thread_id),
            created_at=moment(thread.get("created_at")),
            metadata=texts(thread.get("metadata")),
        )

    def _active(self, thread_id: str) -> str | None:
        """Return the run that locks a thread; a server that can't say so is named."""
        try:
            return self._runs.active(thread_id)
        except UnsupportedError as error:
            self._wire.tell(Notice(error.message))
            return None

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first, page by page."""
        if last is None:
            yield from map(objects.message, self._messages.all(thread_id))
        else:
            yield from map(objects.message, self._messages.last(thread_id, last))

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return a thread's object."""
        with lacking(self._wire.host, "say what a thread is"):
            return found(self._wire.call(get(at("threads", thread_id))))

    def runs(self, thread_id: str, known: Container[str]) -> Iterator[Mapping[str, Any]]:
        """Yield a thread's runs, oldest first, each with its steps."""
        return self._runs.all(thread_id, known)

    def file(self, file_id: str, container: str = "") -> FileRef:
        """Return what the service knows of a file."""
        return self._files.facts(file_id, container)

    def content(self, file_id: str, container: str = "") -> Generator[bytes]:
        """Yield a file's contents."""
        return self._files.content(file_id, container)

    @property
    def takes(self) -> "Takes":
        """The messages that threads here take as they are."""
        from asstctl.backends.assistants.writing import TAKES

        return TAKES

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add messages at the end of a thread, one request each."""
        from asstctl.backends.assistants.writing import append

        return append(self._wire, self._messages, thread_id, messages)

    def upload(self, kind: type[Part], file: FileRef, path: Path) -> str:
        """Upload a file for parts of a kind and return its id."""
        from asstctl.backends.assistants.writing import PURPOSES

        return self._files.upload(PURPOSES[kind], file, path)

    def uploads(self, kind: type[Part], file: FileRef, made: tuple[float, float]) -> Iterator[str]:
        """Yield the ids of the newest uploads of a kind with a file's name and size."""
        from asstctl.backends.assistants.writing import PURPOSES

        return self._files.uploads(PURPOSES[kind], file, made)

    def delete_file(self, file_id: str) -> None:
        """Delete a file."""
        self._files.delete(file_id)

    def delete(self, thread_id: str) -> None:
        """Delete a thread on the server."""
        hint = f"asstctl threads delete {thread_id} --keep-remote forgets it here"
        with lacking(self._wire.host, "delete a thread", hint):
            answer = self._wire.call(delete(at("threads", thread_id)))
        if not isinstance(answer, dict):
            raise AsstctlError(f"{self._wire.host} answered with something not JSON")

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete one message of a thread."""
        with lacking(self._wire.host, "delete a message", "--kept deletes it here alone"):
            self._wire.call(delete(at("threads", thread_id, "messages", message_id)))

    def threads(self) -> Iterator[Thread]:
        """Yield the server's threads, the newest first; Foundry and some others can list them."""
        with listing(self._wire.host, "threads"):
            for thread in pages(self._wire, "/threads", newest_first=True):
                yield listed(thread, self._settings)

    # Assistants

    def models(self) -> list[str]:
        """Return the names of the server's models."""
        return models(self._wire)

    def assistants(self) -> Iterator[Assistant]:
        """Yield the server's assistants."""
        return map(objects.assistant, pages(self._wire, "/assistants"))

    def assistant(self, name: str | None) -> Assistant:
        """Return one assistant by id, None: the profile's."""
        if not name:
            self._settings.require("assistant_id")
        path = at("assistants", name or self._settings.assistant_id or "")
        return objects.assistant(found(self._wire.call(get(path))))
