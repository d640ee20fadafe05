"""Facts that a held store has no room for, in files beside it until it is free."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from asstctl.errors import AsstctlError


class Beside:
    """A folder of JSON objects in the order in which they were kept; None: there is no folder.

    Files that can't be read stay under another name, so that they are tried once.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def keep(self, name: str, at: float, facts: Mapping[str, Any]) -> Path:
        """Write one object; `at` is its place in the order, in seconds since 1970.

        One that has the same name and time replaces it. Raises AsstctlError where it can't be
        written.
        """
        from hashlib import sha256  # for a store that is held

        from asstctl import _files

        assert self.folder is not None  # noqa: S101 - without a path nothing is locked
        key = sha256(name.encode()).hexdigest()[:16]
        path = self.folder / f"{int(at * 1000):015d}-{key}.json"
        try:
            _files.replace(path, [json.dumps(facts, default=str)])
        except OSError as error:
            raise AsstctlError(
                f"the store is locked, and the turn can't be kept beside it: {error.strerror}",
                hint=f"is there room in {self.folder}?",
            ) from error
        return path

    def waiting(self) -> list[Path]:
        """Return the files that wait, those that were kept first at the beginning."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(self.folder.glob("*.json"))

    @contextmanager
    def alone(self) -> Iterator[list[Path]]:
        """Hold off other processes that take files in; none are left to take where one does."""
        from asstctl._locks import BusyError, alone

        assert self.folder is not None  # noqa: S101 - something waits
        try:
            with alone(self.folder / ".lock", 0):
                yield self.waiting()
        except BusyError:
            yield []


def read(path: Path, made: Callable[[dict[str, Any]], Any]) -> Any:
    """Return what `made` makes of a kept object, None where it understands none."""
    try:
        return made(json.loads(path.read_text("utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def set_aside(path: Path) -> Path:
    """Rename a file that can't be taken in, so that it is tried once; return its new path."""
    aside = path.with_suffix(".damaged")
    with suppress(OSError):
        path.rename(aside)
    return aside


def words_beside(path: Path) -> str:
    """Return in words that a turn is kept in a file beside the store."""
    return f"the store is locked: this turn is kept in {path} until it is free"
