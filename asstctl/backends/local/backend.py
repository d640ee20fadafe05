"""Threads in the store, and a model that replies to them."""

from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from asstctl.backends.local.chat import Chunks, events
from asstctl.backends.local.turns import (
    Turn,
    conversation,
    newest,
    replied,
    smaller,
    text_of,
)
from asstctl.backends.stream import again
from asstctl.config.settings import Settings
from asstctl.errors import ContextExceededError, IncompleteError, UnsupportedError
from asstctl.events import (
    Event,
    Notice,
    Progress,
    Prompt,
    RunFinished,
    RunStarted,
    Stream,
    TextDelta,
)
from asstctl.model import Message, ThreadFacts
from asstctl.parts import FileRef, Part, Text, ToolCall, data_url
from asstctl.store.messages import new_id
from asstctl.store.store import Store
from asstctl.tools import offered
from asstctl.wire.pages import readable

if TYPE_CHECKING:
    from asstctl.backends.carrying import Added

SHORTENINGS = 5
"""How often a thread is cut further before the window counts as too small for the prompt."""


class Model(Protocol):
    """A model that completes a chat: on a server, or embedded."""

    @property
    def window_characters(self) -> int | None:
        """How much of a thread is worth sending; None: the model says when it is too much."""

    @property
    def request_id(self) -> str | None:
        """Its server's name for the last request."""

    @property
    def note(self) -> str | None:
        """A warning that a user of the model needs."""

    @property
    def takes_files(self) -> bool:
        """Whether images and documents may be sent: the model's server judges them then."""

    def ready(self) -> Iterator[Progress]:
        """Raise ConfigError at once for a setting that is missing; iterating fetches the rest."""

    def complete(
        self, turns: list[Turn], tools: Sequence[Mapping[str, Any]] | None
    ) -> Generator[Event | Chunks]:
        """Yield the chunks of a reply, in the batches in which they came."""

    def models(self) -> list[str]:
        """Return the names of the models that are there; raises as complete does."""

    def close(self) -> None:
        """Close the connection or the engine."""


