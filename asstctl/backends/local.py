"""Our own threads, answered by a chat-completions server or by the embedded model."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn, Protocol

from asstctl import credentials
from asstctl.backends._chat import events, parsed
from asstctl.backends._wire import Wire, retried
from asstctl.config import Settings
from asstctl.errors import ConfigError, ContextExceededError, IncompleteError, UnsupportedError
from asstctl.events import (
    File,
    Image,
    Message,
    MessageStarted,
    Notice,
    Part,
    Progress,
    Prompt,
    Refusal,
    RunFinished,
    RunStarted,
    Status,
    Stream,
    Text,
    TextDelta,
    Thread,
    ThreadFacts,
    ToolNote,
)
from asstctl.store import Store, new_id

SHORTENINGS = 5
"""How often a thread is cut further before the window counts as too small for the prompt."""

Turn = dict[str, str]
"""A message as chat completions take it."""


class Model(Protocol):
    """Who completes a chat: a server or the embedded engine."""

    @property
    def window_characters(self) -> int | None:
        """How much of a thread is worth sending; None: the model says when it is too much."""

    @property
    def request_id(self) -> str | None:
        """What its server calls the last request."""

    @property
    def note(self) -> str | None:
        """What a user must know of the model."""

    def ready(self) -> Iterator[Progress]:
        """Raise ConfigError at once for what the user must set; iterating fetches the rest."""

    def complete(self, turns: list[Turn]) -> Generator[list[dict[str, Any]]]:
        """Give the chunks of a reply, in the batches in which they came."""

    def close(self) -> None:
        """Let go of the connection or the engine."""


def connect(
    settings: Settings, store: Store, environment: Mapping[str, str], data: Path
) -> "Local":
    """Give the backend for a profile: a server where `endpoint` is set, else the engine."""

    def model() -> Model:
        if settings.endpoint:
            return Server(settings, environment)
        from asstctl.backends._embedded import Engine  # the extra `local` may be missing

        return Engine(settings.model, data / "models", environment)

    return Local(store, model, settings)


class Local:
    """Threads in the store; a Backend. Who replies is not looked for before it is asked."""

    carries: tuple[type[Part], ...] = (Text, Image, File, Refusal, ToolNote)

    def __init__(self, store: Store, model: Callable[[], Model], settings: Settings) -> None:
        self._store = store
        self._make_model = model
        self._settings = settings
        self._noted = False

    @cached_property
    def _model(self) -> Model:
        return self._make_model()

    @property
    def request_id(self) -> str | None:
        """What the model's server calls the request of the last reply."""
        return self._model.request_id

    def check(self) -> None:
        """Demand a model that can reply."""
        self._model.ready()

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread in the store and give its id."""
        thread_id = new_id("local")
        self._store.remember(
            Thread(thread_id, "local", "", self._settings.profile, metadata=metadata)
        )
        return thread_id

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Store the prompt with a reply that counts as cut, stream it, store it as it ended."""
        fetching = self._model.ready()
        thread_id = thread_id or self.new_thread(metadata={})
        past = list(self._store.messages(thread_id))
        place = self._store.begin_turn(thread_id, prompt.text)
        text: list[str] = []
        status: Status = "cancelled"
        try:
            yield RunStarted(thread_id)
            yield from fetching
            with closing(self._reply(past, prompt)) as reply:
                for event in reply:
                    match event:
                        case TextDelta(piece):
                            text.append(piece)
                        case RunFinished(ending):
                            status = "completed" if ending == "completed" else "cut"
                    yield event
        except Exception:
            status = "cut" if text else "failed"
            raise
        finally:
            self._store.end_turn(thread_id, place, "".join(text), status)

    def _reply(self, past: Iterable[Message], prompt: Prompt) -> Stream:
        """Send as much of the thread as the model's window takes, and say what it did not take."""
        if self._model.note and not self._noted:
            self._noted = True
            yield Notice(self._model.note)
        instructions = self._settings.instructions
        system = [{"role": "system", "content": instructions}] if instructions else []
        *turns, last = conversation(past, prompt)
        always = len(last["content"]) + len(instructions or "")
        room = self._model.window_characters
        kept = turns
        for _ in range(SHORTENINGS):
            kept = newest(kept, None if room is None else room - always)
            if left_out := len(turns) - len(kept):
                yield Notice(
                    f"the model's window is full: it does not see the first"
                    f" {left_out} of the thread's {len(turns)} messages"
                )
            try:
                yield from retried(partial(self._completed, [*system, *kept, last]))
            except ContextExceededError as error:
                if not kept:
                    raise
                kept, room = kept[1:], smaller(error, [*system, *kept, last])
            else:
                return
        raise IncompleteError("the thread does not fit the model's window")

    def _completed(self, turns: list[Turn]) -> Stream:
        with closing(self._model.complete(turns)) as batches:
            yield from events(batches)

    def answer(self, outputs: Mapping[str, str]) -> NoReturn:  # noqa: ARG002 - a Backend's signature
        """Raise UnsupportedError: no tool is offered to the model."""
        raise UnsupportedError("the backend local answers no calls")

    def decline(self) -> None:
        """Do nothing: a call leaves nothing open."""

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first."""
        yield from self._store.messages(thread_id, last)

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread."""
        self._store.append(thread_id, list(messages))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a thread's messages."""
        return ThreadFacts(self._store.count(thread_id))

    def unlock(self, thread_id: str, *, wait: bool) -> None:  # noqa: ARG002 - a Backend's signature
        """Do nothing: a thread of our own is never locked."""
        self._store.count(thread_id)

    def recover(self, thread_id: str) -> Stream:
        """Give the last reply again: what is stored is all there is."""
        yield RunStarted(thread_id)
        found = list(self._store.messages(thread_id, last=1))
        if not found or found[0].role != "assistant":
            raise IncompleteError("the last prompt has no reply: the model was stopped before it")
        yield MessageStarted("assistant")
        yield TextDelta(found[0].text)
        if found[0].status != "completed":
            raise IncompleteError(
                f"the last reply is {found[0].status}, and there is no more of it"
            )
        yield RunFinished("completed")

    def delete(self, thread_id: str) -> None:
        """Do nothing: what the index forgets is gone."""

    def threads(self) -> NoReturn:
        """Raise UnsupportedError: the index is all there is."""
        raise UnsupportedError(
            "local threads are on no server", hint="asstctl threads list shows them all"
        )

    def assistants(self) -> NoReturn:
        """Raise UnsupportedError: who replies is in the profile."""
        raise UnsupportedError(
            "the backend local has no assistants: model and instructions are in the profile",
            hint="asstctl config show shows them",
        )

    def assistant(self, name: str | None) -> NoReturn:  # noqa: ARG002 - a Backend's signature
        """Raise UnsupportedError."""
        self.assistants()

    def close(self) -> None:
        """Let go of the model."""
        if "_model" in self.__dict__:
            self._model.close()


