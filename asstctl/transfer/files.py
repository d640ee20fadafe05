"""The files of a thread: found in the service's objects, fetched, kept by hash."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any

from asstctl.errors import UnsupportedError
from asstctl.events import Progress
from asstctl.model import Thread
from asstctl.session import Session
from asstctl.store.files import Known, TooLargeError

CITED = ("file_citation", "file_search", "results", "vector_store")
"""Fields that name files which a search found, and no message holds."""

MEGABYTE = 1_000_000


def fetch_files(
    session: Session, thread: Thread, objects: Iterable[Mapping[str, Any]]
) -> Generator[Progress, None, list[str]]:
    """Keep the files that a service's objects name, and return why others can't be had.

    Raises UnavailableError, or what the service says of the key, where another attempt may have
    more.
    """
    files = session.store.files
    number = session.store.messages.number(thread.key)
    settings = session.home(thread)
    most = int(settings.max_file * MEGABYTE)
    here = {known.id for known in files.of(number)}
    missing = []
    for file_id, container in chain.from_iterable(map(named, objects)):
        if file_id in here:
            continue
        here.add(file_id)
        known = files.known(thread.endpoint, file_id)
        if known is None:
            yield Progress(f"fetching {file_id}", 0, 0)
            known = _fetched(session, thread, number, (file_id, container), most)
        else:
            files.note(number, thread.endpoint, known)
        if known.missing:
            missing.append(f"{file_id}: {known.missing}")
    return missing


def _fetched(
    session: Session, thread: Thread, number: int, name: tuple[str, str], most: int
) -> Known:
    """Fetch one file and keep it; one that can't be had is noted, and asked for no more."""
    backend, files = session.holder(thread), session.store.files
    file_id, container = name
    known = Known(file_id)
    try:
        about = backend.file(file_id, container)
        known = Known(file_id, about.name, about.media_type, about.size or 0)
        with closing(backend.content(file_id, container)) as pieces:
            return files.keep(number, thread.endpoint, known, pieces, most)
    except TooLargeError as error:  # another setting may have it
        return Known(file_id, known.name, size=known.size, missing=error.message)
    except UnsupportedError as error:
        refused = Known(file_id, known.name, size=known.size, missing=error.message)
        files.note(number, thread.endpoint, refused)
        return refused


def named(found: Any, under: str = "") -> Iterator[tuple[str, str]]:
    """Yield the id of each file that an object holds, and its container's, "" without one.

    A web address is no file of a service.
    """
    if isinstance(found, list):
        for one in found:
            yield from named(one, under)
    elif isinstance(found, dict) and not (found.get("type") in CITED or under in CITED):
        for key, value in found.items():
            if key == "file_id" and isinstance(value, str) and value:
                yield value, str(found.get("container_id") or "")
            else:
                yield from named(value, key)
