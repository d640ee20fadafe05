"""Messages of other threads, written into one on the threads wire."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from asstctl import _json
from asstctl.backends.adding import add, saying
from asstctl.backends.assistants import objects
from asstctl.backends.assistants.messages import Messages
from asstctl.backends.carrying import Added, Takes
from asstctl.backends.content import dictionary
from asstctl.backends.offering import offer
from asstctl.errors import UnavailableError
from asstctl.model import Message
from asstctl.parts import File, FileRef, Image, Part, Text, words
from asstctl.wire.requests import at
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.beta.threads.message_content_part_param import MessageContentPartParam
    from openai.types.beta.threads.message_create_params import Attachment, MessageCreateParams

SPOKEN: tuple[type[Part], ...] = (Text, Image, File)

TAKES = Takes({"user": SPOKEN, "assistant": SPOKEN}, links=(Image,), longest=256_000, metadata=True)

PURPOSES: Mapping[type[Part], str] = {Image: "vision", File: "assistants"}
"""The purposes of uploaded files, in the service's words."""

READABLE = ("file_search", "code_interpreter")
"""Tools that read attachments."""

COMPUTED = (".csv", ".xlsx", ".xls", ".json", ".xml", ".zip", ".tar", ".sqlite", ".parquet")
"""Ends of names of files that one computes with, and that no search reads."""


def append(wire: Wire, read: Messages, thread_id: str, messages: list[Message]) -> Added:
    """Add messages at the end of a thread, one request each."""
    path = at("threads", thread_id, "messages")

    def send(one: list[Message]) -> Added:
        sent = [saying(objects.message(dict(body(one[0]))))]
        newer = read.newer(thread_id)
        added, unsure = add(wire, path, body(one[0]), sent, newer)
        identity = str(dictionary(added).get("id") or "")
        if added is not None and not identity and newer() == []:
            raise UnavailableError(f"{wire.host} answered without a message", retryable=True)
        read.note(thread_id, identity)
        return Added([identity], unsure or not identity)

    return sum((offer([message], send) for message in messages), Added())


def body(message: Message) -> "MessageCreateParams":
    """Return a message as the wire takes it."""
    found: MessageCreateParams = {
        "role": "user" if message.role == "user" else "assistant",
        "content": message.text,
        "metadata": dict(message.metadata),
    }
    if any(isinstance(part, Image) for part in message.parts):
        found["content"] = list(content(message))
    if attached := list(attachments(message)):
        found["attachments"] = attached
        if not found["content"]:  # a message of files alone
            found["content"] = "\n".join(map(words, message.parts))
    return found


def content(message: Message) -> "Iterator[MessageContentPartParam]":
    """Yield the texts and the images of a message."""
    for part in message.parts:
        match part:
            case Text(text) if text:
                yield {"type": "text", "text": text}
            case Image(file, detail):
                where: dict[str, Any] = {"file_id": file.id} if file.id else {"url": file.url}
                kind = "image_file" if file.id else "image_url"
                where |= {"detail": detail} if detail else {}
                yield cast("MessageContentPartParam", {"type": kind, kind: where})


def attachments(message: Message) -> "Iterator[Attachment]":
    """Yield the files of a message, each with the tools that read it."""
    for part in message.parts:
        if isinstance(part, File):
            yield {"file_id": part.file.id, "tools": tools(message.raw, part.file)}


def tools(raw: Mapping[str, Any] | None, file: FileRef) -> "Any":
    """Return the tools that read a file where its message was said, else the first there is."""
    for attached in _json.objects((raw or {}).get("attachments")):
        if attached.get("file_id") == file.id:
            kinds = [tool.get("type") for tool in _json.objects(attached.get("tools"))]
            if known := [{"type": kind} for kind in READABLE if kind in kinds]:
                return known
    computed = file.name.lower().endswith(COMPUTED)
    return [{"type": READABLE[1 if computed else 0]}]
