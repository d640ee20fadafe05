"""The files of a thread: found in the service's objects, fetched, kept by hash."""

import binascii
from base64 import b64decode
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from asstctl.errors import UnsupportedError
from asstctl.events import Progress
from asstctl.model import Message, Thread
from asstctl.session import Session
from asstctl.store.files import Known, TooLargeError

CITED = ("file_citation", "file_search", "results", "vector_store")
"""Fields that name files which a search found, and no message holds."""

MEGABYTE = 1_000_000


def fetch_files(
    session: Session, thread: Thread, messages: Iterable[Message], runs: Iterable[Mapping[str, Any]]
) -> Generator[Progress, None, tuple[int, list[str]]]:
    """Keep the files that a thread's messages and runs hold.

    Return how many are new here, and why others can't be had. Raises UnavailableError, or what the
    service says of the key, where another attempt may have more.
    """
    files = session.store.files
    number = session.store.messages.number(thread.key)
    settings = session.home(thread)
    most = int(settings.max_file * MEGABYTE)
    here = {known.id for known in files.of(number)}
    new, missing = 0, []
    for raw in (*(message.raw or {} for message in messages), *runs):
        for name, media_type, data in embedded(raw):
            if name not in here:
                files.keep(number, thread.endpoint, Known(name, "", media_type), [data], most)
                here.add(name)
                new += 1
        for file_id in named(raw):
            if file_id in here:
                continue
            here.add(file_id)
            known = files.known(thread.endpoint, file_id)
            if known is None:
                yield Progress(f"fetching {file_id}", 0, 0)
                known = _fetched(session, thread, number, file_id, most)
                new += bool(known.sha256)
            else:
                files.note(number, thread.endpoint, known)
            if known.missing:
                missing.append(f"{file_id}: {known.missing}")
    return new, missing


def _fetched(session: Session, thread: Thread, number: int, file_id: str, most: int) -> Known:
    """Fetch one file and keep it; one that can't be had is noted, and asked for no more."""
    backend, files = session.holder(thread), session.store.files
    known = Known(file_id)
    try:
        about = backend.file(file_id)
        known = Known(file_id, about.name, about.media_type, about.size or 0)
        with closing(backend.content(file_id)) as pieces:
            return files.keep(number, thread.endpoint, known, pieces, most)
    except TooLargeError as error:  # another setting may have it
        return Known(file_id, known.name, size=known.size, missing=error.message)
    except UnsupportedError as error:
        refused = Known(file_id, known.name, size=known.size, missing=error.message)
        files.note(number, thread.endpoint, refused)
        return refused


def named(found: Any, under: str = "") -> Iterator[str]:
    """Yield the ids of files that an object holds; a web address is no file of a service."""
    if isinstance(found, list):
        for one in found:
            yield from named(one, under)
    elif isinstance(found, dict) and not (found.get("type") in CITED or under in CITED):
        for key, value in found.items():
            if key == "file_id" and isinstance(value, str) and value:
                yield value
            else:
                yield from named(value, key)


def embedded(found: Any) -> Iterator[tuple[str, str, bytes]]:
    """Yield the files that an object holds itself, each with a name and its media type."""
    if isinstance(found, list):
        for one in found:
            yield from embedded(one)
    if not isinstance(found, dict):
        return
    for value in found.values():
        if isinstance(value, str) and value.startswith("data:"):
            head, _, data = value.partition(",")
            yield from _decoded(str(found.get("id") or ""), head, data)
        else:
            yield from embedded(value)
    if found.get("type") == "image_generation_call" and isinstance(found.get("result"), str):
        head = f"data:image/{found.get('output_format') or 'png'};base64"
        yield from _decoded(str(found.get("id") or ""), head, found["result"])


def _decoded(name: str, head: str, data: str) -> Iterator[tuple[str, str, bytes]]:
    media_type, _, encoding = head.removeprefix("data:").partition(";")
    if encoding.endswith("base64") and data:
        try:
            content = b64decode(data, validate=True)
        except binascii.Error:
            return
        from hashlib import sha256

        yield name or sha256(content).hexdigest()[:16], media_type, content
