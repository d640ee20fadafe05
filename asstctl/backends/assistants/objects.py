"""The threads wire's objects, read as servers really write them.

Shapes as in the OpenAI API reference of Assistants v2, and the shapes of clones: text as a mere
string, times in seconds, milliseconds or ISO-8601, null where there should be a list.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from asstctl._json import objects
from asstctl.backends.content import contents, dictionary, value
from asstctl.backends.stream import why
from asstctl.model import MARK, Assistant, Message, Role, Status, moment, texts
from asstctl.parts import Citation, File, FileRef, Image, Other, Part, Refusal, Text

ROLES: Mapping[str, Role] = {
    "assistant": "assistant",
    "agent": "assistant",
    "system": "system",
    "developer": "developer",
}
"""Roles by their names on the wire; all others are the user's."""


def output(part: Mapping[str, Any]) -> Image | None:
    """Return the image that a part holds, None for a part that is text."""
    for key in ("image_file", "image_url"):
        if isinstance(found := part.get(key), dict):
            file = FileRef(value(found.get("file_id")), value(found.get("url")))
            return Image(file, value(found.get("detail")))
    return None


def citations(part: Mapping[str, Any]) -> Iterator[Citation]:
    """Yield the sources of the markers in a text part. The type decides, never a class."""
    text = part.get("text")
    annotations = text.get("annotations") if isinstance(text, dict) else None
    for note in objects(annotations):
        details = dictionary(note.get(str(note.get("type"))))
        found = Citation(
            value(note.get("text")),
            value(details.get("file_id")),
            value(details.get("url")),
            value(details.get("title")),
            value(details.get("quote")),
        )
        if found.marker and (found.id or found.url):
            yield found


def parts(message: Mapping[str, Any]) -> Iterator[Part]:
    """Yield a message's parts, and its attachments as files."""
    for part in contents(message):
        if part.get("type") == "refusal" or part.get("refusal"):
            yield Refusal(value(part.get("refusal")))
        elif found := output(part):
            yield found
        elif text := value(part.get("text")):
            yield Text(text, tuple(citations(part)))
        elif part.get("type") not in (None, "text"):
            yield Other(str(part["type"]), "")
    for attachment in objects(message.get("attachments")):
        if attachment.get("file_id"):
            yield File(FileRef(str(attachment["file_id"])))


def alone(message: Mapping[str, Any]) -> str:
    """Return the text of a message that is one text alone, as nearly all are; else ""."""
    try:
        [part] = message["content"]
        text = part["text"]["value"] if part["type"] == "text" else ""
        whole = not (message.get("attachments") or part["text"].get("annotations"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
    return text if whole and not part.get("refusal") and type(text) is str else ""


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
        ROLES.get(str(found.get("role")), "user"),
        (Text(text),) if text else tuple(parts(found)),
        moment(found.get("created_at")),
        status,
        metadata,
        found,
        run=str(found.get("run_id") or ""),
    )


def assistant(facts: Mapping[str, Any]) -> Assistant:
    """Return an assistant object as ours."""
    identity, name, model = (str(facts.get(key) or "") for key in ("id", "name", "model"))
    return Assistant(identity, name, model, facts)
