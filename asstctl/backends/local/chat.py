"""A chat completion, read from its stream: OpenAI's chunks, and dialects of them."""

from collections.abc import Iterable, Mapping
from typing import Any

from asstctl._json import halved, loads_piece, objects, sound
from asstctl.backends.content import dictionary
from asstctl.backends.stream import counted, failed, understood
from asstctl.endings import WORDS, Ending
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import (
    Event,
    MessageStarted,
    ReasoningDelta,
    RunFinished,
    Stream,
    TextDelta,
    Usage,
)
from asstctl.parts import ToolCall
from asstctl.wire.sse import END


class Chunks(list[dict[str, Any]]):
    """Chunks of a reply that came at once."""


def events(batches: Iterable[Event | Chunks]) -> Stream:
    """Translate the chunks of a chat completion, one TextDelta a batch; pass events on.

    Raises what an `error` chunk means, and IncompleteError where nothing said that it ended.
    """
    reply = Completion()
    started = ended = False
    for batch in batches:
        if not isinstance(batch, Chunks):
            ended = isinstance(batch, RunFinished)
            yield batch
            continue
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
    if ended:
        return
    if reply.reason is None:
        raise IncompleteError("the reply broke off: the server closed the stream", retryable=True)
    for call in reply.calls.values():
        yield ToolCall(*map("".join, call))
    ending: Ending = "tool_call" if reply.calls else WORDS.get(reply.reason, "completed")
    early = None if ending == "completed" else reply.reason
    yield RunFinished(ending, reply.usage, early)


class Completion:
    """A reply as far as its chunks were read; `reason` is set once it ended, to why."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.usage: Usage | None = None
        self.calls: dict[int, tuple[list[str], list[str], list[str]]] = {}
        # by index, the pieces of each call's id, name and arguments
        self._text: list[str] = []
        self._thoughts: list[str] = []

    def read(self, batch: Chunks) -> AsstctlError | None:
        """Read chunks up to one that is wrong; return the error that it means."""
        for chunk in batch:
            if refused := chunk.get("error"):
                return None if self.reason else failed("reply", refused)
            try:
                with understood():
                    self._chunk(chunk)
            except IncompleteError as error:
                return error
        return None

    def _chunk(self, chunk: Mapping[str, Any]) -> None:
        usage = counted(chunk.get("usage"), "prompt_tokens", "completion_tokens")
        self.usage = usage or self.usage
        if chunk.get("done") is True:
            self.reason = self.reason or "stop"
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            self._text.append(words(delta.get("content") or delta.get("refusal")))
            self._text.append(words(choice.get("text")))
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            self._thoughts.append(words(thought))
            for place, call in enumerate(objects(delta.get("tool_calls"))):
                self._call(call, place)
            if choice.get("finish_reason"):
                self.reason = str(choice["finish_reason"])

    def _call(self, call: Mapping[str, Any], place: int) -> None:
        """Read a piece of a call; some servers say another id in each, so the first one counts."""
        index = call.get("index")
        identity, name, arguments = self.calls.setdefault(
            index if isinstance(index, int) else place, ([], [], [])
        )
        function = dictionary(call.get("function"))
        if not identity and call.get("id"):
            identity.append(str(call["id"]))
        if not name and function.get("name"):
            name.append(str(function["name"]))
        arguments.append(words(function.get("arguments")))

    def taken_text(self) -> str:
        """Return the text since the last call; half a surrogate pair waits for the other half."""
        text, half = halved("".join(self._text))
        self._text = [half] if half else []
        return sound(text)

    def taken_thoughts(self) -> str:
        """Return the reasoning since the last call."""
        text, self._thoughts = "".join(self._thoughts), []
        return sound(text)


def demanded(shape: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the part of a request that demands a reply of a shape, {} for none."""
    return {"response_format": {"type": "json_schema", "json_schema": shape}} if shape else {}


def parsed(data: bytes) -> dict[str, Any]:
    """Read one chunk; raises IncompleteError where it is not a JSON object."""
    if data.strip() == END:
        return {"done": True}
    try:
        chunk = loads_piece(data)
    except (ValueError, RecursionError) as error:
        raise IncompleteError("the stream broke off inside an event") from error
    if not isinstance(chunk, dict):
        raise IncompleteError("the server sent an event that is not a chunk of a chat")
    return chunk


def ends(chunk: Mapping[str, Any]) -> bool:
    """Return whether a chunk says that the reply has ended: usage and the end mark may follow."""
    return any(choice.get("finish_reason") for choice in objects(chunk.get("choices")))


def words(content: Any) -> str:
    """Return the text of a `content`: a string, null, or a list of parts."""
    if isinstance(content, list):
        return "".join(words(part.get("text")) for part in content)
    return content if isinstance(content, str) else ""
