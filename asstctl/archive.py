"""Threads as files: our own form, and the ones that people hold.

Ours is one JSON object a thread, `"schema": "asstctl-thread/v1"`, described in the README. Read
is also `assistants-thread-export/v1`, the raw objects of the Assistants API in a folder.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from filecmp import cmp
from hashlib import sha256
from pathlib import Path
from typing import Any, cast, get_args

from asstctl._frozen import frozen
from asstctl._json import loads
from asstctl.backends import _objects as objects
from asstctl.errors import AsstctlError
from asstctl.events import File, Message, Part, Role, Status, Thread, part_facts
from asstctl.store import titled

SCHEMA = "asstctl-thread/v1"
FOREIGN_SCHEMA = "assistants-thread-export/v1"
"""Written by the exporter redwoodworksco/assistants-api-export."""

PART_KINDS: Mapping[str, type[Part]] = {kind.__name__: kind for kind in get_args(Part)}

PLAIN_NAME = re.compile(r"(?i)(?!(con|prn|aux|nul|com\d|lpt\d)\.?$)\w[\w.-]{0,99}", re.ASCII)
"""An id that every file system takes as it is, the names of devices left out."""


@frozen
class Archived:
    """A thread from a file; `notes` say what the file holds that messages do not."""

    thread: Thread
    messages: list[Message]
    notes: list[str]


# Writing


def file_name(thread: Thread, suffix: str, *, apart: bool = False) -> str:
    """Give a thread's file name: its id where that is safe, else a name made of its hash.

    `apart` tells it from a thread of the same id on another server.
    """
    name = thread.id if PLAIN_NAME.fullmatch(thread.id) else f"thread-{short_hash(thread.id)}"
    return name + (f"-{short_hash(thread.endpoint)[:8]}" if apart else "") + suffix


def short_hash(text: str) -> str:
    """Give 16 letters that stand for a text."""
    return sha256(text.encode(errors="replace")).hexdigest()[:16]


def document(thread: Thread, messages: Iterable[Message]) -> Iterator[str]:
    """Give a thread as our JSON, piece by piece, so that no thread is too long.

    The same thread gives the same text: nothing of the moment of writing is in it.
    """
    facts = {
        "id": thread.id,
        "name": thread.name,
        "title": thread.title,
        "backend": thread.backend,
        "endpoint": thread.endpoint or None,
        "created_at": instant(thread.created_at),
        "metadata": dict(thread.metadata),
    }
    yield f'{{"schema": {json.dumps(SCHEMA)},\n"thread": {json.dumps(facts, ensure_ascii=False)},\n'
    yield '"messages": ['
    separator = "\n"
    for message in messages:
        yield separator + json.dumps(message_facts(message), ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def message_facts(message: Message) -> dict[str, Any]:
    """Give a message with every part as JSON."""
    return {
        "id": message.id,
        "role": message.role,
        "created_at": instant(message.created_at),
        "status": message.status,
        "parts": [part_facts(part) for part in message.parts],
        "metadata": dict(message.metadata),
    }


def instant(seconds: float | None) -> str | None:
    """Give a time as RFC 3339 in UTC, to the microsecond where it has any."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def write(path: Path, pieces: Iterable[str]) -> bool:
    """Put a text in a file, at once or not at all, readable by the user alone.

    Says whether the file changed: one that holds the same text already is left alone. Raises
    AsstctlError where it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, neighbour = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            if path.is_file() and cmp(neighbour, path, shallow=False):
                return False
            Path(neighbour).replace(path)
        finally:
            Path(neighbour).unlink(missing_ok=True)
    except OSError as error:
        raise AsstctlError(f"can't write {path}: {error.strerror}") from error
    return True


# Reading


def read(path: Path) -> Iterator[Archived | AsstctlError]:
    """Give the threads in a file, or in all files of an export's folder.

    For a file that can't be read as a thread the error that says so is given in its place.
    """
    if not path.is_dir():
        try:
            yield parse(load(path), path, {})
        except AsstctlError as error:
            yield error
        return
    manifest = load(path / "manifest.json") if (path / "manifest.json").is_file() else {}
    inner = path / "threads" if (path / "threads").is_dir() else path
    files = [file for file in sorted(inner.glob("*.json")) if file.name != "manifest.json"]
    if not files:
        yield AsstctlError(f"there is no thread in {path}")
    for file in files:
        try:
            yield parse(load(file), file, manifest if isinstance(manifest, dict) else {})
        except AsstctlError as error:
            yield error


def load(path: Path) -> Any:
    """Read a JSON file; raises AsstctlError."""
    try:
        return loads(path.read_bytes())
    except OSError as error:
        raise AsstctlError(f"can't read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise AsstctlError(f"{path} is not JSON: {error}") from error


def parse(found: Any, path: Path, manifest: Mapping[str, Any]) -> Archived:
    """Read a thread's object in any form that is known; raises AsstctlError."""
    schema = found.get("schema") or found.get("export_schema") if isinstance(found, dict) else None
    try:
        if schema == SCHEMA:
            return ours(found)
        if schema == FOREIGN_SCHEMA:
            return foreign(found, manifest)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise AsstctlError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    raise AsstctlError(
        f"{path} is no thread that asstctl knows: its schema is {schema!r}",
        hint=f"there are: {SCHEMA}, {FOREIGN_SCHEMA}",
    )


