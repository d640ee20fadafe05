"""Answers that are objects or lists of them, page by page, and objects that are looked at again."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from asstctl.backends._wire import Wire
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, UnavailableError

PAGE = 100
"""Objects a page: the most that the wires give."""


def found(answer: Any) -> dict[str, Any]:
    """Demand that an answer is an object; some servers say null for what is not there."""
    if answer is None:
        raise NotFoundError("the service knows no such thing: it answered null")
    return answer if isinstance(answer, dict) else {"data": answer}


def items(answer: Any) -> list[dict[str, Any]]:
    """Give the objects of a list, in the server's order."""
    listed = answer.get("data") if isinstance(answer, dict) else answer
    return [item for item in listed or () if isinstance(item, dict)]


def identity(made: Any) -> str:
    """Give the id of what was made; raises AsstctlError where it has none."""
    if not isinstance(made, dict) or not made.get("id"):
        raise AsstctlError("the service made a thread, and did not say its id")
    return str(made["id"])


def pages(
    wire: Wire, path: str, *, newest: int | None = None, query: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Give the objects of a list, the next page asked for before one is given out.

    Oldest first; where only the `newest` so many are wanted, newest first. A server that
    repeats itself is left at the first object seen before.
    """
    size = min(newest or PAGE, PAGE)
    asked = {"limit": str(size), "order": "desc" if newest else "asc", **(query or {})}
    page = found(wire.call("GET", path, query=asked))
    seen: set[str] = set()
    left = newest or sys.maxsize
    while new := [item for item in items(page) if str(item.get("id")) not in seen]:
        more = page.get("has_more")
        if more is None:
            more = len(new) >= size
        left -= len(new)
        more = more and left > 0
        seen = {str(item.get("id")) for item in new}
        after = {**asked, "after": str(new[-1].get("id"))}
        page = found(wire.call("GET", path, query=after)) if more else {}
        yield from new


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
