"""Faults of the database, by what they mean."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

import os
from contextlib import contextmanager

from asstctl.errors import AsstctlError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class MendedError(AsstctlError):
    """The store was damaged, and is whole again as far as it could be read."""


def file_of(path: str) -> tuple[int, int] | None:
    """Return which file is at a path now, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def writable(path: str) -> bool:
    """Return whether the system lets us write to a file or folder."""
    return os.access(path, os.W_OK)


def damaged(error: BaseException | None) -> bool:
    """Return whether SQLite found the file to be no database, or one with a broken head."""
    return _name(error).startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))


def busy(error: BaseException | None) -> bool:
    """Return whether SQLite says that another process holds the file."""
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def locked(error: AsstctlError) -> bool:
    """Return whether another process held the store for longer than was waited."""
    return busy(error.__cause__)


def duplicate(error: AsstctlError) -> bool:
    """Return whether a statement failed because a value that must be unique is there already."""
    return _name(error.__cause__).startswith("SQLITE_CONSTRAINT")


@contextmanager
def of_a_thread() -> Iterator[None]:
    """Raise NotFoundError where what is written belongs to a thread that is deleted."""
    try:
        yield
    except AsstctlError as error:
        if _name(error.__cause__) != "SQLITE_CONSTRAINT_FOREIGNKEY":
            raise
        raise NotFoundError("the thread was deleted here meanwhile") from error


def _name(error: BaseException | None) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
