"""Conversations + Responses: OpenAI, Foundry projects, Azure OpenAI resources, compatible servers.

A thread is a conversation; where the server has none it is a chain of responses. A reply is asked
for in the background where the server takes that, so that it can be cancelled, and resumed after
a cut; in the foreground a reply that is left may be missing from its conversation, and asstctl
looks and says what it holds. Facts: OpenAI's API reference; openai-python#3561, openai-node#2571.
"""

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asstctl import credentials
from asstctl.backends._chains import PREFIX, Chains
from asstctl.backends._conversations import Conversations
from asstctl.backends._lists import NO_PATH, found, listed, listing, pages
from asstctl.backends._response import OPEN, Response
from asstctl.backends._turn import WHOLE, Keeper, Replies, Turn
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
from asstctl.store import Store
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
    settings.require("endpoint")
    signing = credentials.signing(settings, environment)
    endpoint = (settings.endpoint or "").rstrip("/")
    if not signing and (settings.azure or settings.project or credentials.openai(settings)):
        raise settings.missing([*lacking(settings), credentials.whereabouts(settings)])
    root = endpoint.removesuffix("/v1").removesuffix("/openai")
    base = f"{root}/openai/v1" if settings.azure or settings.project else endpoint
    wire = Wire(base, signing, settings.timeout)
    project = None
    if settings.project:
        project = Wire(root, signing, settings.timeout, query={"api-version": "v1"})
    return Responses(wire, project, store, settings)


