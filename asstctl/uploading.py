"""Uploads that are made once: what a stopped process may have left is looked for first."""

import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from asstctl.backends import Backend
from asstctl.errors import AsstctlError, UnavailableError, UnsupportedError
from asstctl.parts import FileRef, Part
from asstctl.store.store import Store

LOOKS, LOOK_SECONDS = 2, 2.0
"""How often, and after how many seconds, it is looked for a file that was on its way."""

SKEW = 2.0
"""Seconds by which the clocks of servers may differ from ours."""

LONGEST = 900.0
"""Seconds after which an upload that was begun is over, in one way or another."""


def upload(
    store: Store, backend: Backend, endpoint: str, kind: type[Part], file: FileRef, path: Path
) -> str:
    """Upload a file, whose hash and size are known, and return its id; raises as a backend does.

    It counts as on its way until the store's `uploads.end` is called.
    """
    before = store.uploads.begin(endpoint, file.sha256, kind)
    if before is not None:
        if there := arrived(store, backend, endpoint, kind, file, before):
            return there
        store.uploads.renew(endpoint, file.sha256, kind)
    began = time.time()
    try:
        return backend.upload(kind, file, path)
    except UnavailableError:  # some servers take a file and fail at their answer
        if there := arrived(store, backend, endpoint, kind, file, began):
            return there
        # a later file of that name is somebody else's
        store.uploads.end(endpoint, file.sha256, kind)
        raise
    except AsstctlError:
        store.uploads.end(endpoint, file.sha256, kind)
        raise


def arrived(
    store: Store, backend: Backend, endpoint: str, kind: type[Part], file: FileRef, since: float
) -> str | None:
    """Return the id of the one file that came to a server then and is not known here.

    None where there is none, or more than one, or no list, or where it holds something else.
    """
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
        try:
            found = list(backend.uploads(kind, file, (since - SKEW, since + LONGEST)))
        except AsstctlError:
            return None
        unknown = [one for one in found if store.files.known(endpoint, one) is None]
        if unknown:
            one = unknown[0] if len(unknown) == 1 else None
            return one if one and may_be(backend, one, file) else None
    return None


def may_be(backend: Backend, file_id: str, file: FileRef) -> bool:
    """Return whether a server's file has some contents, as far as it lets them be read."""
    digest = sha256()
    try:
        with closing(backend.content(file_id)) as pieces:
            for piece in pieces:
                digest.update(piece)
    except UnsupportedError:
        return True  # nobody may read what was uploaded
    except AsstctlError:
        return False
    return digest.hexdigest() == file.sha256
