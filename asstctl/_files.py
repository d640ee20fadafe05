"""Files that are written whole or not at all."""

import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from filecmp import cmp
from glob import escape
from pathlib import Path

STALE_SECONDS = 3600
"""Age of a neighbour whose process did not finish."""


OPEN_SECONDS = 2.0
"""How long it is tried again where a system lets nobody replace a file that is open."""


def put(neighbour: Path, path: Path) -> None:
    """Rename a file into the place of another one; raises OSError."""
    end = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            neighbour.replace(path)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def replace(path: Path, pieces: Iterable[str]) -> bool:
    """Write a text to a neighbour of `path`, readable by the user alone, and rename it into place.

    Return whether the file changed: one that holds the same text already is left alone. Folders
    are made as they are needed. Raises OSError, and what `pieces` raises; then nothing changes.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stale in path.parent.glob(f".{escape(path.name)}.????????"):  # of a process that was killed
        with suppress(OSError):
            if time.time() - stale.stat().st_mtime > STALE_SECONDS:
                stale.unlink()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    neighbour = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file() and cmp(neighbour, path, shallow=False):
            return False
        put(neighbour, path)
        return True
    finally:
        neighbour.unlink(missing_ok=True)
