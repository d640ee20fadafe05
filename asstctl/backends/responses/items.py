"""The items of Conversations and Responses as messages, and messages as items.

Shapes as in the OpenAI API reference of Conversations; read as tolerantly as the threads wire.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from asstctl.backends.content import contents, part_text, value
from asstctl.model import File, Image, Message, Part, Refusal, Role, Text, ToolNote, moment

if TYPE_CHECKING:
    from openai.types.responses.easy_input_message_param import EasyInputMessageParam

OWN_TURNS = {"message", "reasoning"}
"""Kinds of items that are no tool's; a reasoning item is not part of what was said."""


def text(item: Mapping[str, Any]) -> str:
    """Return the words of a message item, refusals among them."""
    return "".join(part_text(part) for part in contents(item))


def parts(item: Mapping[str, Any]) -> Iterator[Part]:
    """Yield a message item's parts."""
    for part in contents(item):
        match str(part.get("type")):
            case "refusal":
                yield Refusal(value(part.get("refusal")))
            case "input_image" | "computer_screenshot":
                yield Image(str(part.get("file_id") or part.get("image_url") or ""))
            case "input_file":
                name = str(part.get("filename") or "")
                yield File(str(part.get("file_id") or part.get("file_url") or name), name)
            case _ if words := value(part.get("text")):
                yield Text(words)


def message(item: Mapping[str, Any]) -> Message | None:
    """Return an item as a message; None for one in which nobody speaks."""
    kind = str(item.get("type") or "message")
    if kind not in OWN_TURNS:
        found: tuple[Part, ...] = (ToolNote(note(kind, item)),)
    elif kind == "message" and item.get("role") in ("user", "assistant"):
        found = tuple(parts(item))
    elif kind == "message":  # a system's or developer's word to the model
        found = (ToolNote(f"{item.get('role')}: {text(item)}"),)
    else:
        return None
    role: Role = "user" if item.get("role") == "user" else "assistant"
    return Message(
        id=str(item.get("id") or ""),
        role=role,
        parts=found,
        created_at=moment(item.get("created_at")),
        status="cut" if item.get("status") == "incomplete" else "completed",
    )


def note(kind: str, item: Mapping[str, Any]) -> str:
    """Return a tool's turn as one line."""
    if kind.endswith("_output"):
        output = item.get("output")
        told = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        return f"{kind.removesuffix('_output')} gave {told}"
    if item.get("name"):
        return f"{item['name']}({item.get('arguments') or item.get('input') or ''})"
    asked = item.get("action") or item.get("queries") or item.get("code") or ""
    told = asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False)
    return " ".join(f"{kind.replace('_', ' ')} {told}".split())


def spoken(said: Message) -> "EasyInputMessageParam":
    """Return a message as the wire takes it."""
    return {"type": "message", "role": said.role, "content": said.text}
