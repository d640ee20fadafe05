"""Uploads that are made once: what a stopped process may have left is looked for first."""

import time
from pathlib import Path

from asstctl.backends import Backend
from asstctl.errors import AsstctlError, UnavailableError
from asstctl.parts import FileRef, Part
from asstctl.store.store import Store

LOOKS, LOOK_SECONDS = 2, 2.0
"""How often, and after how many seconds, it is looked for a file that was on its way."""

SKEW = 60.0
"""Seconds by which the clocks of servers may differ from ours."""


def upload(
    store: Store, backend: Backend, endpoint: str, kind: type[Part], file: FileRef, path: Path
) -> str:
    """Upload a file, whose hash and size are known, and return its id; raises as a backend does.

    It counts as on its way until `noted` is called.
    """
    before = store.uploads.begin(endpoint, file.sha256, kind)
    if before is not None and (there := arrived(store, backend, endpoint, kind, file, before)):
        return there
    began = time.time()
    try:
        return backend.upload(kind, file, path)
    except UnavailableError:  # some servers take a file and fail at their answer
        if there := arrived(store, backend, endpoint, kind, file, began):
            return there
        raise
    except AsstctlError:
        noted(store, endpoint, kind, file)
        raise


def noted(store: Store, endpoint: str, kind: type[Part], file: FileRef) -> None:
    """Note that an upload's id is known here, or that there is none."""
    store.uploads.end(endpoint, file.sha256, kind)


def arrived(
    store: Store, backend: Backend, endpoint: str, kind: type[Part], file: FileRef, since: float
) -> str | None:
    """Return the id of the one file that came to a server since then and is not known here.

    None where there is none, or more than one, or no list.
    """
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
        try:
            found = list(backend.uploads(kind, file, since - SKEW))
        except AsstctlError:
            return None
        unknown = [one for one in found if store.files.known(endpoint, one) is None]
        if unknown:
            return unknown[0] if len(unknown) == 1 else None
    return None
