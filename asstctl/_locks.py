"""Locks between processes: files that the system unlocks, however their holder ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BusyError(Exception):
    """Another process held a lock for longer than was waited."""


@contextmanager
def alone(path: Path, seconds: float = -1) -> Iterator[None]:
    """Hold off every other process that holds the lock at `path`; -1 waits for as long as it takes.

    Raises BusyError, and OSError where the file can't be made.
    """
    import filelock  # for changes that two processes must not make at once

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(path, timeout=seconds, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise BusyError from error
    try:
        yield
    finally:
        lock.release()
