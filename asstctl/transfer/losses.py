"""Losses of an export against the file that it replaces."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from asstctl._json import loads
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.model import Message, count, message_from
from asstctl.store.merging import said
from asstctl.store.objects import FINAL, leaves
from asstctl.transfer.archive import Archived, load, parse

HEADING = re.compile(r"(## )?(user|assistant|system|developer)([,:]| · |$)")
"""The beginning of the line that says who spoke and how it ended: it may change."""

TAG = re.compile("<[^>]*>")


def demand_no_less(
    path: Path, new: Archived, removed: Container[str], text: Callable[[], Iterable[str]]
) -> None:
    """Raise IncompleteError if a file holds what an export to it lacks; one that is no thread may.

    `removed` are ids of messages that the user took out here, `text` returns the export's pieces.
    """
    if not path.is_file():
        return
    try:
        if path.suffix == ".json":
            lost = list(losses(parse(load(path), path, {}), new, removed))
        elif path.suffix == ".jsonl":
            lines = path.read_bytes().splitlines()
            old = Archived(new.thread, [message_from(loads(line)) for line in lines])
            lost = list(losses(old, new, removed))
        else:
            lost = list(_lost_lines(path.read_text("utf-8"), "".join(text()), new.messages))
    except (AsstctlError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return
    if lost:
        raise IncompleteError(
            f"{path} holds {', '.join(lost)} that would be lost", hint="--replace overwrites it"
        )


def _lost_lines(old: str, new: str, messages: Iterable[Message]) -> Iterator[str]:
    """Yield in words what a text to read holds, and a newer one does not say or continue."""
    was = chain.from_iterable(message.was for message in messages)
    there = sorted(_lines(new) + list(chain.from_iterable(map(_lines, was))))
    lines = 0
    for line, times in (Counter(_lines(old)) - Counter(there)).items():
        longer = bisect_left(there, line)
        found = there[longer] if longer < len(there) else ""
        lines += 0 if found != line and found.startswith(line) else times
    if lines:
        yield count(lines, "line")
    pictures = old.count("<img ") - new.count("<img ")
    if pictures > 0:
        yield count(pictures, "picture")


def _lines(text: str) -> list[str]:
    """Return what a text or a page says, line by line, without headings."""
    said = TAG.sub("\n", text.partition("<main>")[2]) if "<main>" in text else text
    stripped = map(str.strip, said.splitlines())
    return [line for line in stripped if line and not HEADING.match(line)]


def losses(old: Archived, new: Archived, removed: Container[str]) -> Iterator[str]:
    """Yield in words what an older export holds, and a newer one does not."""
    if messages := len(list(_lost(old, new, removed))):
        yield count(messages, "message")
    there_now = {run.get("id"): run for run in new.runs}
    if runs := sum(_run_has_less(there_now.get(run.get("id")), run) for run in old.runs):
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


def _run_has_less(new: Mapping[str, Any] | None, old: Mapping[str, Any]) -> bool:
    """Return whether a run is missing, or lacks steps or facts that it had as it ended."""
    if new is None or len(new.get("steps") or ()) < len(old.get("steps") or ()):
        return True
    return old.get("status") in FINAL and leaves(new) < leaves(old)


def _has_less(new: Message, old: Message) -> bool:
    """Return whether a message lacks words, parts or facts that it had."""
    if not set(old.was) <= {*new.was, said(new)}:
        return True
    if new.text == old.text:
        return len(new.parts) < len(old.parts) or _leaves(new.raw) < _leaves(old.raw)
    return not (said(old) in new.was or new.text.startswith(old.text))


def _leaves(raw: Mapping[str, Any] | None) -> int:
    return leaves(raw) if raw else 0
