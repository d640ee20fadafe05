"""Faults between here and a server, as our errors; the log of requests."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from asstctl._json import loads
from asstctl.credentials.keys import loopback
from asstctl.errors import (
    AsstctlError,
    ConfigError,
    IncompleteError,
    UnansweredError,
    UnconnectedError,
)
from asstctl.wire.http import (
    CONNECT_SECONDS,
    LARGEST_BODY,
    Answer,
    NoConnectionError,
    TooLargeError,
)
from asstctl.wire.refusals import Meaning, named_by, reason, refusal, seconds

if TYPE_CHECKING:
    import logging


@contextmanager
def unreached(endpoint: str, way: str, timeout: float) -> Iterator[None]:
    """Translate faults before there is an answer; `way` names the proxy on the way."""
    host = urlsplit(endpoint).netloc
    try:
        yield
    except NoConnectionError as error:
        late = isinstance(error.__cause__, TimeoutError)
        why = f" within {CONNECT_SECONDS:g} s" if late else f": {reason(error)}"
        raise UnconnectedError(
            f"can't connect to {host}{way}{why}",
            hint=f"{question(urlsplit(endpoint).hostname or '')} the endpoint is {endpoint}",
            permanent=error.permanent,
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        late = isinstance(error, TimeoutError)
        why = f" within {timeout:g} s" if late else f": {reason(error)}"
        raise UnansweredError(f"no answer from {host}{why}", retryable=True) from error


def question(host: str) -> str:
    """Return what to look at where a host can't be connected to."""
    if loopback(host):
        return "is the server running?"
    return "is there a network, and is the name right?"


@contextmanager
def broken(host: str, timeout: float) -> Iterator[None]:
    """Translate faults while an answer is coming."""
    try:
        yield
    except TimeoutError as error:
        raise IncompleteError(f"{host} sent nothing for {timeout:g} s", retryable=True) from error
    except TooLargeError as error:
        raise AsstctlError(
            f"{host} answered with more than {LARGEST_BODY >> 20} MiB, which is not read"
        ) from error
    except (OSError, HTTPException) as error:
        raise IncompleteError(
            f"the connection to {host} broke: {reason(error)}", retryable=True
        ) from error


SIGNS = "/:@!$&'()*+,;=~%?"
"""Characters that stand in a path and its query as they are (RFC 3986, 3.3 and 3.4)."""

LARGEST_REFUSAL = 1024 * 1024
"""Bytes of a refusal that are read."""


def refused(answer: Answer, meanings: tuple[Meaning, ...]) -> AsstctlError:
    """Read a refusal and return the error that it means."""
    content = b""
    with suppress(OSError, HTTPException):  # the status says enough
        for piece in answer.pieces():
            content += piece
            if len(content) > LARGEST_REFUSAL:
                break
    try:
        body = loads(content)
    except (ValueError, RecursionError):
        html = "html" in answer.headers.get("content-type", "")
        body = "" if html else content.decode("utf-8", "replace")
    error = refusal(
        body,
        answer.status,
        meanings,
        request_id=named_by(answer.headers),
        otherwise=answer.reason,
    )
    error.retry_after = seconds(answer.headers.get("retry-after"))
    return error


def redirected(endpoint: str, target: str, location: str) -> str:
    """Return the path that a redirect leads to; raises ConfigError where it leads elsewhere."""
    host = urlsplit(endpoint).netloc
    try:
        there = urlsplit(urljoin(urljoin(endpoint, target), location))
        elsewhere = origin(there) != origin(urlsplit(endpoint))
    except ValueError as error:
        raise AsstctlError(f"{host} redirects to {location!a}, which is no URL") from error
    if elsewhere:
        raise ConfigError(
            f"{host} redirects to {there.hostname}, where the key must not go",
            hint="set endpoint to the address that it redirects to, if you trust it",
        )
    return quote(urlunsplit(("", "", there.path, there.query, "")), safe=SIGNS)


def origin(url: SplitResult) -> tuple[str, str | None, int]:
    """Return the origin, which a key may not leave: scheme, host and port."""
    return url.scheme, url.hostname, url.port or {"https": 443}.get(url.scheme, 80)


def request_log() -> "logging.Logger | None":
    """Return the log of requests, None unless logging is loaded and at DEBUG."""
    if found := sys.modules.get("logging"):
        log: logging.Logger = found.getLogger("asstctl")
        return log if log.isEnabledFor(found.DEBUG) else None
    return None
