"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from filecmp import cmp
from pathlib import Path


def replace(path: Path, pieces: Iterable[str]) -> bool:
    """Write a text to a neighbour of `path`, readable by the user alone, and rename it into place.

    Return whether the file changed: one that holds the same text already is left alone. Folders
    are made as they are needed. Raises OSError, and what `pieces` raises; then nothing changes.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    neighbour = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if path.is_file() and cmp(neighbour, path, shallow=False):
            return False
        neighbour.replace(path)
        return True
    finally:
        neighbour.unlink(missing_ok=True)