def ours(found: Mapping[str, Any]) -> Archived:
    """Read our own form."""
    facts = found["thread"]
    messages = [message(one) for one in found["messages"]]
    thread = Thread(
        id=str(facts["id"]),
        backend=str(facts.get("backend") or ""),
        endpoint=str(facts.get("endpoint") or ""),
        profile="",
        name=facts.get("name") and str(facts["name"]),
        title=str(facts.get("title") or ""),
        created_at=objects.moment(facts.get("created_at")) or 0.0,
        metadata=objects.texts(facts.get("metadata")),
    )
    return Archived(used(thread, messages), messages, [])


def used(thread: Thread, messages: list[Message]) -> Thread:
    """Give a thread with the time of its last message, and a title if it has none."""
    moments = [found.created_at for found in messages if found.created_at]
    said_at = moments[-1] if moments else thread.created_at
    prompts = (found.text for found in messages if found.role == "user")
    return replace(thread, said_at=said_at, title=thread.title or titled(next(prompts, "")))


def message(facts: Mapping[str, Any]) -> Message:
    """Read a message of our own form; raises ValueError and its like."""
    if facts["role"] not in get_args(Role) or facts["status"] not in get_args(Status):
        raise ValueError(f"role {facts['role']!r}, status {facts['status']!r}")
    return Message(
        id=str(facts["id"]),
        role=cast("Role", facts["role"]),
        parts=tuple(part(one) for one in facts["parts"]),
        created_at=objects.moment(facts.get("created_at")),
        status=cast("Status", facts["status"]),
        metadata=objects.texts(facts.get("metadata")),
    )


def part(facts: Mapping[str, Any]) -> Part:
    """Read a part of a message; raises ValueError and its like."""
    fields = {key: str(value) for key, value in facts.items() if key != "type"}
    return PART_KINDS[facts["type"]](**fields)


def foreign(found: Mapping[str, Any], manifest: Mapping[str, Any]) -> Archived:
    """Read raw objects of the Assistants API, as the exporter leaves them."""
    raw = found.get("thread") or {}
    thread = Thread(
        id=str(found["thread_id"]),
        backend="assistants",
        endpoint=str(manifest.get("endpoint") or ""),
        profile="",
        created_at=objects.moment(raw.get("created_at")) or 0.0,
        metadata=objects.texts(raw.get("metadata")),
    )
    names = {i: str(f.get("filename") or "") for i, f in (found.get("files") or {}).items() if f}
    messages = [named(objects.message(one), names) for one in found["messages"]]
    notes = []
    if steps := sum(tool_steps(run) for run in found.get("runs") or ()):
        notes.append(f"{thread.id}: {steps} tool steps stand in its runs and are not carried")
    if errors := len(found.get("errors") or ()):
        notes.append(f"{thread.id}: the export says that it missed {errors} things")
    return Archived(used(thread, messages), messages, notes)


def tool_steps(run: Mapping[str, Any]) -> int:
    """Count a run's steps in which a tool worked."""
    return sum(step.get("type") == "tool_calls" for step in run.get("steps") or ())


def named(found: Message, names: Mapping[str, str]) -> Message:
    """Give a message with the names of its files."""
    parts = tuple(
        File(p.id, names.get(p.id) or p.name) if isinstance(p, File) else p for p in found.parts
    )
    return replace(found, parts=parts)
