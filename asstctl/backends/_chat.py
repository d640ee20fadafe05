"""What a chat completion's stream says: the chunks of OpenAI's chat completions, and dialects."""

from collections.abc import Iterable, Mapping
from typing import Any

from asstctl._json import loads_piece, sound
from asstctl.backends._wire import refusal, understood
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import (
    Ending,
    MessageStarted,
    ReasoningDelta,
    RunFinished,
    Stream,
    TextDelta,
    Usage,
)

ENDINGS: Mapping[str, Ending] = {
    "length": "length",
    "content_filter": "filtered",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
}
"""What a `finish_reason` means; every other one is a whole answer."""


def events(batches: Iterable[list[dict[str, Any]]]) -> Stream:
    """Translate the chunks of a chat completion: one TextDelta a batch.

    Raises what an `error` chunk means, and IncompleteError where nothing said that it ended.
    """
    reply = Completion()
    started = False
    for batch in batches:
        wrong = reply.read(batch)
        if not started and not wrong:
            started = True
            yield MessageStarted("assistant")
        if thought := reply.taken_thoughts():
            yield ReasoningDelta(thought)
        if text := reply.taken_text():
            yield TextDelta(text)
        if wrong:
            raise wrong
    if reply.reason is None:
        raise IncompleteError("the reply broke off: the server closed the stream", retryable=True)
    yield RunFinished(ENDINGS.get(reply.reason, "completed"), reply.usage)


class Completion:
    """A reply as far as its chunks were read; `reason` says that it ended, and why."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.usage: Usage | None = None
        self._text: list[str] = []
        self._thoughts: list[str] = []

    def read(self, batch: list[dict[str, Any]]) -> AsstctlError | None:
        """Take in chunks up to one that is wrong; gives what is wrong with it."""
        for chunk in batch:
            if refused := chunk.get("error"):
                status = refused.get("code") if isinstance(refused, dict) else None
                return refusal({"error": refused}, status if isinstance(status, int) else None)
            try:
                with understood():
                    self._chunk(chunk)
            except IncompleteError as error:
                return error
        return None

    def _chunk(self, chunk: Mapping[str, Any]) -> None:
        self.usage = counted(chunk.get("usage")) or self.usage
        if chunk.get("done") is True:
            self.reason = self.reason or "stop"
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            self._text.append(words(delta.get("content") or delta.get("refusal")))
            self._text.append(words(choice.get("text")))
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            self._thoughts.append(words(thought))
            if choice.get("finish_reason"):
                self.reason = str(choice["finish_reason"])

    def taken_text(self) -> str:
        """Give the text since the last time."""
        text, self._text = "".join(self._text), []
        return sound(text)

    def taken_thoughts(self) -> str:
        """Give what the model thought since the last time."""
        text, self._thoughts = "".join(self._thoughts), []
        return sound(text)


def parsed(data: bytes) -> dict[str, Any]:
    """Read one chunk; raises IncompleteError where it is not a JSON object."""
    if data.strip() == b"[DONE]":
        return {"done": True}
    try:
        chunk = loads_piece(data)
    except (ValueError, RecursionError) as error:
        raise IncompleteError("the stream broke off inside an event") from error
    if not isinstance(chunk, dict):
        raise IncompleteError("the server sent an event that is not a chunk of a chat")
    return chunk


def words(content: Any) -> str:
    """Give the text of a `content`: a string, null, or a list of parts."""
    if isinstance(content, list):
        return "".join(words(part.get("text")) for part in content)
    return content if isinstance(content, str) else ""


def counted(usage: Any) -> Usage | None:
    """Read a `usage` object."""
    if not isinstance(usage, dict):
        return None
    return Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
