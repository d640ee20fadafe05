"""The items of Conversations and Responses as messages.

Shapes as in the OpenAI API reference of Conversations; read as tolerantly as the threads wire.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args

from asstctl._json import objects
from asstctl.backends.content import contents, dictionary, part_text, value
from asstctl.model import Message, Role, moment
from asstctl.parts import (
    Citation,
    Code,
    File,
    FileRef,
    Image,
    Other,
    Part,
    Reasoning,
    Refusal,
    Search,
    Text,
    ToolCall,
    ToolResult,
    words,
)

MARKER = re.compile(r"【[^【】]{1,80}】")
"""The marks that annotations point to in the text; other spans are no marks."""


def message(item: Mapping[str, Any]) -> Message:
    """Return an item as a message."""
    role = item.get("role")
    return Message(
        id=str(item.get("id") or ""),
        role=cast("Role", role) if role in get_args(Role) else "assistant",
        parts=tuple(parts(item)),
        created_at=moment(item.get("created_at")),
        status="cut" if item.get("status") == "incomplete" else "completed",
        raw=item,
    )


def parts(item: Mapping[str, Any]) -> Iterator[Part]:  # noqa: C901 - one case for each kind
    """Yield an item's parts."""
    kind = str(item.get("type") or "message")
    identity = value(item.get("call_id") or item.get("id"))
    match kind:
        case "message":
            yield from map(_content, contents(item))
        case "reasoning":
            thought = (*objects(item.get("summary")), *objects(item.get("content")))
            yield Reasoning("\n\n".join(map(part_text, thought)))
        case "code_interpreter_call":
            yield Code(value(item.get("code")), tuple(_outputs(item)))
        case "file_search_call":
            yield Search(
                "file_search", _queries(item), tuple(map(_found, objects(item.get("results"))))
            )
        case "web_search_call":
            action = dictionary(item.get("action"))
            asked = _queries(action) or tuple(filter(None, (value(action.get("url")),)))
            found = (Citation(url=value(one.get("url"))) for one in objects(action.get("sources")))
            yield Search("web_search", asked, tuple(found))
        case "image_generation_call":
            yield Image(FileRef(identity, media_type=f"image/{item.get('output_format') or 'png'}"))
        case "mcp_call":
            name = f"{item.get('server_label')}.{item.get('name')}"
            yield ToolCall(identity, name, value(item.get("arguments")))
            answer = item.get("output") if item.get("error") is None else item["error"]
            if answer is not None:
                yield ToolResult(identity, _told(answer))
        case "function_call" | "custom_tool_call":
            told = item.get("arguments") or item.get("input") or ""
            yield ToolCall(identity, value(item.get("name")), _told(told))
        case _ if kind.endswith("_output"):
            yield ToolResult(identity, _output(item.get("output")))
        case _:
            known = ("action", "queries", "operation", "arguments", "name", "tools")
            told = next((item[key] for key in known if item.get(key)), "")
            yield Other(kind, _told(told))


def _content(part: Mapping[str, Any]) -> Part:
    """Return a part of a message item's content."""
    kind = str(part.get("type"))
    match kind:
        case "refusal":
            return Refusal(value(part.get("refusal")))
        case "input_image" | "computer_screenshot":
            file = FileRef(value(part.get("file_id")), value(part.get("image_url")))
            return Image(file, value(part.get("detail")))
        case "input_file":
            data = value(part.get("file_data"))
            url = value(part.get("file_url")) or (data if data.startswith("data:") else "")
            return File(FileRef(value(part.get("file_id")), url, value(part.get("filename"))))
        case _ if "text" in part:
            words = value(part.get("text"))
            notes = (citation(note, words) for note in objects(part.get("annotations")))
            return Text(words, tuple(filter(None, notes)))
        case _:
            return Other(kind, "")


def citation(note: Mapping[str, Any], words: str) -> Citation | None:
    """Return an annotation as a source of a text; None for one that names none."""
    start, end = note.get("start_index"), note.get("end_index")
    marker = words[start:end] if isinstance(start, int) and isinstance(end, int) else ""
    if isinstance(index := note.get("index"), int) and index >= 0:
        marker = mark[0] if (mark := MARKER.match(words, index)) else marker
    found = Citation(
        marker=marker if MARKER.fullmatch(marker) else "",
        id=value(note.get("file_id")),
        url=value(note.get("url")),
        title=value(note.get("title") or note.get("filename")),
    )
    return found if found.id or found.url else None


def _outputs(item: Mapping[str, Any]) -> Iterator[Text | Image]:
    for output in objects(item.get("outputs")):
        url = value(output.get("url"))
        yield Image(FileRef(url=url)) if url else Text(value(output.get("logs")))


def _queries(found: Mapping[str, Any]) -> tuple[str, ...]:
    asked = found.get("queries")
    if isinstance(asked, list):
        return tuple(map(value, asked))
    return tuple(filter(None, (value(found.get("query")),)))


def _found(result: Mapping[str, Any]) -> Citation:
    return Citation(
        id=value(result.get("file_id")),
        title=value(result.get("filename")),
        quote=value(result.get("text")),
    )


def _output(found: Any) -> str:
    """Return what a tool said: a text, the words of its parts, or anything else as JSON."""
    parts = objects(found)
    if parts and all(str(part.get("type")).startswith("input_") for part in parts):
        return "\n".join(words(_content(part)) for part in parts)
    return _told(found)


def _told(found: Any) -> str:
    """Return a text as it is, and anything else as JSON."""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
