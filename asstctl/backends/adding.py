"""Additions to a thread that is copied, each there once although no request of theirs says so."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from asstctl.errors import AsstctlError
from asstctl.wire.patience import Purpose, Seen, left_open
from asstctl.wire.requests import post
from asstctl.wire.wire import Wire


def add(
    wire: Wire,
    path: str,
    body: Mapping[str, object],
    size: int,
    newer: Callable[[], int | None],
) -> Any:
    """Post `size` additions and return the answer, None where it was lost and they are there.

    `newer` counts what is there and was not before; None: nobody can tell. Raises AsstctlError.
    """
    seen = Seen.UNKNOWN

    def look() -> Seen:
        nonlocal seen
        seen, count = Seen.UNKNOWN, None
        with suppress(AsstctlError):
            count = newer()
        if count is not None:
            seen = {0: Seen.ABSENT, size: Seen.TAKEN}.get(count, Seen.UNKNOWN)
        return seen

    try:
        return wire.call(post(path, body, Purpose.ADDITION, look))
    except AsstctlError as error:
        if seen is not Seen.TAKEN or not left_open(error):
            raise
        return None