class Local:
    """Threads in the store; a Backend. The model is made when it is first asked."""

    takes = None

    def __init__(self, store: Store, model: Callable[[], Model], settings: Settings) -> None:
        self._messages = store.messages
        self._files = store.files
        self._waiting: list[Turn] | None = None  # what an answer to calls would follow
        self._make_model = model
        self._settings = settings
        self._noted = False

    @cached_property
    def _model(self) -> Model:
        return self._make_model()

    @property
    def request_id(self) -> str | None:
        """The name that the model's server gives the request of the last reply."""
        return self._model.request_id

    def check(self) -> None:
        """Raise ConfigError unless a model can reply."""
        self._model.ready()

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Return the id of a thread that is there once the index has it."""
        return new_id("local")

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Stream the reply to a prompt; the turn itself is kept by the caller."""
        if prompt.files and not self._model.takes_files:
            raise UnsupportedError(
                "the embedded model takes text alone",
                hint="an endpoint in the profile names a server whose model takes images",
            )
        fetching = self._model.ready()
        past, broken = readable(self._messages.of((thread_id, ""))) if thread_id else ([], None)
        yield RunStarted(thread_id or self.new_thread(metadata={}))
        if broken:
            yield Notice(f"{broken.message}: the model does not see them")
        yield from fetching
        yield from self._reply(thread_id or "", past, prompt)

    def _reply(self, thread_id: str, past: Sequence[Message], prompt: Prompt) -> Stream:
        """Send as much of the thread as the model's window takes; a notice names the rest."""
        if self._model.note and not self._noted:
            self._noted = True
            yield Notice(self._model.note)
        instructions = self._settings.instructions
        system = [{"role": "system", "content": instructions}] if instructions else []
        *turns, last = conversation(past, prompt.message, partial(self._contents, thread_id))
        always = len(text_of(last)) + len(instructions or "")
        room = self._model.window_characters
        kept = turns
        for _ in range(SHORTENINGS):
            kept = newest(kept, None if room is None else room - always)
            if left_out := len(turns) - len(kept):
                yield Notice(
                    f"the model's window is full: it does not see the first"
                    f" {left_out} of the thread's {len(turns)} messages"
                )
            sent = [*system, *kept, last]
            try:
                yield from self._complete(sent)
            except ContextExceededError as error:
                if not kept:
                    raise
                kept, room = kept[1:], smaller(error, sent)
            else:
                return
        raise IncompleteError("the thread does not fit the model's window")

    def _complete(self, sent: list[Turn]) -> Stream:
        """Stream a completion, and remember what an answer to its calls would follow."""
        texts: list[str] = []
        calls: list[ToolCall] = []
        with closing(self._model.complete(sent, offered(self._settings.tools))) as batches:
            for event in events(batches):
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                elif isinstance(event, ToolCall):
                    calls.append(event)
                yield event
        said = Message("", "assistant", (Text("".join(texts)), *calls))
        self._waiting = [*sent, *replied(said, {call.id for call in calls})] if calls else None

    def _contents(self, thread_id: str, file: FileRef) -> str | None:
        """Return the URL of an image's contents: a data URL of what is kept here, or its own."""
        found = self._files.resolved((thread_id, ""), file)
        data = self._files.contents(found)
        if data is None:
            return file.url or None
        return data_url(found.media_type or "image/png", data)

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls of the last completion, and stream what follows."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            told = [
                {"role": "tool", "tool_call_id": call, "content": output}
                for call, output in outputs.items()
            ]
            yield from self._complete([*waiting, *told])

    def decline(self) -> None:
        """Do nothing: a call leaves nothing open."""
        self._waiting = None

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first."""
        yield from self._messages.of((thread_id, ""), last, raw=True)

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return {}: no service has the thread."""
        return {}

    def runs(self, thread_id: str, known: Container[str]) -> Iterator[Mapping[str, Any]]:
        """Yield nothing."""
        return iter(())

    def file(self, file_id: str, container: str = "") -> NoReturn:
        """Raise UnsupportedError: no service has files of the thread."""
        raise UnsupportedError("the thread is on no server")

    def content(self, file_id: str, container: str = "") -> NoReturn:
        """Raise UnsupportedError."""
        self.file(file_id)

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add messages at the end of a thread."""
        from asstctl.backends.carrying import Added

        return Added(self._messages.append((thread_id, ""), messages))

    def upload(self, kind: type[Part], file: FileRef, path: Path) -> NoReturn:
        """Raise UnsupportedError."""
        self.file(file.id)

    def uploads(self, kind: type[Part], file: FileRef, made: tuple[float, float]) -> NoReturn:
        """Raise UnsupportedError."""
        self.file(file.id)

    def delete_file(self, file_id: str) -> NoReturn:
        """Raise UnsupportedError."""
        self.file(file_id)

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a thread's messages."""
        return ThreadFacts(self._messages.count((thread_id, "")))

    def unlock(self, thread_id: str, *, wait: bool) -> None:
        """Do nothing: a thread of our own is never locked. Raises NotFoundError."""
        self._messages.count((thread_id, ""))

    def recover(self, thread_id: str) -> Stream:
        """Stream the last reply again: there is no more of it than is stored."""
        found = list(self._messages.of((thread_id, ""), last=1))
        if not found or found[0].role != "assistant":
            raise IncompleteError("the last prompt has no reply: the model was stopped before it")
        yield from again(thread_id, found[0].text)
        if found[0].status != "completed":
            raise IncompleteError(
                f"the last reply is {found[0].status}, and there is no more of it"
            )
        yield RunFinished("completed")

    def delete(self, thread_id: str) -> None:
        """Do nothing: a thread that the index forgets is gone."""

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Do nothing: the store deletes it."""

    def threads(self) -> NoReturn:
        """Raise UnsupportedError: the index is all there is."""
        raise UnsupportedError(
            "local threads are on no server", hint="asstctl threads list shows them all"
        )

    def models(self) -> list[str]:
        """Return the names of the models that can reply."""
        return self._model.models()

    def assistants(self) -> NoReturn:
        """Raise UnsupportedError: the model is in the profile."""
        raise UnsupportedError(
            "the backend local has no assistants: model and instructions are in the profile",
            hint="asstctl config show shows them",
        )

    def assistant(self, name: str | None) -> NoReturn:
        """Raise UnsupportedError."""
        self.assistants()

    def close(self) -> None:
        """Close the model."""
        if "_model" in self.__dict__:
            self._model.close()
