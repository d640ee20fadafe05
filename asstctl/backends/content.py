"""Content parts, as both wires write them, and as servers write them beside the description."""

from collections.abc import Mapping
from typing import Any

from asstctl._json import objects


def contents(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a message's content parts, in order, whatever shape they came in."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return objects(content)


def value(text: Any) -> str:
    """Return the words of a text part: a string, an object with `value`, or a list of either."""
    if isinstance(text, dict):
        text = text.get("value")
    return "".join(map(_words, text)) if isinstance(text, list) else _words(text)


def _words(text: Any) -> str:
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else ""


def part_text(part: Mapping[str, Any]) -> str:
    """Return the words of a part that is text or a refusal, "" for any other."""
    return value(part.get("text")) or value(part.get("refusal"))


def text_of(message: Mapping[str, Any]) -> str:
    """Return the words of a message object, refusals among them."""
    return "".join(part_text(part) for part in contents(message))


def dictionary(found: Any) -> dict[str, Any]:
    """Return an object, {} for whatever else stands in its place."""
    return found if isinstance(found, dict) else {}
