"""Conversations + Responses: OpenAI, Foundry projects, Azure OpenAI resources, compatible servers.

A thread is a conversation; where the server has none it is a chain of responses. A reply is asked
for in the background where the server takes that, so that it can be cancelled, and resumed after
a cut; in the foreground a reply that is left may be missing from its conversation, and asstctl
looks and says what it holds. Facts: OpenAI's API reference; openai-python#3561, openai-node#2571.
"""

import re
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from asstctl import credentials
from asstctl.backends import place
from asstctl.backends._agents import Agents
from asstctl.backends._chains import Chains
from asstctl.backends._conversations import Conversations
from asstctl.backends._lists import NO_PATH, listed, listing, pages
from asstctl.backends._response import OPEN, Response
from asstctl.backends._turn import WHOLE, Keeper, Turn, cancelled, get, settled
from asstctl.backends._wire import Wire, retried
from asstctl.config import Settings
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    LockedError,
    NotFoundError,
    UnsupportedError,
)
from asstctl.events import (
    Assistant,
    Event,
    Message,
    MessageStarted,
    Notice,
    Part,
    Prompt,
    RunFinished,
    RunStarted,
    Stream,
    Text,
    TextDelta,
    Thread,
    ThreadFacts,
)
from asstctl.store import CHAIN, Store
from asstctl.tools import offered

CONVERSATIONS = "conversations"
"""An ability that servers were found to have or not."""

OPTIONAL: Mapping[str, str] = {
    "background": "a reply that is stopped or cut may be missing from its thread",
    "truncation": "a thread that outgrows the model's window is refused",
}
"""Fields that a server may not take, each an ability, and what it means where it does not."""


def connect(
    settings: Settings, store: Store, environment: Mapping[str, str], _data: Path
) -> "Responses":
    """Give the backend for a profile; raises ConfigError that names all that is missing."""
    signing = credentials.signing(settings, environment)
    if not signing and (settings.azure or settings.project or credentials.openai(settings)):
        raise settings.missing([*lacking(settings), credentials.whereabouts(settings)])
    return Responses(signing, store, settings)