class Server:
    """A chat-completions server; a Model."""

    window_characters = None
    note = None

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        signing = credentials.signing(settings, environment)
        self._wire = Wire(settings.endpoint or "", signing, settings.timeout)
        self._name = settings.model

    @property
    def request_id(self) -> str | None:
        """What the server calls the last request."""
        return self._wire.request_id

    def ready(self) -> Iterator[Progress]:
        """Find out which model replies where the profile does not say."""
        self._name = self._name or self._only_model()
        return iter(())

    def _only_model(self) -> str:
        answer = self._wire.call("GET", "/models")
        listed = answer.get("data") if isinstance(answer, dict) else None
        listed = listed if isinstance(listed, list) else []
        names = [str(m.get("id")) for m in listed if isinstance(m, dict) and m.get("id")]
        if len(names) != 1:
            raise ConfigError(
                f"{self._wire.endpoint} has {len(names)} models: {', '.join(names[:10])}",
                hint="choose one with: asstctl config set model NAME",
            )
        return names[0]

    def complete(self, turns: list[Turn]) -> Generator[list[dict[str, Any]]]:
        """Post the chat and give the reply's chunks."""
        body = {
            "model": self._name,
            "messages": turns,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        with closing(self._wire.events("POST", "/chat/completions", body)) as batches:
            for batch in batches:
                chunks: list[dict[str, Any]] = []
                try:
                    chunks += (parsed(data) for _, data in batch)
                finally:
                    yield chunks  # what came before a broken event is not lost with it

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()


def conversation(past: Iterable[Message], prompt: Prompt) -> list[Turn]:
    """Give the thread as turns that alternate, the prompt last.

    A prompt that got no word of reply is left out; two turns of one role become one.
    """
    turns: list[Turn] = []
    for message in past:
        if message.role == "assistant" and not message.text:
            if turns and turns[-1]["role"] == "user":
                turns.pop()
            continue
        add(turns, message.role, message.text)
    add(turns, "user", prompt.text)
    return turns


def add(turns: list[Turn], role: str, text: str) -> None:
    """Add a turn, or what it says to the last one of the same role."""
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += "\n\n" + text
    else:
        turns.append({"role": role, "content": text})


def newest(turns: list[Turn], room: int | None) -> list[Turn]:
    """Give the newest turns that fit into `room` characters, from a user's turn on."""
    if room is None:
        return turns
    first = len(turns)
    while first and (room := room - len(turns[first - 1]["content"])) >= 0:
        first -= 1
    while first < len(turns) and turns[first]["role"] != "user":
        first += 1
    return turns[first:]


def smaller(error: ContextExceededError, turns: list[Turn]) -> int:
    """Say how many characters to try next, after these `turns` were too much."""
    sent = sum(len(turn["content"]) for turn in turns)
    share = error.window / error.tokens if error.window and error.tokens else 0.5
    return int(sent * min(share, 1.0) * 0.8)
