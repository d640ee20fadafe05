"""A chat-completions server that replies to our own threads."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from asstctl import credentials
from asstctl.backends import World
from asstctl.backends.local.chat import Chunks, demanded, ends, parsed
from asstctl.backends.local.turns import Turn
from asstctl.backends.meanings import MEANINGS
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError, ConfigError
from asstctl.events import Event, Progress
from asstctl.wire.pages import NO_PATH, models
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import extended, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.chat import (
        ChatCompletionFunctionToolParam as ChatCompletionToolParam,
    )
    from openai.types.chat import ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
    from openai.types.shared_params import FunctionDefinition


CHATS = "chat completions"
"""The name of an ability in the store's table."""


class Server:
    """A chat-completions server; a Model."""

    window_characters = None
    note = None
    takes_files = True

    def __init__(
        self, settings: Settings, world: World, shape: Mapping[str, Any] | None = None
    ) -> None:
        signing = credentials.signing(settings, world.environment)
        self._wire = Wire(
            settings.endpoint or "",
            signing,
            settings.timeout,
            tell=world.tell,
            meanings=MEANINGS,
        )
        self._abilities = world.store.abilities
        self._name = settings.model
        self._shape = shape
        self._command = settings.command

    @property
    def request_id(self) -> str | None:
        """The server's name for the last request."""
        return self._wire.request_id

    def ready(self) -> Iterator[Progress]:
        """Find the model if none is set; raises ConfigError unless the server has exactly one."""
        self._name = self._name or self._only_model()
        return iter(())

    def models(self) -> list[str]:
        """Return the names of the server's models."""
        return models(self._wire)

    def _only_model(self) -> str:
        names = self.models()
        if len(names) != 1:
            raise ConfigError(
                f"{self._wire.endpoint} has {len(names)} models: {', '.join(names[:10])}",
                hint=f"choose one with: {self._command} config set model NAME",
            )
        return names[0]

    def complete(
        self, turns: list[Turn], tools: Sequence[Mapping[str, Any]] | None
    ) -> Generator[Event | Chunks]:
        """Post the chat and yield the reply's chunks, in the batches in which they come.

        A server that has no chat completions is asked for a response that it does not store.
        """
        place = self._wire.endpoint
        if self._abilities.has(place, CHATS) is not False:
            try:
                yield from self._chat(turns, tools)
            except AsstctlError as error:
                if error.status not in NO_PATH or "model" in error.message.lower():
                    raise
                refused = error
            else:
                return
        else:
            refused = None
        from asstctl.backends.local.stateless import complete  # few servers need it

        try:
            yield from complete(self._wire, self._name or "", turns, tools, self._shape)
        except AsstctlError as error:
            if refused and error.status in NO_PATH:
                raise refused from None
            raise
        if refused:  # now it is proved that the path was the cause
            self._abilities.note(place, CHATS, has=False)

    def _chat(
        self, turns: list[Turn], tools: Sequence[Mapping[str, Any]] | None
    ) -> Generator[Event | Chunks]:
        body: CompletionCreateParamsStreaming = {
            "model": self._name or "",
            "messages": cast("list[ChatCompletionMessageParam]", turns),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if told := [function(tool) for tool in tools or () if tool.get("type") == "function"]:
            body["tools"] = told
        whole = extended(body, demanded(self._shape))
        request = post("/chat/completions", whole, Purpose.COMPLETION)
        with closing((yield from self._wire.stream(request))) as batches:
            for batch in batches:
                chunks = Chunks()
                try:
                    chunks += (parsed(data) for _, data in batch)
                finally:
                    yield chunks  # what came before a broken event is not lost with it
                if any(map(ends, chunks)):
                    batches.ending()

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()


def function(tool: Mapping[str, Any]) -> "ChatCompletionToolParam":
    """Return a function as chat completions take it: its facts stand one level deeper."""
    facts = {key: value for key, value in tool.items() if key not in ("type", "strict")}
    return {"type": "function", "function": cast("FunctionDefinition", facts)}