class Responses:
    """Threads on a server that speaks Responses; a Backend."""

    carries: tuple[type[Part], ...] = (Text,)

    def __init__(
        self,
        wire: Wire,
        project: Wire | None,
        store: Store,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._project = project  # where a Foundry project's agents are
        self._store = store
        self._settings = settings
        self._place = (settings.endpoint or "").rstrip("/")
        self._clock = clock
        self._sleep = sleep
        self._replies = Replies(wire, clock, sleep)
        self._waiting: Turn | None = None  # for answers to its calls
        self._conversations = Conversations(wire)
        self._chains = Chains(wire, store, self._place, settings.profile)

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()
        if self._project:
            self._project.close()

    def check(self) -> None:
        """Demand a model or an agent; the rest was demanded to connect."""
        if missing := lacking(self._settings):
            raise self._settings.missing(missing)

    def _keeper(self, thread_id: str) -> Keeper:
        return self._chains if thread_id.startswith(PREFIX) else self._conversations

    # One prompt and its reply

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post a prompt and stream the reply."""
        self.check()
        announced = thread_id is None
        if thread_id is None:
            thread_id = yield from retried(self._opened)
            yield RunStarted(thread_id)
        elif prompt.if_busy == "cancel":
            self.unlock(thread_id, wait=False)
        keeper = self._keeper(thread_id)
        response = Response(thread_id, announced=announced)
        turn = Turn(self._wire, keeper, response, prompt, self._begun)
        yield from self._taken(turn, keeper.request(thread_id, prompt.text))

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
        response = turn.response
        while True:
            body = {**self._wanted(), **said}
            try:
                yield from self._patiently(turn, body)
            except AsstctlError as error:
                field = next((name for name in OPTIONAL if names_field(error, name)), None)
                if response.id or field not in body:
                    raise
                self._store.note_ability(self._place, str(field), has=False)
                yield Notice(f"{self._wire.host} takes no {field}: {OPTIONAL[str(field)]}")
            else:
                self._waiting = turn if response.waiting else None
                return

    def _opened(self) -> Generator[Event, None, str]:
        """Make a thread; a reply without events."""
        yield from ()
        return self.new_thread(metadata={})

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
            if self._store.ability(self._place, field) is False:
                wanted[field] = None
        return {key: value for key, value in wanted.items() if value is not None}

    def _patiently(self, turn: Turn, body: Any) -> Stream:
        """Ask for a reply; a conversation that is in use is waited for."""
        end, pause = self._clock() + self._settings.timeout, 1.0
        while True:
            try:
                yield from retried(lambda: turn.reply(body))
            except LockedError as error:
                pause = error.retry_after or pause
                if turn.response.id or self._clock() + pause > end:
                    raise
                yield Notice(f"{error.message}; trying again in {pause:g} s")
                self._sleep(pause)
                pause = min(pause * 1.5, 5.0)
            else:
                return

    def _begun(self, thread_id: str, response_id: str) -> None:
        """Note which reply a thread waits for; by the first one a chain is proved to work."""
        self._store.replies.begin(self._place, thread_id, response_id)
        chained = thread_id.startswith(PREFIX)
        if chained and self._store.ability(self._place, CONVERSATIONS) is None:
            self._store.note_ability(self._place, CONVERSATIONS, has=False)

    # Threads

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and give its id: a conversation, or a chain where there are none."""
        if self._store.ability(self._place, CONVERSATIONS) is not False:
            try:
                return self._conversations.new(metadata)
            except AsstctlError as error:
                if error.status not in NO_PATH:
                    raise
        return self._chains.new(metadata)

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
        if self._project is None:
            raise UnsupportedError(
                f"{self._wire.host} keeps no assistants: model, instructions and tools are in"
                " the profile",
                hint="asstctl config show shows them",
            )
        return map(agent, pages(self._project, "/agents"))

    def assistant(self, name: str | None) -> Assistant:
        """Give one agent by name, None: the profile's."""
        name = name or self._settings.agent
        if self._project is None or not name:
            next(self.assistants(), None)  # a service without agents says so
            raise self._settings.missing(self._settings.unset("agent"))
        return agent(found(self._project.call("GET", f"/agents/{quote(name, safe='')}")))

    def _active(self, thread_id: str) -> str | None:
        """Give the id of a reply that we began and that has not ended."""
        last = self._store.replies.last(self._place, thread_id)
        if last is None:
            return None
        try:
            status = self._replies.get(last).get("status")
        except NotFoundError:
            return None
        return last if status in OPEN else None

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the reply that we began in a thread, or wait for its end."""
        active = self._active(thread_id)
        if active is None:
            return None
        seconds = self._settings.timeout
        settled = (
            self._replies.settled(active, seconds) if wait else self._replies.cancelled(active)
        )
        return f"{active} is {settled}"

    def recover(self, thread_id: str) -> Stream:
        """Wait for the last reply's end and give it whole; a thread goes on from it then."""
        last = self._store.replies.last(self._place, thread_id)
        if last is None:
            yield from self._newest_reply(thread_id)
            return
        response = Response(thread_id, announced=False)
        for look in self._replies.looks(last, self._settings.timeout):
            yield from response.facts(look)
            if response.final:
                break
        if response.status in WHOLE and not response.waiting:
            self._keeper(thread_id).held(thread_id, last)
        yield from response.end()

    def _newest_reply(self, thread_id: str) -> Stream:
        """Give the last message of a thread whose replies were not asked for here."""
        newest = list(self.history(thread_id, 1))
        if not newest or newest[-1].role != "assistant":
            raise IncompleteError("the thread holds no reply to its last prompt")
        yield RunStarted(thread_id)
        yield MessageStarted("assistant")
        yield TextDelta(newest[-1].text)
        yield RunFinished("completed")


def lacking(settings: Settings) -> list[str]:
    """Give what a reply needs and the profile has not: who replies."""
    return [] if settings.agent else settings.unset("model")


def agent(facts: Mapping[str, Any]) -> Assistant:
    """Give a Foundry agent, at its newest version."""
    latest = (facts.get("versions") or {}).get("latest") or facts
    definition = latest.get("definition") or {}
    name = str(facts.get("name") or facts.get("id") or "")
    return Assistant(name, name, str(definition.get("model") or ""), facts)


def names_field(error: AsstctlError, field: str) -> bool:
    """Say whether a request was refused because of one of its fields."""
    named = re.search(rf"\b{field}\b", error.message.lower())
    return error.status in (400, 403, 422) and bool(named)
