"""JSON from outside, with text that UTF-8 can hold."""

import json
import re
from typing import Any

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a character beyond the first 65,536, as JSON escapes it; alone it is no text."""


def loads(data: bytes) -> Any:
    """Read JSON; raises ValueError, and RecursionError where it is nested too deeply."""
    found = json.loads(data)
    return _sound(found) if SURROGATE.search(data) else found


def _sound(found: Any) -> Any:
    if isinstance(found, str):
        return sound(found)
    if isinstance(found, list):
        return [_sound(item) for item in found]
    if isinstance(found, dict):
        return {sound(key): _sound(value) for key, value in found.items()}
    return found


def sound(text: str) -> str:
    """Give text that UTF-8 can hold: surrogates that JSON escapes alone become U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
