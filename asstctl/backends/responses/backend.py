"""Threads on a server that speaks Responses."""

from collections.abc import Container, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asstctl._json import objects
from asstctl.backends import World, listed
from asstctl.backends.cancelling import UNLOCK_HINTS, unlocked
from asstctl.backends.meanings import MEANINGS
from asstctl.backends.responses.agents import Agents
from asstctl.backends.responses.chains import CONVERSATIONS
from asstctl.backends.responses.conversations import NEWEST
from asstctl.backends.responses.prompting import Prompting
from asstctl.backends.responses.reply import WHOLE
from asstctl.backends.responses.resource import read, settled, stopped
from asstctl.backends.responses.response import OPEN
from asstctl.backends.stream import again
from asstctl.backends.vendor import Files
from asstctl.config.settings import Settings
from asstctl.credentials.keys import Signing
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, UnsupportedError
from asstctl.events import Prompt, RunFinished, Stream
from asstctl.model import Assistant, Message, Thread, ThreadFacts
from asstctl.parts import FileRef, Part
from asstctl.wire.pages import listing, models, pages
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import post
from asstctl.wire.wire import Wire, told

if TYPE_CHECKING:
    from asstctl.backends.carrying import Added, Takes


class Responses:
    """Threads on a server that speaks Responses; a Backend."""

    def __init__(self, signing: Signing | None, world: World, settings: Settings) -> None:
        self._signing = signing
        self._world = world
        self._store = world.store
        self._settings = settings
        place = settings.place
        self._root = place.removesuffix("/v1").removesuffix("/openai")
        self._wire = self._to(
            f"{self._root}/openai/v1" if settings.azure or settings.project else place
        )
        self._files = Files(self._wire)
        self._prompting = Prompting(self._wire, world.store, settings)

    def _to(self, endpoint: str, query: Mapping[str, str] | None = None) -> Wire:
        return Wire(
            endpoint,
            self._signing,
            self._settings.timeout,
            tell=self._world.tell,
            meanings=MEANINGS,
            query=query,
        )

    @cached_property
    def _agents(self) -> Agents:
        """The project's agents; raises UnsupportedError where the endpoint is no project."""
        if not self._settings.project:
            raise UnsupportedError(
                f"{self._wire.host} keeps no assistants: model, instructions and tools are in"
                " the profile",
                hint="asstctl config show shows them",
            )
        return Agents(self._to(self._root, {"api-version": "v1"}))

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()
        self._files.close()
        if "_agents" in self.__dict__:
            self._agents.close()

    @property
    def request_id(self) -> str | None:
        """The service's name for the request of the last reply."""
        return self._wire.request_id

    def check(self) -> None:
        """Raise ConfigError without a model or an agent; the rest was demanded to connect."""
        if missing := lacking(self._settings):
            raise self._settings.missing(missing)
        self._settings.shape()

    # Prompts and replies

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post a prompt and stream the reply."""
        self.check()
        self._wire.calm()
        if thread_id is None:
            yield from self._prompting.to_new_thread(prompt)
            return
        if prompt.if_busy == "cancel":
            self.unlock(thread_id, wait=False)
        yield from self._prompting.to_old_thread(thread_id, prompt)

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls of the last response, and stream what follows."""
        return self._prompting.answer(outputs)

    def decline(self) -> str | None:
        """Abandon the calls of the last response."""
        return self._prompting.decline()

    def _active(self, thread_id: str) -> str | None:
        """Return the id of a reply that we began and that has not ended."""
        last = self._store.replies.last(self._settings.place, thread_id)
        if last is None:
            return None
        try:
            status = read(self._wire, last).get("status")
        except NotFoundError:
            return None
        return last if status in OPEN else None

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the reply that we began in a thread, or wait for its end."""
        active = self._active(thread_id)
        if active is None:
            return self._prompting.decline_open(thread_id)
        if wait:
            status = settled(self._wire, active, self._settings.timeout)
        else:
            status = stopped(self._wire, active)
        open_ = status in OPEN
        told = unlocked(thread_id, active, status, open_=open_, hint=UNLOCK_HINTS[wait])
        if status in WHOLE:
            self._prompting.keeper(thread_id).hold(thread_id, active)
        return told

    def recover(self, thread_id: str) -> Stream:
        """Wait for the end of the reply that we began last, and stream it whole.

        Where the service has it no more, or none was begun here: the thread's last message.
        """
        last = self._store.replies.last(self._settings.place, thread_id)
        newest = self._prompting.keeper(thread_id).newest(thread_id)
        if last and (found := self._current(thread_id, last, newest)):
            yield from self._prompting.reply(thread_id).recover(found)
            return
        if not newest or newest[-1].role != "assistant" or not newest[-1].text:
            raise IncompleteError("the thread holds no reply to its last prompt")
        yield from again(thread_id, newest[-1].text)
        yield RunFinished("completed")

    def _current(
        self, thread_id: str, response_id: str, newest: list[Message]
    ) -> dict[str, Any] | None:
        """Return a reply that is the thread's last; None where it is gone or more followed."""
        try:
            response = read(self._wire, response_id)
        except NotFoundError:
            return None
        ids = {item.get("id") for item in objects(response.get("output"))}
        held = any(message.id in ids for message in newest)
        if not held and len(newest) >= NEWEST:  # much may have followed
            held = any(message.id in ids for message in self.history(thread_id))
        return None if held and newest[-1].id not in ids else response

    # Threads

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty conversation, or a chain where there are none, and return its id."""
        if made := told(self._prompting.conversation(metadata), self._world.tell):
            return made
        if self._store.abilities.has(self._settings.place, CONVERSATIONS) is None:
            self._require_responses()
        return self._prompting.new_chain()

    def _require_responses(self) -> None:
        """Raise NotFoundError where a server has neither conversations nor responses.

        An empty request is refused for what it lacks where the path is known.
        """
        try:
            self._wire.call(post("/responses", {}, Purpose.COMPLETION))
        except AsstctlError as error:
            if error.status not in (400, 422, 500):  # refused for what it lacks: the path is known
                raise
        self._store.abilities.note(self._settings.place, CONVERSATIONS, has=False)

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first."""
        return self._prompting.keeper(thread_id).history(thread_id, last)

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return a conversation's object, {} for a chain."""
        return self._prompting.keeper(thread_id).thread(thread_id)

    def runs(self, thread_id: str, known: Container[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the responses that began here and are still to be had."""
        for response_id in self._store.replies.all(self._settings.place, thread_id):
            if response_id not in known:
                with suppress(NotFoundError):
                    yield read(self._wire, response_id)

    def file(self, file_id: str, container: str = "") -> FileRef:
        """Return what the service knows of a file."""
        return self._files.facts(file_id, container)

    def content(self, file_id: str, container: str = "") -> Generator[bytes]:
        """Yield a file's contents."""
        return self._files.content(file_id, container)

    @property
    def takes(self) -> "Takes":
        """The messages that threads here take as they are."""
        from asstctl.backends.responses.writing import TAKES

        return TAKES

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add messages at the end of a thread."""
        return self._prompting.keeper(thread_id).append(thread_id, messages)

    def upload(self, kind: type[Part], file: FileRef, path: Path) -> str:
        """Upload a file for parts of a kind and return its id."""
        from asstctl.backends.responses.writing import PURPOSES

        return self._files.upload(PURPOSES[kind], file, path)

    def uploads(self, kind: type[Part], file: FileRef, made: tuple[float, float]) -> Iterator[str]:
        """Yield the ids of the newest uploads of a kind with a file's name and size."""
        from asstctl.backends.responses.writing import PURPOSES

        return self._files.uploads(PURPOSES[kind], file, made)

    def delete_file(self, file_id: str) -> None:
        """Delete a file."""
        self._files.delete(file_id)

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a thread; a reply that was begun elsewhere is not known."""
        active = self._active(thread_id)
        return replace(self._prompting.keeper(thread_id).facts(thread_id), active_run=active)

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread; return what the service keeps of it."""
        return self._prompting.keeper(thread_id).delete(thread_id)

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete one item of a conversation."""
        self._prompting.keeper(thread_id).delete_message(thread_id, message_id)

    def threads(self) -> Iterator[Thread]:
        """Yield the server's conversations, the newest first; not every server can list them."""
        with listing(self._wire.host, "conversations"):
            for conversation in pages(self._wire, "/conversations", newest_first=True):
                yield listed(conversation, self._settings)

    # Agents

    def models(self) -> list[str]:
        """Return the names of the server's models."""
        return models(self._wire)

    def assistants(self) -> Iterator[Assistant]:
        """Yield a Foundry project's agents."""
        return self._agents.all()

    def assistant(self, name: str | None) -> Assistant:
        """Return one agent by name, None: the profile's."""
        agents = self._agents
        if not name:
            self._settings.require("agent")
        return agents.one(name or str(self._settings.agent))


def lacking(settings: Settings) -> list[str]:
    """Return the settings that a reply needs and the profile lacks: who replies."""
    return [] if settings.agent else settings.unset("model")
