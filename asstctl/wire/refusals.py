"""Refusals: the error that an answer means, in the service's own words."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from asstctl._record import record
from asstctl._secrets import struck
from asstctl.errors import AsstctlError, AuthError, NotFoundError, UnavailableError

LONGEST_MESSAGE = 500
"""Characters of a service's own words that one line of error takes."""

ERRORS: Final[Mapping[int, type[AsstctlError]]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    408: UnavailableError,
    429: UnavailableError,
}


@record
class Refusal:
    """A refusal as a service put it: its words, its error object, its HTTP status if it has one."""

    words: str
    details: Mapping[str, Any]
    status: int | None


Meaning = Callable[[Refusal], AsstctlError | None]
"""A backend's reading of a refusal; None where it has none."""


def refusal(
    body: Any,
    status: int | None,
    meanings: Iterable[Meaning] = (),
    *,
    request_id: str | None = None,
    otherwise: str = "",
) -> AsstctlError:
    """Return the error that a service's `body` and `status` mean; the first meaning wins.

    An error inside a stream has no status. `otherwise` are the words of one without a body.
    """
    found = body.get("error", body) if isinstance(body, dict) else None
    details = found if isinstance(found, dict) else {}
    words = _words(body) or otherwise.lower() or "no reason given"
    read = Refusal(words, details, status)
    for meaning in meanings:
        if error := meaning(read):
            return error
    kind = ERRORS.get(status or 500, UnavailableError if (status or 500) >= 500 else AsstctlError)  # noqa: PLR2004
    said = f"{words} (HTTP {status})" if status else words
    return kind(
        said + (f", request {request_id}" if request_id else ""),
        status=status,
        request_id=request_id,
        retryable=kind is UnavailableError,
    )


def _words(body: Any) -> str:
    """Return the words of a body, in whatever shape the server wrote it."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail") or ""
    text = body if isinstance(body, str) else json.dumps(body) if body else ""
    return struck(" ".join(text.split()))[:LONGEST_MESSAGE]  # before a cut leaves half a key


def named_by(headers: Mapping[str, str]) -> str | None:
    """Return the service's name for a request, which its support asks for."""
    return headers.get("x-request-id") or headers.get("apim-request-id")


def seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header that is a number; a date counts as none."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def reason(error: BaseException) -> str:
    """Return the innermost words of an exception, in one line of lower case."""
    seen = {id(error)}  # libraries make circles of them
    while not error.__suppress_context__ or error.__cause__:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen or isinstance(inner, AsstctlError):
            break
        seen.add(id(inner))
        error = inner
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(words.split()).rstrip(".").lower() or type(error).__name__
