"""Messages as rows of the store, and rows as messages."""

import json
from collections.abc import Sequence
from typing import Any, cast

from asstctl._json import sound
from asstctl.model import Message, Role, Status
from asstctl.parts import Part, Text, part_from, part_json, words
from asstctl.store.objects import readable

COLUMNS = "id, role, CAST(parts AS BLOB), created_at, status, CAST(metadata AS BLOB), gone_at, was"

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""Exceptions that reading a damaged row raises."""


def facts(message: Message) -> dict[str, Any]:
    """Return the columns that hold a message's words and facts."""
    return {
        "role": message.role,
        "parts": sound(json.dumps(list(map(part_json, message.parts)), ensure_ascii=False)),
        "status": message.status,
        "created_at": message.created_at,
        "metadata": sound(json.dumps(dict(message.metadata), ensure_ascii=False)),
    }


def old_texts(was: Any) -> tuple[str, ...]:
    """Return texts that a message had before, none where they can't be read."""
    try:
        return tuple(map(str, json.loads(was)))
    except UNREADABLE:
        return ()


def texts(was: Sequence[str]) -> str:
    """Return texts that a message had before as a column."""
    return json.dumps(list(was), ensure_ascii=False)


def parts_of(parts: Any) -> tuple[Part, ...]:
    """Return stored parts; raises one of UNREADABLE."""
    return tuple(part_from(part) for part in json.loads(parts))


def text_of(parts: Any) -> str:
    """Return stored parts in words, "" where they can't be read."""
    try:
        return "\n".join(map(words, parts_of(parts)))
    except UNREADABLE:
        return ""


def sources(parts: Any) -> int:
    """Count the citations in stored parts, 0 where they can't be read."""
    try:
        return sum(len(p.citations) for p in parts_of(parts) if isinstance(p, Text))
    except UNREADABLE:
        return 0


def message_of(row: Sequence[Any]) -> Message:
    """Return a row of COLUMNS, its object and its run as a message; raises one of UNREADABLE."""
    identity, role, parts, created_at, status, metadata, gone_at, was, raw, run = row
    return Message(
        id=identity or "",
        role=cast("Role", role),
        parts=parts_of(parts),
        created_at=created_at,
        status=cast("Status", status),
        metadata=json.loads(metadata),
        raw=None if raw is None else readable(raw) or None,
        gone_at=gone_at,
        was=old_texts(was),
        run=run,
    )
