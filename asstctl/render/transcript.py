"""The messages of a thread, to read and to keep."""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Any, TextIO, assert_never

from asstctl.endings import STATUS_WORDS
from asstctl.model import Message, Thread, instant, message_json
from asstctl.parts import Contents, words
from asstctl.render import capable
from asstctl.render._answer import Answer
from asstctl.render.terminal import harmless

SCHEMA = 2
"""The version of the JSON that lists and threads are written in."""

BATCH = 50
"""Messages that are written at once: into a pipe each write wakes its reader."""


class Format(StrEnum):
    """The forms of a thread's messages."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    JSONL = "jsonl"
    HTML = "html"


def write(
    thread: Thread,
    messages: Iterable[Message],
    form: Format | None,
    out: TextIO,
    environment: Mapping[str, str],
    contents: Contents,
    batch: int = BATCH,
) -> None:
    """Write messages as they come; None is drawn Markdown on a terminal, else text.

    Into a pipe `batch` messages are written at once.
    """
    if form is None and capable(out, environment):
        out.writelines(draw(messages, out, environment))
    else:
        text = iter(pieces(thread, messages, form or Format.TEXT, contents))
        safe = map(harmless, text) if out.isatty() else text
        held: list[str] = []
        try:
            for piece in safe:
                held.append(piece)
                if len(held) >= batch:
                    out.write("".join(held))
                    out.flush()
                    held.clear()
        finally:  # what came before an error is not lost with it
            out.write("".join(held))
    out.flush()


def pieces(
    thread: Thread, messages: Iterable[Message], form: Format, contents: Contents
) -> Iterator[str]:
    """Yield messages in a form, as pieces of text; `contents` are those of files, for a page."""
    match form:
        case Format.TEXT:
            return apart(map(as_text, filter(visible, messages)))
        case Format.MARKDOWN:
            return apart(map(as_markdown, filter(visible, messages)))
        case Format.JSONL:
            return (as_json(message) + "\n" for message in messages)
        case Format.JSON:
            return as_document(thread, messages)
        case Format.HTML:
            from asstctl.render.page import page  # few threads become one

            return page(thread, messages, contents)
        case _ as unreachable:
            assert_never(unreachable)


def apart(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts with a blank line between them."""
    rest = iter(texts)
    yield from islice(rest, 1)
    for text in rest:
        yield "\n" + text


def heading(message: Message) -> str:
    """Return who spoke, when, and how it ended, as one line."""
    when = "" if message.created_at is None else f", {instant(int(message.created_at))}"
    return f"{message.role}{when}{STATUS_WORDS[message.status]}"


def visible(message: Message) -> bool:
    """Return whether a message has anything to read, or should have: reasoning may be hidden."""
    return not message.parts or any(map(words, message.parts))


def body(message: Message) -> str:
    """Return all parts of a message and their sources, with one newline at the end."""
    answer = Answer()
    text = "\n\n".join(filter(None, map(answer.part, message.parts))) + answer.end()
    text = text.strip("\n")
    return f"{text}\n" if text else ""


def as_text(message: Message) -> str:
    """Return a message under a line that says who spoke."""
    return f"{heading(message)}:\n{body(message)}"


def as_markdown(message: Message) -> str:
    """Return a message under a heading."""
    return f"## {heading(message)}\n\n{body(message)}"


def facts(message: Message) -> dict[str, Any]:
    """Return a message as the JSON object that `threads history` promises."""
    return {**message_json(message), "text": message.text}


def as_json(message: Message) -> str:
    """Return a message as one line."""
    return json.dumps(facts(message), ensure_ascii=False)


def as_document(thread: Thread, messages: Iterable[Message]) -> Iterator[str]:
    """Yield one JSON object, piece by piece, so that no thread is too long."""
    yield f'{{"schema": {SCHEMA}, "thread": {json.dumps(thread.id)}, "messages": ['
    separator = "\n"
    for message in messages:
        yield separator + as_json(message)
        separator = ",\n"
    yield "\n]}\n"


def draw(messages: Iterable[Message], out: TextIO, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield messages as Markdown is drawn on this terminal."""
    from asstctl.render import _document  # Rich takes longer to load than a page to read

    console = _document.console_on(out, environment)
    for text in apart(map(as_markdown, filter(visible, messages))):
        yield _document.drawn(console, harmless(text))
        yield "\n"
