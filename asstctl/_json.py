"""JSON from outside, with text that UTF-8 can hold."""

import json
from collections.abc import Callable
from typing import Any

import jiter


def loads(data: bytes) -> Any:
    """Read JSON; raises ValueError, and RecursionError where it is nested too deeply."""
    try:
        return jiter.from_json(data)
    except ValueError:
        return _sound(_patient(data))


def loads_piece(data: bytes) -> Any:
    """Read JSON of a piece of text; half a surrogate pair is kept for the next piece."""
    try:
        return jiter.from_json(data)
    except ValueError:
        return _patient(data)


def _patient(data: bytes) -> Any:
    """Read JSON that jiter refuses: surrogates alone, bytes that are not UTF-8, deeper nests."""
    return json.loads(data.decode("utf-8-sig", "replace"))


def _sound(found: Any) -> Any:
    if isinstance(found, str):
        return sound(found)
    if isinstance(found, list):
        return [_sound(item) for item in found]
    if isinstance(found, dict):
        return {sound(key): _sound(value) for key, value in found.items()}
    return found


def mapped(found: Any, change: Callable[[str], str]) -> Any:
    """Return JSON with every text in it changed, names of fields left out."""
    if isinstance(found, str):
        return change(found)
    if isinstance(found, list):
        return [mapped(one, change) for one in found]
    if isinstance(found, dict):
        return {key: mapped(value, change) for key, value in found.items()}
    return found


def sound(text: str) -> str:
    """Return text that UTF-8 can hold: surrogates that JSON escapes alone become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def halved(text: str) -> tuple[str, str]:
    """Return a piece of text, and the half of a surrogate pair that it ends with, "" or one."""
    return (text[:-1], text[-1]) if text and "\ud800" <= text[-1] <= "\udbff" else (text, "")


def objects(listed: Any) -> list[dict[str, Any]]:
    """Return the objects in what should be a list of them, each `named`."""
    if not isinstance(listed, list):
        return []
    return [named(item) for item in listed if isinstance(item, dict)]


IDS = ("id", "run_id", "thread_id", "call_id")
"""Fields that name things, and are text."""


def named(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object whose ids are no lists and no objects: those become text."""
    for field in IDS:
        if isinstance(item.get(field), list | dict):
            item = {**item, field: json.dumps(item[field])}
    return item
