"""Answers that are objects or lists of them, page by page, and objects that are looked at again."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from asstctl._json import loads
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

if TYPE_CHECKING:
    from asstctl.backends._http import Begun

T = TypeVar("T")

NO_PATH = (404, 405, 501)
"""Statuses of a server that does not know a path at all."""

CANCEL_SECONDS = 15.0
"""How long what was cancelled may take to end."""

OK = 200

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

    The next page is on its way while one is read. What a page says again of the one before it is
    left out; a server that goes in circles is left where a page ends as an earlier one did.
    """
    size = min(limit, PAGE)
    order = "desc" if newest_first else "asc"
    asked = {"limit": str(size), "order": order, **(query or {})}
    before: set[str] = set()
    ends: set[str] = set()
    coming = Ahead(wire, path, asked)
    with closing(coming):
        while True:
            come = found(coming.read())
            page = {key(item): item for item in items(come)}
            new = [item for name, item in page.items() if name not in before]
            before = set(page)
            limit -= len(new)
            last = str(new[-1].get("id") or "") if new else ""
            if last in ends:
                return
            if not last or limit <= 0 or come.get("has_more") is False:
                yield from new
                return
            ends.add(last)
            coming.next({**asked, "after": last})
            yield from new


class Ahead:
    """GETs of one path, each sent while what came before it is still being used."""

    def __init__(self, wire: Wire, path: str, query: Mapping[str, str]) -> None:
        self._wire = wire
        self._path = path
        self._query = query
        self._begun: Begun | None = None

    def next(self, query: Mapping[str, str]) -> None:
        """Send the next one now; `read` gives its answer."""
        self._query = query
        self._begun = self._wire.begin(self._path, query)

    def read(self) -> Any:
        """Give the JSON of the answer, as `call` does.

        An answer that is not whole, or a refusal, is asked for again: it waited for us, and the
        server may have lost patience.
        """
        begun, self._begun = self._begun, None
        if begun:
            lost = suppress(OSError, HTTPException, ValueError, RecursionError)
            with lost, closing(begun.answer()) as answer:
                if answer.status == OK:
                    return loads(answer.read())
        return self._wire.call("GET", self._path, query=self._query)

    def close(self) -> None:
        """Leave what was sent unread."""
        if self._begun:
            self._begun.close()


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
