"""Requests, each with its purpose."""

from collections.abc import Callable, Mapping
from dataclasses import field

from asstctl._record import record
from asstctl.wire.patience import Purpose


@record
class Request:
    """A request; `taken` returns whether the service is known to have acted on it, for a post."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = Purpose.READ
    taken: Callable[[], bool] = lambda: False


def get(path: str, query: Mapping[str, str] | None = None) -> Request:
    """Return the request that reads an object or a page."""
    return Request("GET", path, query=query or {})


def post(
    path: str, body: Mapping[str, object], taken: Callable[[], bool] = lambda: False
) -> Request:
    """Return a request that is repeated only where the service did not act on it."""
    return Request("POST", path, body, purpose=Purpose.POST, taken=taken)


def cancel(path: str) -> Request:
    """Return the request that cancels a run or a response."""
    return Request("POST", path, {}, purpose=Purpose.CANCEL)


def delete(path: str) -> Request:
    """Return the request that deletes an object."""
    return Request("DELETE", path, purpose=Purpose.DELETE)


def extended(body: Mapping[str, object], extra: Mapping[str, object]) -> dict[str, object]:
    """Return a body with fields that the vendor's types lack, or JSON that goes verbatim.

    A field that is None is left out.
    """
    return {**body, **{key: value for key, value in extra.items() if value is not None}}
