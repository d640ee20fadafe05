"""The short texts that stand for parts which a server can't take."""

from collections.abc import Mapping

from asstctl.parts import (
    Code,
    File,
    Image,
    Other,
    Part,
    Reasoning,
    Refusal,
    Search,
    ToolCall,
    ToolResult,
    words,
)

NAMES: Mapping[type, str] = {
    Image: "image",
    File: "file",
    Refusal: "refusal",
    ToolCall: "tool call",
    ToolResult: "tool result",
    Code: "code run",
    Search: "search",
    Reasoning: "reasoning",
    Other: "other part",
}
"""Kinds of parts beside text, in words."""


def placeholder(part: Part) -> str:
    """Return a short text for a part: its contents are never among it, except a refusal's words."""
    match part:
        case ToolCall(_, name):
            return f"[tool call {name}]"
        case Code() | Reasoning() | ToolResult() | Search():
            return f"[{NAMES[type(part)]}]"
        case Other(kind):
            return f"[{kind.replace('_', ' ')}]"
        case _:
            return words(part)
