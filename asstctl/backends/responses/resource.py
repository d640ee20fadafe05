"""Responses by their ids: read, waited for, cancelled."""

from collections.abc import Iterator
from typing import Any

from asstctl.backends.cancelling import cancelled, last_status
from asstctl.backends.responses.response import OPEN
from asstctl.wire.pages import found, pages
from asstctl.wire.requests import at, cancel, get
from asstctl.wire.wire import Wire


def read(wire: Wire, response_id: str) -> dict[str, Any]:
    """Return a response object; raises NotFoundError."""
    return found(wire.call(get(at("responses", response_id))))


def inputs(wire: Wire, response_id: str) -> list[dict[str, Any]]:
    """Return the items that a response was asked with; raises NotFoundError."""
    return list(pages(wire, at("responses", response_id, "input_items")))


def poll(wire: Wire, response_id: str, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield a response object again and again, for so many seconds."""
    return map(found, wire.poll(at("responses", response_id), seconds))


def settled(wire: Wire, response_id: str, seconds: float) -> str:
    """Wait for a response's end and return its last status."""
    return last_status(poll(wire, response_id, seconds), lambda status: status not in OPEN)


def stopped(wire: Wire, response_id: str) -> str:
    """Cancel a response, wait a while for its end, and return its last status.

    Raises AsstctlError where neither the cancelling nor the waiting was answered well.
    """
    return cancelled(
        response_id,
        lambda: wire.call(cancel(at("responses", response_id, "cancel"))),
        lambda seconds: poll(wire, response_id, seconds),
        lambda status: status not in OPEN,
    )
