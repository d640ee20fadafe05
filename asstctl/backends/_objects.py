"""The threads wire's objects, read as servers really write them.

Shapes as in the OpenAI API reference of Assistants v2, and what clones of it do beside: text as a
mere string, times in seconds, milliseconds or ISO-8601, null where there should be a list.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from asstctl.events import Citation, File, FileOutput, Image, Message, Part, Refusal, Status, Text

MILLISECONDS = 1e11
"""A time above this is in milliseconds: as seconds it would be in the year 5138."""


LATEST = 253402300800.0
"""Seconds since 1970 at which the year 10000 begins: no clock shows it."""


def moment(value: Any) -> float | None:
    """Read a time; gives seconds since 1970 UTC, None where it is no time of our calendar."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            try:
                value = float(value)
            except ValueError:
                return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    seconds = value / 1000 if value > MILLISECONDS else float(value)
    return seconds if 0 <= seconds < LATEST else None


def contents(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give a message's content parts, in order, whatever shape they came in."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return objects(content)


def objects(listed: Any) -> list[dict[str, Any]]:
    """Give the objects in what should be a list of them."""
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def texts(found: Any) -> dict[str, str]:
    """Give metadata, text to text, {} where it is something else."""
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def value(text: Any) -> str:
    """Give the words of a text part: a string, an object with `value`, or a list of either."""
    if isinstance(text, dict):
        text = text.get("value")
    if isinstance(text, list):
        return "".join(value(piece) for piece in text)
    return text if isinstance(text, str) else ""


def part_text(part: Mapping[str, Any]) -> str:
    """Give the words of a part that is text or a refusal, "" for any other."""
    return value(part.get("text")) or value(part.get("refusal"))


def output(part: Mapping[str, Any]) -> FileOutput | None:
    """Give what a part holds that is not text."""
    for key in ("image_file", "image_url"):
        if isinstance(found := part.get(key), dict):
            return FileOutput("image", str(found.get("file_id") or found.get("url") or ""))
    return None


def citations(part: Mapping[str, Any]) -> Iterator[Citation]:
    """Give where the markers in a text part point to. The type decides, never a class."""
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
    """Give a message's parts, and its attachments as files."""
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


def message(found: Mapping[str, Any]) -> Message:
    """Give a message object as ours."""
    details = found.get("incomplete_details")
    why = details.get("reason") if isinstance(details, dict) else details
    status: Status = "completed"
    if found.get("status") == "incomplete":
        status = "cancelled" if why == "run_cancelled" else "cut"
    return Message(
        id=str(found.get("id") or ""),
        role="assistant" if found.get("role") in ("assistant", "agent") else "user",
        parts=tuple(parts(found)),
        created_at=moment(found.get("created_at")),
        status=status,
        metadata=texts(found.get("metadata")),
    )
