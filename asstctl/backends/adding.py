"""Additions to a thread that is copied, each there once although no request of theirs says so."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from asstctl.errors import AsstctlError
from asstctl.model import Message
from asstctl.wire.patience import Purpose, Seen, left_open
from asstctl.wire.requests import post
from asstctl.wire.wire import Wire

Saying = tuple[str, str]
"""A role, and the words that it said: what an addition and its message in a list share."""


def saying(message: Message) -> Saying:
    """Return what a message says; some servers trim texts."""
    return message.role, message.text.strip()


def add(
    wire: Wire,
    path: str,
    body: Mapping[str, object],
    sent: list[Saying],
    newer: Callable[[], list[Saying] | None],
) -> tuple[Any, bool]:
    """Post additions; return the answer, None where it was lost and they are there.

    With it comes whether they were sent again, so that they may arrive twice. `newer` returns what
    is there and was not before, oldest first; None: nobody can tell. Raises AsstctlError.
    """
    seen = Seen.UNKNOWN

    def look() -> Seen:
        nonlocal seen
        seen, found = Seen.UNKNOWN, None
        with suppress(AsstctlError):
            found = newer()
        if found is not None:
            seen = Seen.TAKEN if found == sent else Seen.UNKNOWN if found else Seen.ABSENT
        return seen

    try:
        return wire.call(post(path, body, Purpose.ADDITION, look)), seen is Seen.ABSENT
    except AsstctlError as error:
        if seen is not Seen.TAKEN or not left_open(error):
            raise
        return None, False
