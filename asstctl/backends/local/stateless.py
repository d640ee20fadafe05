"""A server of Responses that replies to our own threads, and keeps nothing of them."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from asstctl.backends.local.turns import Turn, pieces
from asstctl.backends.responses.response import Response
from asstctl.errors import IncompleteError
from asstctl.events import HIDDEN, Event
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import extended, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
    from openai.types.responses.response_input_item_param import ResponseInputItemParam


def complete(
    wire: Wire,
    model: str,
    turns: list[Turn],
    tools: Sequence[Mapping[str, Any]] | None,
    shape: Mapping[str, Any] | None = None,
) -> Generator[Event]:
    """Post a chat as one response that is not stored, and yield the events of the reply.

    Raises IncompleteError where the stream ends before the reply.
    """
    said = [item for turn in turns for item in _items(turn)]
    body: ResponseCreateParamsStreaming = {
        "model": model,
        "input": cast("list[ResponseInputItemParam]", said),
        "stream": True,
        "store": False,
    }
    response = Response("", announced=True)
    beside: dict[str, object] = {"tools": tools}
    if shape:
        beside["text"] = {"format": {"type": "json_schema", **shape}}
    request = post("/responses", extended(body, beside), Purpose.COMPLETION)
    with closing((yield from wire.stream(request))) as batches:
        for batch in batches:
            yield from _shown(response.read(batch))
            if response.final:
                batches.ending()
    if not response.final:
        raise IncompleteError("the reply broke off: the server closed the stream", retryable=True)
    yield from response.end()


def _shown(events: Iterator[Event]) -> Iterator[Event]:
    """Yield events but those about what a server keeps."""
    return (event for event in events if not isinstance(event, HIDDEN))


def _items(turn: Turn) -> Iterator[dict[str, Any]]:
    """Yield a turn of a chat as the items that Responses take."""
    if turn["role"] == "tool":
        output = {"call_id": turn["tool_call_id"], "output": turn["content"]}
        yield {"type": "function_call_output", **output}
        return
    heard = turn["role"] == "assistant"
    content = [_part(part, heard=heard) for part in pieces(turn["content"])]
    if turn["content"]:
        yield {"type": "message", "role": turn["role"], "content": content}
    for call in turn.get("tool_calls", ()):
        facts = {"call_id": call["id"], **call["function"]}
        yield {"type": "function_call", **facts}


def _part(part: Mapping[str, Any], *, heard: bool) -> dict[str, Any]:
    if part["type"] == "image_url":
        return {"type": "input_image", "image_url": part["image_url"]["url"], "detail": "auto"}
    return {"type": "output_text" if heard else "input_text", "text": part["text"]}
