"""The threads wire's objects, read as servers really write them.

Shapes as in the OpenAI API reference of Assistants v2, and the shapes of clones: text as a mere
string, times in seconds, milliseconds or ISO-8601, null where there should be a list.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from asstctl.backends.content import contents, value
from asstctl.backends.stream import why
from asstctl.events import Citation, FileOutput
from asstctl.model import (
    Assistant,
    File,
    Image,
    Message,
    Part,
    Refusal,
    Status,
    Text,
    moment,
    texts,
)
from asstctl.wire.pages import objects

MARK = "asstctl_prompt"
"""The key of a prompt's mark in the metadata of its message and of its run."""


def mark_of(found: Mapping[str, Any]) -> str:
    """Return the mark that a message or a run carries, "" where it has none."""
    return texts(found.get("metadata")).get(MARK, "")


def output(part: Mapping[str, Any]) -> FileOutput | None:
    """Return the image that a part holds, None for a part that is text."""
    for key in ("image_file", "image_url"):
        if isinstance(found := part.get(key), dict):
            return FileOutput("image", str(found.get("file_id") or found.get("url") or ""))
    return None


def citations(part: Mapping[str, Any]) -> Iterator[Citation]:
    """Yield the sources of the markers in a text part. The type decides, never a class."""
    text = part.get("text")
    annotations = text.get("annotations") if isinstance(text, dict) else None
    for note in objects(annotations):
        details = note.get(str(note.get("type"))) or {}
        source = details.get("url") or details.get("file_id") or ""
        if details.get("title"):
            source = f"{details['title']} {source}"
        if note.get("text") and source:
            yield Citation(str(note["text"]), str(source))


def parts(message: Mapping[str, Any]) -> Iterator[Part]:
    """Yield a message's parts, and its attachments as files."""
    for part in contents(message):
        if part.get("type") == "refusal" or part.get("refusal"):
            yield Refusal(value(part.get("refusal")))
        elif found := output(part):
            yield Image(found.id)
        elif text := value(part.get("text")):
            yield Text(text)
    for attachment in objects(message.get("attachments")):
        if attachment.get("file_id"):
            yield File(str(attachment["file_id"]))


def alone(message: Mapping[str, Any]) -> str:
    """Return the text of a message that is one text alone, as nearly all are; else ""."""
    try:
        [part] = message["content"]
        text = part["text"]["value"] if part["type"] == "text" else ""
    except (KeyError, TypeError, ValueError):
        return ""
    whole = not message.get("attachments") and not part.get("refusal")
    return text if whole and type(text) is str else ""


def message(found: Mapping[str, Any]) -> Message:
    """Return a message object as ours."""
    status: Status = "completed"
    if found.get("status") == "incomplete":
        status = "cancelled" if why(found.get("incomplete_details")) == "run_cancelled" else "cut"
    text = alone(found)
    metadata = texts(found.get("metadata"))
    metadata.pop(MARK, None)  # it tells prompts apart, and is no word of anybody's
    return Message(
        str(found.get("id") or ""),
        "assistant" if found.get("role") in ("assistant", "agent") else "user",
        (Text(text),) if text else tuple(parts(found)),
        moment(found.get("created_at")),
        status,
        metadata,
    )


def assistant(facts: Mapping[str, Any]) -> Assistant:
    """Return an assistant object as ours."""
    identity, name, model = (str(facts.get(key) or "") for key in ("id", "name", "model"))
    return Assistant(identity, name, model, facts)
