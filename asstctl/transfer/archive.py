"""Threads as files of our own form, and the reading of every form that is known.

Ours is one JSON object a thread, `"schema": "asstctl-thread/v2"`, described in the README.
"""

import json
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from typing import Any

from asstctl import _files
from asstctl._json import loads, objects
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
from asstctl.parts import FileRef
from asstctl.store.files import Known, digest_of
from asstctl.store.objects import steady, unsigned
from asstctl.transfer import foreign

SCHEMA = "asstctl-thread/v2"

FILE_FIELDS = ("id", "name", "media_type", "size", "sha256", "missing")

OLDER = ("asstctl-thread/v1",)
"""Older forms of ours, which are read too."""

PLAIN_NAME = re.compile(r"(?i)(?!(con|prn|aux|nul|com\d|lpt\d)\.?$)\w[\w.-]{0,99}", re.ASCII)
"""An id that every file system takes as it is, the names of devices left out."""


@record
class Archived:
    """A thread as a file holds it; `notes` name what it holds and can't be carried elsewhere.

    `runs` are the service's runs with their steps, `missing` why something could not be had;
    `object` is the service's own of the thread, {} where it has none.
    """

    thread: Thread
    messages: list[Message]
    notes: Sequence[str] = ()
    runs: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = ()
    files: Sequence[Known] = ()
    object: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()  # of the file that it was read from


def files_of(found: Archived) -> Callable[[FileRef], tuple[Known, Path] | None]:
    """Return the function that finds the contents of a thread's files beside its own file."""
    by_name = {name: known for known in found.files for name in (known.id, known.sha256) if name}

    def locate(file: FileRef) -> tuple[Known, Path] | None:
        known = by_name.get(file.id) or by_name.get(file.sha256)
        if known is None or not known.sha256:
            return None
        path = found.folder / "files" / known.sha256
        return (known, path) if path.is_file() and digest_of(path) == known.sha256 else None

    return locate


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


def document(content: Archived) -> Iterator[str]:
    """Yield a thread as our JSON, piece by piece, so that no thread is too long.

    The same thread makes the same text: nothing of the moment of writing is in it.
    """
    facts = thread_json(content.thread)
    if content.object:
        facts["raw"] = steady(content.object)
    yield f'{{"schema": {text(SCHEMA)},\n"thread": {text(facts)},\n'
    yield '"messages": ['
    yield from listed(map(message_text, content.messages))
    yield '\n],\n"runs": ['
    yield from listed(text(run, raw=True) for run in content.runs)
    yield '\n],\n"files": ['
    yield from listed(text(file_json(known)) for known in content.files)
    yield f'\n],\n"missing": {text(list(content.missing))}}}\n'


def file_json(known: Known) -> dict[str, Any]:
    """Return a file as JSON: `path` is where its contents are, beside the JSON."""
    facts = {field: getattr(known, field) for field in FILE_FIELDS}
    path = f"files/{known.sha256}" if known.sha256 else ""
    return {name: value for name, value in (*facts.items(), ("path", path)) if value}


def file_from(found: Mapping[str, Any]) -> Known:
    """Read a file; raises ValueError and its like for an object that is none."""
    texts = {name: str(found.get(name) or "") for name in FILE_FIELDS if name != "size"}
    if not re.fullmatch("([0-9a-f]{64})?", texts["sha256"]):
        raise ValueError(f"sha256 {texts['sha256']!r}")
    return Known(**texts, size=int(found.get("size") or 0))


def copy_files(content: Archived, kept: Callable[[str], Path], directory: Path) -> list[str]:
    """Copy the contents of a thread's files beside its JSON, each whole or not at all.

    Return why some are left out. Raises AsstctlError where they can't be written.
    """
    missing = []
    folder = directory / "files"
    for known in {known.sha256: known for known in content.files if known.sha256}.values():
        source, target = kept(known.sha256), folder / known.sha256
        if target.is_file() and target.stat().st_size == known.size:
            continue
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            neighbour = folder / f".{known.sha256}.new"
            if not source.is_file() or digest_of(source) != known.sha256:
                missing.append(f"{known.id}: what was kept of it is damaged")
                continue
            copyfile(source, neighbour)
            neighbour.rename(target)
        except OSError as error:
            neighbour.unlink(missing_ok=True)
            raise AsstctlError(f"can't write {target}: {error.strerror}") from error
    return missing


def message_text(message: Message) -> str:
    """Return a message as JSON."""
    found = message_json(message)
    found["parts"] = steady(found["parts"], sort=False)
    if message.was:
        found["was"] = list(map(unsigned, message.was))
    if message.raw is not None:
        found["raw"] = steady(message.raw)
    return text(found)


def listed(objects: Iterable[str]) -> Iterator[str]:
    """Yield JSON objects as the members of a list, a line each."""
    separator = "\n"
    for one in objects:
        yield separator + one
        separator = ",\n"


def text(found: Any, *, raw: bool = False) -> str:
    """Return JSON; `raw`: of a service's object, with its keys in order and unsigned links."""
    return json.dumps(steady(found) if raw else found, ensure_ascii=False)


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
        if schema == SCHEMA or schema in OLDER:
            return ours(found, path)
        if schema == foreign.SCHEMA:
            thread, messages, notes = foreign.read(found, manifest)
            runs = found.get("runs") or []
            return Archived(used(thread, messages), messages, notes, runs)
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise AsstctlError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    raise AsstctlError(
        f"{path} is no thread that asstctl knows: its schema is {schema!r}",
        hint=f"there are: {SCHEMA}, {foreign.SCHEMA}",
    )


def ours(found: Mapping[str, Any], path: Path) -> Archived:
    """Read our own form."""
    messages = [message_from(one) for one in found["messages"]]
    thread = used(thread_from(found["thread"]), messages)
    runs = found.get("runs") or []
    files = [file_from(one) for one in found.get("files") or ()]
    if len(objects(runs)) != len(runs):
        raise TypeError("runs")
    missing = tuple(map(str, found.get("missing") or ()))
    raw = found["thread"].get("raw")
    thing = raw if isinstance(raw, dict) else {}
    return Archived(thread, messages, (), runs, missing, files, thing, path.parent)


def used(thread: Thread, messages: list[Message]) -> Thread:
    """Return a thread with the time of its last message, and a title if it has none."""
    moments = [found.created_at for found in messages if found.created_at]
    said_at = moments[-1] if moments else thread.created_at
    prompts = (found.text for found in messages if found.role == "user")
    return replace(thread, said_at=said_at, title=thread.title or titled(next(prompts, "")))
