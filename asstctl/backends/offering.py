"""Messages offered to a service: one that it refuses is found, and offered simpler."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from asstctl.backends.carrying import Added, joined, kinds
from asstctl.backends.placeholders import placeholder
from asstctl.errors import ActiveRunError, AsstctlError
from asstctl.model import Message
from asstctl.parts import Text, ToolResult

KEPT = ("type", "call_id", "approval_request_id")
"""Fields of the answer to a call that stay where its output is left out."""

SHORT = 1000
"""Characters of a text that no server refuses for its length."""

TOO_LARGE = 413

LENGTH = re.compile(r"too (long|large)|max\w*[ _-]length|above_max", re.IGNORECASE)
"""The words of refusals for length."""

REFUSED = (400, TOO_LARGE, 415, 422)
"""Statuses of refusals that are about what a message holds."""


def simpler(message: Message) -> Message | None:
    """Return a message that a service refused in a simpler form, None for the simplest.

    A result stays one, of the same type: without it its call would lock a conversation.
    """
    match message.parts:
        case (ToolResult() as part,):
            less = replace(part, output=placeholder(part))
            raw = {key: value for key, value in (message.raw or {}).items() if key in KEPT}
            return None if part == less else replace(message, parts=(less,), raw=raw or None)
    if any(not isinstance(part, Text) for part in message.parts):
        texts = [p if isinstance(p, Text) else Text(placeholder(p)) for p in message.parts]
        return replace(message, parts=joined(texts), raw=None)
    if any(isinstance(part, Text) and part.citations for part in message.parts):
        return replace(message, parts=(Text(message.text),))
    if message.role not in ("user", "assistant"):
        return replace(message, role="assistant")
    return replace(message, metadata={}) if message.metadata else None


def shorter(message: Message) -> Message | None:
    """Return a message with a placeholder for its text, None for a text that is short."""
    length = len(message.text)
    less = replace(message, parts=(Text(f"[text of {length} characters]"),), raw=None)
    return less if length > SHORT else None


def forms(message: Message) -> Iterator[Message]:
    """Yield a message, and every simpler form that a service may have taken of it."""
    form: Message | None = message
    while form:
        yield form
        yield shorter(form) or form
        form = simpler(form)


def lighter(message: Message, refusal: AsstctlError) -> Message | None:
    """Return a message without what a service refused in it, None where nothing is left to try."""
    if message.metadata and "metadata" in refusal.message.lower():
        return replace(message, metadata={})
    return (shorter(message) if is_too_long(refusal) else None) or simpler(message)


def is_too_long(error: AsstctlError) -> bool:
    """Return whether a refusal is about the length of what a message holds."""
    return error.status == TOO_LARGE or bool(LENGTH.search(error.message))


def lost(before: Message, after: Message) -> Counter[str]:
    """Return what a simpler form of a message lacks, by kind."""
    if before.role != after.role:
        return Counter([f"{before.role} role"])
    if after == shorter(before):
        return kinds(before) + Counter(["text"])
    if len(before.metadata) > len(after.metadata):
        return Counter({"metadata pair": len(before.metadata)})
    return kinds(before) or Counter({"citation": cited(before) - cited(after)})


def cited(message: Message) -> int:
    """Count the citations of a message."""
    return sum(len(part.citations) for part in message.parts if isinstance(part, Text))


def offer(
    messages: list[Message],
    send: Callable[[list[Message]], Added],
    arrived: Callable[[list[Message]], int | None] = lambda _: 0,
) -> Added:
    """Send messages; one that the service refuses is found by halving, and sent simpler.

    `arrived` returns how many of them a service took though it refused others: some take them one
    by one; None where nobody can tell. Raises what `send` raises, where that is no refusal of what
    they hold.
    """
    try:
        return send(messages)
    except AsstctlError as error:
        if error.status not in REFUSED or error.retryable or isinstance(error, ActiveRunError):
            raise
        if len(messages) > 1:
            there = arrived(messages)
            done = Added([""] * (there or 0), unsure=there != 0)
            rest = messages[there or 0 :]
            half = len(rest) // 2
            parts = [some for some in (rest[:half], rest[half:]) if some]
            return sum((offer(some, send, arrived) for some in parts), done)
        less = lighter(messages[0], error)
        if less is None:
            raise
    added = offer([less], send, arrived)
    return replace(added, refused=added.refused + lost(messages[0], less))