class Responses:
    """Threads on a server that speaks Responses; a Backend."""

    carries: tuple[type[Part], ...] = (Text,)

    def __init__(
        self, signing: credentials.Signing | None, store: Store, settings: Settings
    ) -> None:
        self._signing = signing
        self._store = store
        self._settings = settings
        self._place = place(settings)
        self._root = self._place.removesuffix("/v1").removesuffix("/openai")
        base = f"{self._root}/openai/v1" if settings.azure or settings.project else self._place
        self._wire = Wire(base, signing, settings.timeout)
        self._waiting: Turn | None = None  # for answers to its calls
        self._conversations = Conversations(self._wire, store, self._place)
        self._chains = Chains(self._wire, store, self._place, settings.profile)

    @cached_property
    def _agents(self) -> Agents:
        """The project's agents; raises UnsupportedError where the endpoint is no project."""
        if not self._settings.project:
            raise UnsupportedError(
                f"{self._wire.host} keeps no assistants: model, instructions and tools are in"
                " the profile",
                hint="asstctl config show shows them",
            )
        query = {"api-version": "v1"}
        return Agents(Wire(self._root, self._signing, self._settings.timeout, query=query))

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()
        if "_agents" in self.__dict__:
            self._agents.close()

    @property
    def request_id(self) -> str | None:
        """What the service calls the request of the last reply."""
        return self._wire.request_id

    def check(self) -> None:
        """Demand a model or an agent; the rest was demanded to connect."""
        if missing := lacking(self._settings):
            raise self._settings.missing(missing)

    def _keeper(self, thread_id: str) -> Keeper:
        return self._chains if thread_id.startswith(CHAIN) else self._conversations

    # One prompt and its reply

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post a prompt and stream the reply."""
        self.check()
        if thread_id is None:
            thread_id = yield from retried(self._opened)
            chained = thread_id.startswith(CHAIN)
            if not chained:
                yield RunStarted(thread_id)
            first = self._chains.first if chained else self._conversations.request
            yield from self._taken(
                self._turn(thread_id, prompt.text, announced=not chained),
                first(thread_id, prompt.text),
            )
            if chained:  # by its first reply a chain is proved to be the way
                self._store.note_ability(self._place, CONVERSATIONS, has=False)
            return
        if prompt.if_busy == "cancel":
            self.unlock(thread_id, wait=False)
        turn = self._turn(thread_id, prompt.text, announced=False)
        yield from self._taken(turn, self._keeper(thread_id).request(thread_id, prompt.text))

    def _opened(self) -> Generator[Event, None, str]:
        """Give a thread for the first prompt; a reply without events."""
        yield from ()
        return self._conversation({}) or self._chains.unused()

    def _turn(self, thread_id: str, text: str, *, announced: bool) -> Turn:
        response = Response(thread_id, announced=announced)
        return Turn(self._wire, self._keeper(thread_id), response, text)

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls of the last response, and stream what follows."""
        last, self._waiting = self._waiting, None
        if last is None:
            return
        thread_id = last.response.thread_id
        tie = self._keeper(thread_id).following(thread_id, str(last.response.id))
        yield from self._taken(last.next(), {**tie, "input": last.response.answers(outputs)})

    def decline(self) -> str | None:
        """Give up the calls of the last response."""
        last, self._waiting = self._waiting, None
        return last.decline() if last else None

    def _taken(self, turn: Turn, said: Mapping[str, Any]) -> Stream:
        """Ask for a reply, without the fields that the server does not take."""
        refused: list[str] = []
        while True:
            body = {k: v for k, v in {**self._wanted(), **said}.items() if k not in refused}
            try:
                yield from self._patiently(turn, body)
            except AsstctlError as error:
                field = refused_field(error, body)
                if turn.taken() or field is None:
                    raise
                refused.append(field)
                yield Notice(f"{self._wire.host} takes no {field}: {OPTIONAL[field]}")
            else:
                break
        for field in refused:  # now it is proved that this was the cause
            self._store.note_ability(self._place, self._ability(field), has=False)
        self._waiting = turn if turn.response.waiting else None

    def _ability(self, field: str) -> str:
        """Name the ability to take a field: one model may have it and another not."""
        return f"{field} for {self._settings.agent or self._settings.model}"

    def _wanted(self) -> dict[str, Any]:
        """Give the part of a request that says who replies, and how."""
        settings = self._settings
        wanted: dict[str, Any] = {
            "model": settings.model,
            "instructions": settings.instructions,
            "tools": offered(settings.tools),
            "truncation": settings.truncation,
            "stream": True,
            "background": True,
        }
        if settings.reasoning_summary:
            wanted["reasoning"] = {"summary": settings.reasoning_summary}
        if settings.agent:  # it brings its own model, instructions and tools
            reference = {"type": "agent_reference", "name": settings.agent}
            if settings.agent_version:
                reference["version"] = settings.agent_version
            wanted["agent_reference"] = reference
            if settings.origins.get("truncation", "default") == "default":
                wanted["truncation"] = None
        for field in OPTIONAL:
            if self._store.ability(self._place, self._ability(field)) is False:
                wanted[field] = None
        return {key: value for key, value in wanted.items() if value is not None}

    def _patiently(self, turn: Turn, body: Any) -> Stream:
        """Ask for a reply; a conversation that is in use is waited for."""
        end, pause = time.monotonic() + self._settings.timeout, 1.0
        while True:
            try:
                yield from retried(lambda: turn.reply(body), turn.taken)
            except LockedError as error:
                pause = error.retry_after or pause
                if turn.taken() or time.monotonic() + pause > end:
                    raise
                yield Notice(f"{error.message}; trying again in {pause:g} s")
                time.sleep(pause)
                pause = min(pause * 1.5, 5.0)
            else:
                return

    # Threads

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and give its id: a conversation, or a chain where there are none."""
        if made := self._conversation(metadata):
            return made
        if self._store.ability(self._place, CONVERSATIONS) is None:
            self._require_responses()
        return self._chains.new(metadata)

    def _require_responses(self) -> None:
        """Demand that a server without conversations has responses.

        An empty request is refused for what it lacks where the path is known; raises
        NotFoundError where it is not.
        """
        try:
            self._wire.call("POST", "/responses", {})
        except AsstctlError as error:
            if error.status not in (400, 422):
                raise
        self._store.note_ability(self._place, CONVERSATIONS, has=False)

    def _conversation(self, metadata: Mapping[str, str]) -> str | None:
        """Make a conversation; None where the server has no such thing."""
        if self._store.ability(self._place, CONVERSATIONS) is False:
            return None
        try:
            return self._conversations.new(metadata)
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            return None

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first."""
        return self._keeper(thread_id).history(thread_id, last)

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread."""
        self._keeper(thread_id).append(thread_id, messages)

    def facts(self, thread_id: str) -> ThreadFacts:
        """Say what is known of a thread; a reply that was begun elsewhere is not known."""
        active = self._active(thread_id)
        return replace(self._keeper(thread_id).facts(thread_id), active_run=active)

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread; gives what the service keeps of it."""
        return self._keeper(thread_id).delete(thread_id)

    def threads(self) -> Iterator[Thread]:
        """Give the server's conversations, the newest first; not every server can list them."""
        with listing(self._wire.host, "conversations"):
            for conversation in pages(self._wire, "/conversations", newest_first=True):
                yield listed(conversation, "responses", self._place, self._settings.profile)

    def assistants(self) -> Iterator[Assistant]:
        """Give a Foundry project's agents."""
        return self._agents.all()

    def assistant(self, name: str | None) -> Assistant:
        """Give one agent by name, None: the profile's."""
        agents = self._agents
        if not name:
            self._settings.require("agent")
        return agents.one(name or str(self._settings.agent))

    def _active(self, thread_id: str) -> str | None:
        """Give the id of a reply that we began and that has not ended."""
        last = self._store.replies.last(self._place, thread_id)
        if last is None:
            return None
        try:
            status = get(self._wire, last).get("status")
        except NotFoundError:
            return None
        return last if status in OPEN else None

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the reply that we began in a thread, or wait for its end."""
        active = self._active(thread_id)
        if active is None:
            return None
        if wait:
            status = settled(self._wire, active, self._settings.timeout)
        else:
            status = cancelled(self._wire, active)
        if status in WHOLE:
            self._keeper(thread_id).hold(thread_id, active)
        return f"{active} is {status}"

    def recover(self, thread_id: str) -> Stream:
        """Wait for the end of the reply that we began last, and give it whole.

        Where the service has it no more, or none was begun here: the thread's last message.
        """
        last = self._store.replies.last(self._place, thread_id)
        newest = list(self.history(thread_id, 1))
        if last and (found := self._current(last, newest)):
            yield from self._turn(thread_id, "", announced=False).recover(found)
            return
        if not newest or newest[-1].role != "assistant" or not newest[-1].text:
            raise IncompleteError("the thread holds no reply to its last prompt")
        yield RunStarted(thread_id)
        yield MessageStarted("assistant")
        yield TextDelta(newest[-1].text)
        yield RunFinished("completed")

    def _current(self, response_id: str, newest: list[Message]) -> dict[str, Any] | None:
        """Give a reply that is the thread's last; None where it is gone or another followed."""
        try:
            response = get(self._wire, response_id)
        except NotFoundError:
            return None
        ids = [item.get("id") for item in response.get("output") or () if isinstance(item, dict)]
        ended = response.get("status") not in OPEN
        followed = any(m.role == "assistant" and m.id not in ids for m in newest)
        return None if ended and followed else response


def lacking(settings: Settings) -> list[str]:
    """Give what a reply needs and the profile has not: who replies."""
    return [] if settings.agent else settings.unset("model")


def refused_field(error: AsstctlError, body: Mapping[str, Any]) -> str | None:
    """Give the optional field that a request was refused for, None where that is not the cause."""
    if error.status not in (400, 403, 422):
        return None
    words = error.message.lower()
    named = (f for f in OPTIONAL if f in body and re.search(rf"\b{f}\b", words))
    return next(named, None)
