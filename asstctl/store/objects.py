"""The services' own objects, packed: runs with their steps, and those of messages."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from asstctl._json import sound
from asstctl._secrets import struck
from asstctl.parts import LINKS
from asstctl.store.database import Database
from asstctl.store.faults import of_a_thread
from asstctl.store.files import Files, Known

SECRETS = ("authorization", "headers", "domain_secrets")
"""Fields of tools that hold secrets of theirs: they are never stored."""

FINAL = ("completed", "incomplete", "failed", "cancelled", "expired")
"""Statuses of runs and responses that no longer change."""

LEVEL = 6
"""zlib's: more takes longer for nothing."""


def packed(found: Mapping[str, Any]) -> bytes:
    """Return an object as it is stored, without keys of ours and secrets of tools."""
    text = json.dumps(cleaned(found), ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(struck(text).encode("utf-8", "replace"), LEVEL)


def unpacked(stored: bytes) -> dict[str, Any]:
    """Return a stored object; raises ValueError where it is damaged."""
    try:
        found: dict[str, Any] = json.loads(zlib.decompress(stored))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return found


def readable(stored: bytes) -> dict[str, Any]:
    """Return a stored object, {} where it is damaged."""
    try:
        return unpacked(stored)
    except ValueError:
        return {}


def cleaned(found: Any) -> Any:
    """Return an object without the secrets of the tools that it lists."""
    if isinstance(found, list):
        return [cleaned(one) for one in found]
    if not isinstance(found, dict):
        return found
    return {
        key: [_tool(tool) for tool in value]
        if key == "tools" and isinstance(value, list)
        else cleaned(value)
        for key, value in found.items()
    }


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    return {key: value for key, value in tool.items() if key not in SECRETS}


def names(files: Mapping[str, Known], *found: Any) -> Iterator[str]:
    """Yield the ids of those files that stand in some objects or texts, by id or by hash."""
    text = json.dumps(found, ensure_ascii=False)
    for name, known in files.items():
        if name in text or (known.sha256 and known.sha256 in text):
            yield name


def leaves(found: Any) -> int:
    """Count the values in an object that say anything."""
    if isinstance(found, dict):
        return sum(map(leaves, found.values()))
    if isinstance(found, list):
        return sum(map(leaves, found))
    return int(found is not None and found != "")


SIGNED = re.compile(r"(?i)[?&](?:sig|signature|x-amz-signature|x-goog-signature)=")
"""The mark of a link that is signed."""

SIGNATURE = re.compile(
    r"(?i)([?&](?:sig|se|st|sp|sv|signature|expires|key-pair-id|x-amz-[\w-]+|x-goog-[\w-]+)=)[^&#\s]*"
)
"""Parameters of a signed link that change with every reading."""


def unsigned(text: str) -> str:
    """Return a text in which the signatures of signed links are `…`."""
    return SIGNATURE.sub(r"\1…", text) if SIGNED.search(text) else text


def steady(found: Any, *, sort: bool = True) -> Any:
    """Return an object as every reading says it: links unsigned, numbers that JSON has.

    `sort`: with its keys in order.
    """
    if isinstance(found, list):
        return [steady(one, sort=sort) for one in found]
    if isinstance(found, float) and not isfinite(found):
        return str(found)
    if not isinstance(found, dict):
        return found
    return {
        key: unsigned(value)
        if key in LINKS and isinstance(value, str)
        else steady(value, sort=sort)
        for key, value in (sorted(found.items()) if sort else found.items())
    }


class Runs:
    """The runs of threads, each with its steps."""

    def __init__(self, database: Database, files: Files) -> None:
        self._db = database
        self._files = files

    def put(
        self, thread: int, run_id: str, found: Mapping[str, Any], *, whole: bool = False
    ) -> None:
        """Keep a run of the thread with a number; `found` has the service's object and `steps`.

        A run that is there is replaced where that says no less, and keeps its place; one without
        steps keeps those it has. `whole`: it and its steps were asked for, and not seen in passing.
        """
        run_id = sound(run_id)
        from asstctl.store.lifting import Lifting  # only what writes needs it

        with self._db.writing():
            old = self._db.value(
                "SELECT object FROM runs WHERE thread = ? AND id = ?", thread, run_id
            )
            was = readable(old) if old is not None else {}
            if was.get("steps") and not found.get("steps"):
                found = {**found, "steps": was["steps"]}
            if was.get("status") in FINAL and leaves(was) > leaves(found):
                found = was
            with of_a_thread():
                self._db.execute(
                    "INSERT INTO runs (thread, id, place, object, whole) VALUES (:thread, :id,"
                    " (SELECT coalesce(max(place), 0) + 1 FROM runs WHERE thread = :thread),"
                    " :object, :whole) ON CONFLICT (thread, id) DO UPDATE SET"
                    " object = excluded.object, whole = max(whole, excluded.whole)",
                    thread=thread,
                    id=run_id,
                    whole=whole,
                    object=packed(Lifting(self._files).object(thread, found)),
                )

    def of(self, thread: int) -> list[dict[str, Any]]:
        """Return the runs of the thread with a number, oldest first."""
        sql = "SELECT object FROM runs WHERE thread = ? ORDER BY place"
        return [found for row in self._db.rows(sql, thread) if (found := readable(row[0]))]

    def tokens(self, thread: int) -> tuple[int, int]:
        """Return the tokens that the runs of a thread read and wrote, as far as they say so."""
        asked = written = 0
        for run in self.of(thread):
            usage = run.get("usage")
            if isinstance(usage, dict):
                asked += _tokens(usage, "prompt_tokens", "input_tokens")
                written += _tokens(usage, "completion_tokens", "output_tokens")
        return asked, written

    def strike(self, thread: int, item_id: str) -> None:
        """Strike an item out of the outputs of a thread's responses."""
        sql = "SELECT id, object FROM runs WHERE thread = ?"
        for identity, stored in self._db.rows(sql, thread):
            run = readable(stored)
            output = run.get("output")
            if not isinstance(output, list):
                continue
            left = [i for i in output if not (isinstance(i, dict) and i.get("id") == item_id)]
            if len(left) < len(output):
                sql = "UPDATE runs SET object = ? WHERE thread = ? AND id = ?"
                self._db.execute(sql, packed({**run, "output": left}), thread, identity)

    def named(self, thread: int, files: Mapping[str, Known]) -> set[str]:
        """Return the ids of those files that a thread's runs name, by id or by hash."""
        return {name for run in self.of(thread) for name in names(files, run)}

    def forget(self, thread: int) -> None:
        """Delete the runs of the thread with a number."""
        with self._db.writing():
            self._db.execute("DELETE FROM runs WHERE thread = ?", thread)

    def known(self, thread: int) -> set[str]:
        """Return the ids of the runs that are kept whole, and change no more."""
        sql = "SELECT id, object, whole FROM runs WHERE thread = ?"
        found = set()
        for identity, stored, whole in self._db.rows(sql, thread):
            run = readable(stored)
            if run.get("status") in FINAL and (whole or run.get("object") == "response"):
                found.add(identity)
        return found

    def unreadable(self, thread: int) -> int:
        """Count the runs of a thread that are damaged."""
        sql = "SELECT object FROM runs WHERE thread = ?"
        return sum(not readable(row[0]) for row in self._db.rows(sql, thread))

    def put_all(self, thread: int, runs: Iterable[Mapping[str, Any]]) -> None:
        """Keep several runs, oldest first, each by its own `id`."""
        with self._db.writing():
            for run in runs:
                self.put(thread, str(run.get("id")), run)


def _tokens(usage: Mapping[str, Any], *names: str) -> int:
    """Return the first count under one of some names, 0 without any."""
    counts = (usage.get(name) for name in names)
    return next((count for count in counts if type(count) is int and count > 0), 0)
