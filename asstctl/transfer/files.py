"""The files of a thread: found in the service's objects, fetched, kept by hash."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any

from asstctl.backends.naming import named
from asstctl.errors import AsstctlError, UnavailableError, UnsupportedError
from asstctl.events import Progress
from asstctl.model import Thread
from asstctl.session import Session
from asstctl.store.files import Known, TooLargeError

MEGABYTE = 1_000_000

TOO_LARGE = "larger than max_file"
"""How the reason begins for a file that a larger setting has."""


def fetch_files(
    session: Session, thread: Thread, objects: Iterable[Mapping[str, Any]]
) -> Generator[Progress, None, tuple[list[str], list[AsstctlError]]]:
    """Keep the files that a service's objects name.

    Return why others can't be had, and the errors after which another attempt may have some.
    """
    files = session.store.files
    number = session.store.messages.number(thread.key)
    settings = session.home(thread)
    most = int(settings.max_file * MEGABYTE)
    here = {known.id for known in files.of(number) if files.intact(known)}
    missing: list[str] = []
    later: list[AsstctlError] = []
    for file_id, container in chain.from_iterable(map(named, objects)):
        if file_id in here:
            continue
        here.add(file_id)
        known = files.known(thread.endpoint, file_id)
        small = known and known.missing.startswith(TOO_LARGE) and known.size <= most
        if known is None or small or not (known.missing or files.intact(known)):
            yield Progress(f"fetching {file_id}", 0, 0)
            try:
                known = _fetched(session, thread, number, (file_id, container), most)
            except AsstctlError as error:
                later.append(error)
                continue
        else:
            files.note(number, thread.endpoint, known)
        if known.missing:
            missing.append(f"{file_id}: {known.missing}")
    return missing, later


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
        demand_small(known.size, most)
        with closing(backend.content(file_id, container)) as pieces:
            whole = measured(pieces, about.size, file_id)
            return files.keep(number, thread.endpoint, known, whole, most)
    except TooLargeError:
        why = f"{TOO_LARGE} of {most // MEGABYTE} MB"
    except UnsupportedError as error:
        why = error.message
    refused = Known(file_id, known.name, size=known.size, missing=why)
    files.note(number, thread.endpoint, refused)
    return refused


def demand_small(size: int, most: int) -> None:
    """Raise TooLargeError above `most` bytes."""
    if size > most:
        raise TooLargeError(TOO_LARGE)


def measured(pieces: Iterable[bytes], size: int | None, name: str) -> Iterator[bytes]:
    """Yield pieces; raises UnavailableError if they are fewer bytes than the service said."""
    count = 0
    for piece in pieces:
        count += len(piece)
        yield piece
    if size is not None and count < size:
        raise UnavailableError(f"{name} came with {count} of {size} bytes", retryable=True)
