"""Messages as the items that Conversations and Responses take.

Shapes as in the OpenAI API reference of Responses, input items.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from asstctl.backends.carrying import Takes
from asstctl.backends.responses import calls
from asstctl.model import Message
from asstctl.parts import Citation, File, Image, Part, Refusal, Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

    Item = ResponseInputItemParam

NAMED = (
    "reasoning",
    "file_search_call",
    "web_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "mcp_approval_request",
    "local_shell_call",
    "local_shell_call_output",
    "computer_call",
    "compaction",
)
"""Items that are written whole, with their ids: the wire demands them."""

UNNAMED = (
    "mcp_approval_response",
    "tool_search_call",
    "tool_search_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "computer_call_output",
)
"""Items that are written whole, without ids."""

SERVERS = ("created_at", "created_by", "object", "agent", "response_id")
"""Fields of items that only the server writes."""

TAKES = Takes(
    {
        "user": (Text, Image, File),
        "assistant": (Text, Refusal, ToolCall, ToolResult),
        "system": (Text,),
        "developer": (Text,),
    },
    links=(Image, File),
    items=(*NAMED, *UNNAMED),
    apart=True,
    sources=True,
    longest=10_485_760,
    inline=True,
)

PURPOSES: Mapping[type[Part], str] = {Image: "vision", File: "user_data"}
"""The purposes of uploaded files, in the service's words."""


def item(message: Message) -> "Item":
    """Return a message as one item."""
    raw = message.raw or {}
    kind = str(raw.get("type"))
    match message.parts:
        case (ToolResult(call_id, output),) if kind.endswith("_output") and "output" not in raw:
            return calls.answer(kind.removesuffix("_output"), call_id, output)
    if kind == "function_call_output" and isinstance(raw.get("output"), list):
        said = {"type": kind, "call_id": raw.get("call_id"), "output": raw["output"]}
        return cast("Item", said)
    if kind in TAKES.items:
        left_out = SERVERS if raw["type"] in NAMED else (*SERVERS, "id", "status")
        whole = {k: v for k, v in raw.items() if v is not None and k not in left_out}
        return cast("Item", whole)
    if len(message.parts) == 1 and (tool := tools_turn(message.parts[0])):
        return tool
    return spoken(message)


def tools_turn(part: Part) -> "Item | None":
    """Return a call or its result as an item, None for any other part."""
    match part:
        case ToolCall(call_id, name, arguments) if call_id and name:
            return {
                "type": "function_call",
                "call_id": call_id,
                "name": name,
                "arguments": arguments,
            }
        case ToolResult(call_id, output) if call_id:
            return {"type": "function_call_output", "call_id": call_id, "output": output}
        case _:
            return None


CALLABLE = re.compile(r"[\w-]{1,64}", re.ASCII)
"""A name that a function may have."""


def whole_calls(said: Iterable[Message]) -> set[str]:
    """Return the ids of the functions' calls in some messages that are answered there."""
    called: set[str] = set()
    answered: set[str] = set()
    for part in (part for message in said for part in message.parts):
        match part:
            case ToolCall(identity, name) if CALLABLE.fullmatch(name):
                called.add(identity)
            case ToolResult(identity) if identity in called:
                answered.add(identity)
    return answered


def again(said: Message, answered: Container[str]) -> "Iterator[Item]":
    """Yield the items that say a message again to a server that does not know it.

    Replies go as mere text, which every server takes; calls only where they are `answered`.
    """
    parts = tuple(part for part in said.parts if isinstance(part, Text) or placed(part))
    if said.role == "user" and any(map(placed, parts)):
        yield spoken(replace(said, parts=parts))
    elif said.text:
        yield {"type": "message", "role": said.role, "content": said.text}
    for part in said.parts:
        if (tool := tools_turn(part)) and tool.get("call_id") in answered:
            yield tool


def placed(part: Part) -> bool:
    """Return whether a part is an image or a file that the server can have."""
    return isinstance(part, Image | File) and bool(part.file.id or part.file.url)


def spoken(said: Message) -> "Item":
    """Return the words of a message, with its images and files, as an item.

    One text is a mere string, as every server takes it.
    """
    spoken = [part for part in said.parts if not isinstance(part, ToolCall | ToolResult)]
    plain = all(isinstance(part, Text) and not part.citations for part in spoken)
    content = said.text if plain else list(contents(spoken, said.role))
    return cast("Item", {"type": "message", "role": said.role, "content": content})


def contents(parts: Iterable[Part], role: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of a message's content."""
    for part in parts:
        match part:
            case Text(text, citations) if role == "assistant":
                notes = [note(citation, text) for citation in citations]
                yield {"type": "output_text", "text": text, "annotations": notes}
            case Text(text):
                yield {"type": "input_text", "text": text}
            case Refusal(text) if role == "assistant":
                yield {"type": "refusal", "refusal": text}
            case Image(file, detail):
                where = {"file_id": file.id} if file.id else {"image_url": file.url}
                yield {"type": "input_image", **where, "detail": detail or "auto"}
            case File(file) if file.id:
                yield {"type": "input_file", "file_id": file.id}
            case File(file):
                field = "file_data" if file.url.startswith("data:") else "file_url"
                name = {"filename": file.name} if file.name and field == "file_data" else {}
                yield {"type": "input_file", field: file.url, **name}


def note(citation: Citation, text: str) -> dict[str, Any]:
    """Return a source of a text as an annotation, at its mark, else at the end."""
    start = text.find(citation.marker) if citation.marker else len(text)
    start = len(text) if start < 0 else start
    if citation.url:
        return {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": start,
            "end_index": start + len(citation.marker),
        }
    return {
        "type": "file_citation",
        "file_id": citation.id,
        "filename": citation.title,
        "index": start,
    }
