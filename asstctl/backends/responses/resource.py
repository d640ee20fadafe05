"""Responses by their ids: read, waited for, cancelled."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from asstctl.backends.responses.response import OPEN
from asstctl.backends.stream import CANCEL_SECONDS, last_status
from asstctl.errors import AsstctlError
from asstctl.wire.pages import found
from asstctl.wire.requests import cancel, get
from asstctl.wire.wire import Wire


def read(wire: Wire, response_id: str) -> dict[str, Any]:
    """Return a response object; raises NotFoundError."""
    return found(wire.call(get(f"/responses/{response_id}")))


def poll(wire: Wire, response_id: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield a response object again and again, for so many seconds."""
    return map(found, wire.poll(f"/responses/{response_id}", seconds))


def settled(wire: Wire, response_id: str, seconds: float) -> str:
    """Wait for a response's end and return its last status."""
    return last_status(poll(wire, response_id, seconds), lambda status: status not in OPEN)


def cancelled(wire: Wire, response_id: str) -> str:
    """Cancel a response, wait for its end, CANCEL_SECONDS at most, and return its last status."""
    with suppress(AsstctlError):  # it may have ended by itself
        wire.call(cancel(f"/responses/{response_id}/cancel"))
    return settled(wire, response_id, CANCEL_SECONDS)
