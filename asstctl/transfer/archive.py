"""Threads as files of our own form, and the reading of every form that is known.

Ours is one JSON object a thread, `"schema": "asstctl-thread/v1"`, described in the README.
"""

import json
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from asstctl import _files
from asstctl._json import loads
from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.model import (
    Message,
    Thread,
    message_from,
    message_json,
    thread_from,
    thread_json,
    titled,
)
from asstctl.transfer import foreign

SCHEMA = "asstctl-thread/v1"

PLAIN_NAME = re.compile(r"(?i)(?!(con|prn|aux|nul|com\d|lpt\d)\.?$)\w[\w.-]{0,99}", re.ASCII)
"""An id that every file system takes as it is, the names of devices left out."""


@record
class Archived:
    """A thread from a file; `notes` name what the file holds and messages do not."""

    thread: Thread
    messages: list[Message]
    notes: list[str]


# Writing


def file_name(thread: Thread, suffix: str, *, apart: bool = False) -> str:
    """Return a thread's file name: its id where that is safe, else a name made of its hash.

    `apart` tells it from a thread of the same id on another server.
    """
    name = thread.id if PLAIN_NAME.fullmatch(thread.id) else f"thread-{short_hash(thread.id)}"
    return name + (f"-{short_hash(thread.endpoint)[:8]}" if apart else "") + suffix


def short_hash(text: str) -> str:
    """Return 16 letters that stand for a text."""
    return sha256(text.encode(errors="replace")).hexdigest()[:16]


def document(thread: Thread, messages: Iterable[Message]) -> Iterator[str]:
    """Yield a thread as our JSON, piece by piece, so that no thread is too long.

    The same thread makes the same text: nothing of the moment of writing is in it.
    """
    facts = json.dumps(thread_json(thread), ensure_ascii=False)
    yield f'{{"schema": {json.dumps(SCHEMA)},\n"thread": {facts},\n'
    yield '"messages": ['
    separator = "\n"
    for message in messages:
        yield separator + json.dumps(message_json(message), ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def write(path: Path, pieces: Iterable[str]) -> bool:
    """Write a text to a file, whole or not at all, readable by the user alone.

    Return whether the file changed: one that holds the same text already is left alone. Raises
    AsstctlError where it can't be written.
    """
    try:
        return _files.replace(path, pieces)
    except OSError as error:
        raise AsstctlError(f"can't write {path}: {error.strerror}") from error


# Reading


def read(path: Path) -> Iterator[Archived | AsstctlError]:
    """Yield the threads in a file, or in all files of an export's folder.

    In place of a file that can't be read as a thread comes the error that says so.
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
        if not stat.S_ISREG(path.stat().st_mode):
            raise AsstctlError(f"{path} is no regular file", hint="only files are imported")
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
        if schema == foreign.SCHEMA:
            thread, messages, notes = foreign.read(found, manifest)
            return Archived(used(thread, messages), messages, notes)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise AsstctlError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    raise AsstctlError(
        f"{path} is no thread that asstctl knows: its schema is {schema!r}",
        hint=f"there are: {SCHEMA}, {foreign.SCHEMA}",
    )


def ours(found: Mapping[str, Any]) -> Archived:
    """Read our own form."""
    messages = [message_from(one) for one in found["messages"]]
    return Archived(used(thread_from(found["thread"]), messages), messages, [])


def used(thread: Thread, messages: list[Message]) -> Thread:
    """Return a thread with the time of its last message, and a title if it has none."""
    moments = [found.created_at for found in messages if found.created_at]
    said_at = moments[-1] if moments else thread.created_at
    prompts = (found.text for found in messages if found.role == "user")
    return replace(thread, said_at=said_at, title=thread.title or titled(next(prompts, "")))
