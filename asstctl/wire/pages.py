"""Answers that are objects, or lists of them page by page."""

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from asstctl._json import named, objects
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, UnsupportedError
from asstctl.model import moment
from asstctl.wire.requests import get
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from asstctl.wire.http import Begun

T = TypeVar("T")

NO_PATH = (404, 405, 501)
"""Statuses of a server that does not know a path at all."""

SERVER_ERROR = 500

PAGE = 100
"""Objects a page: the most that the wires give."""

USUAL_PAGE = 20
"""Objects a page where a server does not hear how many are asked for."""


def found(answer: Any) -> dict[str, Any]:
    """Return an answer as an object; some servers say null for one that is not there."""
    if answer is None:
        raise NotFoundError("the service knows no such thing: it answered null")
    return named(answer) if isinstance(answer, dict) else {"data": answer}


def items(answer: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, in the server's order; raises AsstctlError for no list."""
    listed = answer.get("data") if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise AsstctlError("the service sent something else in place of a list")
    return objects(listed)


def models(wire: Wire) -> list[str]:
    """Return the names of a server's models; raises UnsupportedError where it has no list."""
    with lacking(wire.host, "list its models"):
        return [str(model["id"]) for model in items(wire.call(get("/models"))) if model.get("id")]


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
    """Yield the objects of a list in the order that is asked for, page by page.

    `limit` is how many are wanted: no page is fetched beyond them. A server that orders a list as
    it likes is found out by the objects' times, and read whole. Raises IncompleteError, with how
    many could be read, where a server repeats itself and says, or seems, to have more.
    """
    order = "desc" if newest_first else "asc"
    asked = {"limit": str(max(2, min(limit, PAGE))), "order": order, **(query or {})}
    each = _Pages(wire, path, asked, limit)
    with closing(each.read()) as read:
        first = next(read, [])
        contrary = _contrary(first, newest_first=newest_first)
        if contrary is None and newest_first and len(first) > 1:
            contrary = _ignored(wire, path, asked, first)
        if not contrary:
            yield from first
            for page in read:
                yield from page
            return
        each.limit = sys.maxsize  # its other end is wanted
        yield from ending(chain(first, chain.from_iterable(read)))


def readable(
    listed: Iterable[T], ends: type[AsstctlError] = IncompleteError
) -> tuple[list[T], AsstctlError | None]:
    """Return a list as far as it can be read, and the error that ended it: one that `ends` it."""
    found: list[T] = []
    try:
        for item in listed:
            found.append(item)  # noqa: PERF402 - what came before an error is wanted
    except ends as error:
        return found, error
    return found, None


def ending(listed: Iterable[T]) -> Iterator[T]:
    """Yield what is listed in reverse; an error of reading it follows."""
    found, broken = readable(listed)
    yield from reversed(found)
    if broken:
        raise broken


def _contrary(page: list[dict[str, Any]], *, newest_first: bool) -> bool | None:
    """Return whether a page is in another order than was asked for; None: its times don't tell."""
    times = [time for item in page if (time := moment(item.get("created_at"))) is not None]
    if len(times) < len(page) or not times or times[0] == times[-1]:
        return None
    return (times[0] > times[-1]) is not newest_first


def _ignored(wire: Wire, path: str, asked: Mapping[str, str], page: list[dict[str, Any]]) -> bool:
    """Return whether the order that is asked for makes no difference to a list without times.

    Such a server says its list from the first object on, as a list that is read whole shows it.
    One that ignores `limit` too is a gateway, whose list is in the order that is asked for.
    """
    other = {**asked, "limit": "1", "order": "asc"}
    first = items(wire.call(get(path, other)))
    return len(first) == 1 and key(first[0]) == key(page[0])


class _Pages:
    """The pages of one list, each object once; the next one is on its way while one is read."""

    def __init__(self, wire: Wire, path: str, asked: Mapping[str, str], limit: int) -> None:
        self.limit = limit
        self._wire = wire
        self._path = path
        self._asked = asked

    def read(self) -> Generator[list[dict[str, Any]]]:
        """Yield each page's new objects; raises IncompleteError where some can't be read."""
        request = get(self._path, self._asked)
        begun: Begun | None = None
        before: set[str] = set()
        ends: set[str] = set()
        count = 0
        doubled = False  # a page said an object twice: perhaps in the place of another
        try:
            while True:
                sent, begun = begun, None
                answer = found(self._wire.call(request, sent))
                page = items(answer)
                new, before = _new(page, before)
                doubled = doubled or len(before) < len(page)
                last = str(new[-1].get("id") or "") if new else ""
                repeated = (bool(page) and not new) or last in ends
                count += 0 if repeated else len(new)
                if repeated or not last or answer.get("has_more") is False:
                    if not repeated:
                        yield new
                    break
                ends.add(last)
                request = get(self._path, {**self._asked, "after": last})
                if count < self.limit:
                    begun = self._wire.begin(request)
                yield new
                if count >= self.limit:
                    answer = {}  # what it says of the rest does not matter
                    break
        finally:
            if begun:
                begun.close()
        more = answer.get("has_more") is True
        full = len(page) in (int(self._asked["limit"]), USUAL_PAGE)
        if repeated and (more or full):
            wrong = "repeats itself"
        elif more:
            wrong = "says that there is more, and does not say it"
        elif doubled:
            wrong = "says an object twice in one page"
        else:
            return
        raise IncompleteError(f"{self._wire.host} {wrong}: {count} of the list could be read")


def _new(page: list[dict[str, Any]], before: set[str]) -> tuple[list[dict[str, Any]], set[str]]:
    """Return the objects of a page that the one before it lacks, each once, and all its keys."""
    names = [key(item) for item in page]
    once = set(names)
    if len(once) == len(names) and once.isdisjoint(before):
        return page, once
    first_seen: dict[str, dict[str, Any]] = {}
    for name, item in zip(names, page, strict=True):
        first_seen.setdefault(name, item)
    return [item for name, item in first_seen.items() if name not in before], once


def key(item: Mapping[str, Any]) -> str:
    """Return an object's name within its list: its id, or its JSON."""
    return str(item.get("id") or json.dumps(item, sort_keys=True))


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


@contextmanager
def lacking(host: str, what: str, hint: str | None = None) -> Iterator[None]:
    """Raise UnsupportedError where a service does not know the path at all: it can't do `what`."""
    try:
        yield
    except AsstctlError as error:
        bare = error.status in NO_PATH and error.message.lower().startswith("not found")
        if error.status not in (405, 501) and not bare:
            raise
        raise UnsupportedError(f"{host} can't {what}: {error.message}", hint=hint) from error


def chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `things` in lists of at most `size`."""
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
