"""How a reply may end, and the sentence for each end that is not whole. The one place for both."""

from collections.abc import Mapping
from typing import Literal

Ending = Literal["completed", "length", "filtered", "tool_call", "incomplete"]
"""Why a reply ended, as the service claims; only `completed` is a whole answer."""

WORDS: Mapping[str, Ending] = {
    "length": "length",
    "max_tokens": "length",
    "max_completion_tokens": "length",
    "max_output_tokens": "length",
    "max_prompt_tokens": "length",
    "content_filter": "filtered",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
}
"""The services' own words for an end that is not whole, on every wire."""

SENTENCES: Mapping[Ending, str] = {
    "length": "the reply reached the model's limit of length",
    "filtered": "the service's content filter ended the reply",
    "tool_call": "the model calls a tool, and nothing here answers",
    "incomplete": "the service ended the reply early",
}


def sentence(ending: Ending, reason: str | None) -> str:
    """Return why a reply is not whole, with the service's own word for it."""
    return SENTENCES[ending] + (f" ({reason})" if reason else "")


STATUS_WORDS: Mapping[str, str] = {
    "completed": "",
    "failed": ", no reply",
    "cancelled": ", cancelled",
    "cut": ", cut off",
    "gone": ", no longer held by the service",
}
"""The end of a kept message, by its status, as it stands behind who said it and when."""
