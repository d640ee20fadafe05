"""Answers that are objects, or lists of them page by page."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from asstctl.errors import AsstctlError, NotFoundError, UnsupportedError
from asstctl.wire.requests import get
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from asstctl.wire.http import Begun

T = TypeVar("T")

NO_PATH = (404, 405, 501)
"""Statuses of a server that does not know a path at all."""

PAGE = 100
"""Objects a page: the most that the wires give."""


def found(answer: Any) -> dict[str, Any]:
    """Return an answer as an object; some servers say null for one that is not there."""
    if answer is None:
        raise NotFoundError("the service knows no such thing: it answered null")
    return answer if isinstance(answer, dict) else {"data": answer}


def objects(listed: Any) -> list[dict[str, Any]]:
    """Return the objects in what should be a list of them."""
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def items(answer: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, in the server's order; raises AsstctlError for no list."""
    listed = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise AsstctlError("the service sent something else in place of a list")
    return objects(listed)


def identity(made: Any) -> str:
    """Return the id of a new object; raises AsstctlError where it has none."""
    if not isinstance(made, dict) or not made.get("id"):
        raise AsstctlError("the service made a thread, and did not say its id")
    return str(made["id"])


def pages(
    wire: Wire,
    path: str,
    *,
    newest_first: bool = False,
    limit: int = sys.maxsize,
    query: Mapping[str, str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, page by page, up to the page that reaches `limit`.

    The next page is on its way while one is read. Objects that a page repeats of the one before
    it are left out; a server that goes in circles is left where a page ends as an earlier one did.
    """
    order = "desc" if newest_first else "asc"
    first = {"limit": str(min(limit, PAGE)), "order": order, **(query or {})}
    request = get(path, first)
    begun: Begun | None = None
    before: set[str] = set()
    ends: set[str] = set()
    try:
        while True:
            asked, begun = begun, None
            answer = found(wire.call(request, asked))
            page = items(answer)
            names = [key(item) for item in page]
            new = page
            if len(once := set(names)) < len(names) or not once.isdisjoint(before):
                first_seen = dict(zip(reversed(names), reversed(page), strict=True))
                new = [item for name, item in reversed(first_seen.items()) if name not in before]
            before = once
            limit -= len(new)
            last = str(new[-1].get("id") or "") if new else ""
            if last in ends:
                return
            if not last or limit <= 0 or answer.get("has_more") is False:
                yield from new
                return
            ends.add(last)
            request = get(path, {**first, "after": last})
            begun = wire.begin(request)
            yield from new
    finally:
        if begun:
            begun.close()


def key(item: Mapping[str, Any]) -> str:
    """Return an object's name within its list: its id, or its JSON."""
    return item.get("id") or json.dumps(item, sort_keys=True)


@contextmanager
def listing(host: str, what: str) -> Iterator[None]:
    """Raise UnsupportedError where a service has no list of something: it knows no such path."""
    try:
        yield
    except AsstctlError as error:
        if error.status not in (*NO_PATH, 400):
            raise
        raise UnsupportedError(
            f"{host} can't list its {what}: {error.message}",
            hint="asstctl threads list shows what was seen here",
        ) from error


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `things` in lists of at most `size`."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
