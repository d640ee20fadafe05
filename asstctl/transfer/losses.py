"""Losses of an export against the file that it replaces."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from asstctl.errors import AsstctlError, IncompleteError
from asstctl.model import Message, count
from asstctl.store.merging import said
from asstctl.store.objects import leaves
from asstctl.transfer.archive import Archived, load, parse


def demand_no_less(path: Path, new: Archived, removed: Container[str]) -> None:
    """Raise IncompleteError if a file holds what an export lacks; one that is no thread may.

    `removed` are ids of messages that the user took out here.
    """
    if not path.is_file():
        return
    try:
        old = parse(load(path), path, {})
    except AsstctlError:
        return
    if lost := list(losses(old, new, removed)):
        raise IncompleteError(
            f"{path} holds {', '.join(lost)} that would be lost", hint="--replace overwrites it"
        )


def losses(old: Archived, new: Archived, removed: Container[str]) -> Iterator[str]:
    """Yield in words what an older export holds, and a newer one does not."""
    if messages := len(list(_lost(old, new, removed))):
        yield count(messages, "message")
    steps = {run.get("id"): len(run.get("steps") or ()) for run in new.runs}
    runs = sum(len(run.get("steps") or ()) > steps.get(run.get("id"), -1) for run in old.runs)
    if runs:
        yield count(runs, "run")
    there = {(known.id, known.sha256) for known in new.files}
    if files := sum((k.id, k.sha256) not in there for k in old.files if k.sha256):
        yield count(files, "file")


def _lost(old: Archived, new: Archived, removed: Container[str]) -> Iterator[Message]:
    """Yield the messages of an older export that a newer one lacks, or has with less in them."""
    by_id = {message.id: message for message in new.messages if message.id}
    matched = {message.id for message in old.messages if message.id in by_id}
    others = Counter((m.role, m.text) for m in new.messages if m.id not in matched)
    for message in old.messages:
        if message.id and message.id in removed:
            continue
        if message.id in by_id:
            if _has_less(by_id[message.id], message):
                yield message
            continue
        words = (message.role, message.text)
        others[words] -= 1
        if others[words] < 0:
            yield message


def _has_less(new: Message, old: Message) -> bool:
    """Return whether a message lacks words, parts or facts that it had."""
    if new.text == old.text:
        return len(new.parts) < len(old.parts) or _leaves(new.raw) < _leaves(old.raw)
    return not (said(old) in new.was or new.text.startswith(old.text))


def _leaves(raw: Mapping[str, Any] | None) -> int:
    return leaves(raw) if raw else 0
