"""Files of `assistants-thread-export/v1`: the raw objects of the Assistants API in a folder.

Written by the exporter redwoodworksco/assistants-api-export.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from asstctl.backends.assistants import objects
from asstctl.kind import Kind
from asstctl.model import Message, Thread, moment, texts
from asstctl.parts import File

SCHEMA = "assistants-thread-export/v1"


def read(
    found: Mapping[str, Any], manifest: Mapping[str, Any]
) -> tuple[Thread, list[Message], list[str]]:
    """Return the thread, its messages, and notes on what the messages lack."""
    raw = found.get("thread") or {}
    thread = Thread(
        id=str(found["thread_id"]),
        backend=Kind.ASSISTANTS.value,
        endpoint=address(manifest) or unnamed(found["messages"]),
        profile="",
        created_at=moment(raw.get("created_at")) or 0.0,
        metadata=texts(raw.get("metadata")),
    )
    names = {i: str(f.get("filename") or "") for i, f in (found.get("files") or {}).items() if f}
    messages = [named(objects.message(one), names) for one in found["messages"]]
    notes = []
    if errors := len(found.get("errors") or ()):
        notes.append(f"{thread.id}: the export says that it missed {errors} things")
    return thread, messages, notes


def address(manifest: Mapping[str, Any]) -> str:
    """Return the endpoint of an export: `endpoint` may be the service's mere name."""
    found = (str(manifest.get(key) or "") for key in ("base_url", "endpoint"))
    return next((where.rstrip("/") for where in found if "://" in where), "")


def unnamed(messages: Any) -> str:
    """Return what stands for the server of an export that does not name it.

    Servers may number alike: the thread's first message tells two of them apart.
    """
    first = json.dumps(messages[:1], sort_keys=True) if isinstance(messages, list) else ""
    return f"export:{sha256(first.encode()).hexdigest()[:16]}"


def named(found: Message, names: Mapping[str, str]) -> Message:
    """Return a message with the names of its files."""
    parts = tuple(
        File(replace(p.file, name=names.get(p.file.id) or p.file.name))
        if isinstance(p, File)
        else p
        for p in found.parts
    )
    return replace(found, parts=parts)
