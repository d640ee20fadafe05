"""Metadata of copies: where a thread and its messages come from, as far as servers take it."""

from collections.abc import Mapping

from asstctl.backends.carrying import Takes
from asstctl.model import Message, Thread, instant

MOST_PAIRS = 16
LONGEST_KEY, LONGEST_VALUE = 64, 512
"""Pairs of metadata, and characters of a key and of a value, that servers take."""

OURS = "asstctl_"
"""How our own pairs of metadata begin."""

ORIGIN = "asstctl_id"
"""The pair of metadata with the id that a message had where it was said."""


def begun_with(source: Thread) -> dict[str, str]:
    """Return the metadata of a source with where it comes from: of a copy's copy, the first one."""
    facts = {"asstctl_source": source.id, "asstctl_source_endpoint": source.endpoint or "local"}
    return {**({} if "asstctl_source" in source.metadata else facts), **source.metadata}


def metadata_of(source: Thread, takes: Takes | None) -> dict[str, str]:
    """Return the metadata of a copy, as far as its server takes it."""
    return begun_with(source) if takes is None else trimmed(begun_with(source))


def origin(message: Message) -> dict[str, str]:
    """Return a message's metadata with the id, time, role and end that it had where it was said."""
    facts = {ORIGIN: message.id}
    if message.created_at is not None:
        facts["asstctl_created_at"] = instant(message.created_at)
    if message.status != "completed":
        facts["asstctl_status"] = message.status
    if message.role not in ("user", "assistant"):
        facts["asstctl_role"] = message.role
    return {**facts, **message.metadata}


def trimmed(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return as much of metadata as servers take, the first pairs first."""
    taken = [pair for pair in metadata.items() if len(pair[0]) <= LONGEST_KEY][:MOST_PAIRS]
    return {key: value[:LONGEST_VALUE] for key, value in taken}
