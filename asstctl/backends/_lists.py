"""Answers that are objects or lists of them, page by page, and objects that are looked at again."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from asstctl.backends._objects import moment, objects, texts
from asstctl.backends._wire import Wire
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from asstctl.events import Thread

T = TypeVar("T")

NO_PATH = (404, 405, 501)
"""Statuses of a server that does not know a path at all."""

CANCEL_SECONDS = 15.0
"""How long what was cancelled may take to end."""

PAGE = 100
"""Objects a page: the most that the wires give."""


def found(answer: Any) -> dict[str, Any]:
    """Demand that an answer is an object; some servers say null for what is not there."""
    if answer is None:
        raise NotFoundError("the service knows no such thing: it answered null")
    return answer if isinstance(answer, dict) else {"data": answer}


def items(answer: Any) -> list[dict[str, Any]]:
    """Give the objects of a list, in the server's order; raises AsstctlError for no list."""
    listed = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise AsstctlError("the service sent something else in place of a list")
    return objects(listed)


def identity(made: Any) -> str:
    """Give the id of what was made; raises AsstctlError where it has none."""
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
    """Give the objects of a list, page by page, up to the page that reaches `limit`.

    A server that repeats itself is left at a page without anything new.
    """
    size = min(limit, PAGE)
    order = "desc" if newest_first else "asc"
    asked = {"limit": str(size), "order": order, **(query or {})}
    after: dict[str, str] = {}
    seen: set[str] = set()
    while limit > 0:
        page = found(wire.call("GET", path, query={**asked, **after}))
        new = [item for item in items(page) if key(item) not in seen]
        yield from new
        seen |= {key(item) for item in new}
        limit -= len(new)
        if not new or page.get("has_more") is False or not new[-1].get("id"):
            return
        after = {"after": str(new[-1]["id"])}


def key(item: Mapping[str, Any]) -> str:
    """Give what tells an object of a list from the others."""
    return str(item.get("id") or json.dumps(item, sort_keys=True))


@contextmanager
def listing(host: str, what: str) -> Iterator[None]:
    """Say plainly where a service has no list of something: it knows no such path."""
    try:
        yield
    except AsstctlError as error:
        if error.status not in (*NO_PATH, 400):
            raise
        raise UnsupportedError(
            f"{host} can't list its {what}: {error.message}",
            hint="asstctl threads list shows what was seen here",
        ) from error


def listed(thing: Mapping[str, Any], backend: str, place: str, profile: str) -> Thread:
    """Give a thread as a server lists it."""
    return Thread(
        id=str(thing.get("id")),
        backend=backend,
        endpoint=place,
        profile=profile,
        created_at=moment(thing.get("created_at")) or 0.0,
        metadata=texts(thing.get("metadata")),
    )


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Give `things` in lists of at most `size`."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk


def looks(
    look: Callable[[], dict[str, Any]],
    seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Iterator[dict[str, Any]]:
    """Give what `look` gives, again and again, for so many seconds; a lost answer is passed over.

    Raises UnavailableError or IncompleteError where no answer came to the end.
    """
    end, pause = clock() + seconds, 0.1
    while True:
        late = clock() + pause > end
        try:
            yield look()
        except (UnavailableError, IncompleteError):
            if late:
                raise
        if late:
            return
        sleep(pause)
        pause = min(pause * 1.5, 2.0)
