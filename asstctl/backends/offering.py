"""Messages offered to a service: one that it refuses is found, and offered simpler."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from asstctl.backends.carrying import Added, joined, kinds, pieces
from asstctl.backends.placeholders import NAMES, placeholder
from asstctl.errors import ActiveRunError, AsstctlError
from asstctl.model import Message
from asstctl.parts import File, Image, Part, Text, ToolResult

KEPT = ("type", "call_id", "approval_request_id")
"""Fields of the answer to a call that stay where its output is left out."""

SHORT = 1000
"""Characters of a text that no server refuses for its length."""

NO_WORDS = "[text]"
"""The text of a message whose own words a service refuses."""

NOT_FOUND, TOO_LARGE = 404, 413

LENGTH = re.compile(r"too[ _](long|large)|max\w*[ _-]length|above_max|at most", re.IGNORECASE)
"""The words of refusals for length."""

CALLS = re.compile(r"tool[ _]call|function[ _]call|call_id", re.IGNORECASE)
"""The words of refusals of an answer whose call is not known."""

MOST_TRIED = 10
"""Files of a message that are left out one by one, to find the one that is refused."""

REFUSED = (400, TOO_LARGE, 415, 422)
"""Statuses of refusals that are about what a message holds."""


def simpler(message: Message) -> Message | None:
    """Return a message that a service refused in a simpler form, None for the simplest.

    A result stays one of the same type, shortened: without it its call would lock a conversation.
    Refused as that too, its call is not there, and it becomes text as any other part.
    """
    match message.parts:
        case (ToolResult(_, output) as part,) if output != placeholder(part):
            less = replace(part, output=placeholder(part))
            raw = {key: value for key, value in (message.raw or {}).items() if key in KEPT}
            return replace(message, parts=(less,), raw=raw or None)
    if any(not isinstance(part, Text) for part in message.parts):
        texts = [p if isinstance(p, Text) else Text(placeholder(p)) for p in message.parts]
        return replace(message, parts=joined(texts), raw=None)
    if cited(message):
        return replace(message, parts=(Text(message.text),))
    if message.role not in ("user", "assistant"):
        return replace(message, role="assistant")
    return None if message.text == NO_WORDS else replace(message, parts=(Text(NO_WORDS),))


def forms(message: Message) -> Iterator[Message]:
    """Yield a message, and every simpler form that a service may have taken of it."""
    form: Message | None = message
    while form:
        yield form
        form = simpler(form)


def lighter(message: Message, refusal: AsstctlError) -> Message | None:
    """Return a message without what a service refused in it, None where nothing is left to try."""
    if message.metadata and "metadata" in refusal.message.lower():
        return replace(message, metadata={})
    named = [part for part in message.parts if names(refusal, part)]
    if named and len(named) < len(message.parts):
        parts = (Text(placeholder(p)) if p in named else p for p in message.parts)
        return replace(message, parts=tuple(parts))
    match message.parts:
        case (ToolResult(_, output) as part,) if output == placeholder(part):
            # its call may be there, and lock the thread: only an unknown one takes it along
            return simpler(message) if CALLS.search(refusal.message) else None
    return simpler(message)


def alone(message: Message, refusal: AsstctlError) -> Iterator[Message]:
    """Yield a message without one of its files each, where the refusal does not say which."""
    files = [part for part in message.parts if isinstance(part, Image | File)]
    if 1 < len(files) <= MOST_TRIED and not any(names(refusal, part) for part in files):
        for refused in files:
            parts = (Text(placeholder(p)) if p is refused else p for p in message.parts)
            yield replace(message, parts=tuple(parts))


def names(refusal: AsstctlError, part: Part) -> bool:
    """Return whether a refusal names the file that a part is."""
    if not isinstance(part, Image | File):
        return False
    return any(name and name in refusal.message for name in (part.file.id, part.file.name))


def halves(message: Message, refusal: AsstctlError) -> tuple[Message, Message] | None:
    """Return the two halves of a message whose text is too long for a service, None for others."""
    match message.parts:
        case (Text(text),) if len(text) > SHORT and is_too_long(refusal):
            found = [*pieces(message, (len(text) + 1) // 2)]
            return (found[0], found[1]) if len(found) == 2 else None  # noqa: PLR2004
    return None


def is_too_long(error: AsstctlError) -> bool:
    """Return whether a refusal is about the length of what a message holds."""
    return error.status == TOO_LARGE or bool(LENGTH.search(error.message))


def lost(before: Message, after: Message) -> Counter[str]:
    """Return what a simpler form of a message lacks, by kind."""
    match before.parts:
        case (ToolResult(_, output) as part,):
            short = output == placeholder(part)  # it was counted when it became so
            return Counter() if short else Counter([NAMES[ToolResult]])
    if gone := kinds(before) - kinds(after):
        return gone
    if before.role != after.role:
        return Counter([f"{before.role} role"])
    if pairs := len(before.metadata) - len(after.metadata):
        return Counter({"metadata pair": pairs})
    citations = cited(before) - cited(after)
    return Counter({"citation": citations}) if citations else Counter(["text"])


def cited(message: Message) -> int:
    """Count the citations of a message."""
    return sum(len(part.citations) for part in message.parts if isinstance(part, Text))


def is_refusal(error: AsstctlError, messages: list[Message]) -> bool:
    """Return whether an error is about what messages hold."""
    if error.retryable or isinstance(error, ActiveRunError):
        return False
    parts = (part for message in messages for part in message.parts)
    gone = error.status == NOT_FOUND and any(names(error, part) for part in parts)
    return gone or error.status in REFUSED


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
        if not is_refusal(error, messages):
            raise
        if len(messages) > 1:
            there = arrived(messages)
            done = Added([""] * (there or 0), unsure=there != 0)
            rest = messages[there or 0 :]
            half = len(rest) // 2
            parts = [some for some in (rest[:half], rest[half:]) if some]
            return sum((offer(some, send, arrived) for some in parts), done)
        if both := halves(messages[0], error):
            first, second = (offer([half], send, arrived) for half in both)
            whole = first + second
            return replace(whole, ids=whole.ids[:1], more=whole.more + 1)
        for without in alone(messages[0], error):
            with suppress_refusals(without):
                return counted(messages[0], without, send([without]))
        less = lighter(messages[0], error)
        if less is None:
            raise
    return counted(messages[0], less, offer([less], send, arrived))


def counted(before: Message, after: Message, added: Added) -> Added:
    """Return what was added, with what a simpler form of a message lacks."""
    return replace(added, refused=added.refused + lost(before, after))


@contextmanager
def suppress_refusals(message: Message) -> Iterator[None]:
    """Go on where a service refuses what a message holds; other errors pass through."""
    try:
        yield
    except AsstctlError as error:
        if not is_refusal(error, [message]):
            raise
