"""Requests, each with its purpose."""

from collections.abc import Callable, Mapping
from dataclasses import field
from urllib.parse import quote

from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.wire.patience import ATTEMPTS, Purpose, Seen


@record
class Request:
    """A request; `look` says whether the service acted on it, for a post without a good answer."""

    method: str
    path: str
    body: Mapping[str, object] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    purpose: Purpose = Purpose.READ
    look: Callable[[], Seen] = lambda: Seen.UNKNOWN
    attempts: int = ATTEMPTS


def at(*words: str) -> str:
    """Return a path of words, each of which may be an id: none of them steers where it leads.

    Raises AsstctlError for one that a server would read as a step: no id is a dot or two.
    """
    for word in words:
        if word.strip(".") == "":
            raise AsstctlError(f"{word!r} is no id that can be asked for")
    return "".join(f"/{quote(word, safe='')}" for word in words)


def get(path: str, query: Mapping[str, str] | None = None) -> Request:
    """Return the request that reads an object or a page."""
    return Request("GET", path, query=query or {})


def post(
    path: str,
    body: Mapping[str, object],
    purpose: Purpose,
    look: Callable[[], Seen] = lambda: Seen.UNKNOWN,
) -> Request:
    """Return a request that changes something: `purpose` says when it may be sent again."""
    return Request("POST", path, body, purpose=purpose, look=look)


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
