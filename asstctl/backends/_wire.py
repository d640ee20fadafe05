"""One endpoint, one connection; foreign errors become ours at this edge."""

import json
import re
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit, urlunsplit

from asstctl import __version__
from asstctl._json import loads
from asstctl.backends._http import CONNECT_SECONDS, Answer, Begun, Server, UnconnectedError
from asstctl.backends._sse import Frame, frames
from asstctl.credentials import Signing
from asstctl.errors import (
    ActiveRunError,
    AsstctlError,
    AuthError,
    ConfigError,
    ContextExceededError,
    IncompleteError,
    LockedError,
    NotFoundError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import Event, Retry

if TYPE_CHECKING:
    import logging

T = TypeVar("T")

LONGEST_LOGGED = 2000
"""Bytes of a request's body that --debug shows."""

PATH_SIGNS = "/:@!$&'()*+,;=~%"
"""What may stand in a path as it is (RFC 3986, 3.3)."""

UNAUTHORIZED, NOT_FOUND = 401, 404
REDIRECTED = (307, 308)
"""Statuses that ask for the same request elsewhere."""

REDIRECTS = 3

WHOLE = {"Accept-Encoding": "gzip"}
"""How an answer is wanted that is read whole; what packs a stream may hold its pieces back."""

LARGEST_REFUSAL = 1024 * 1024
"""Bytes of a refusal that are read."""

LONGEST_MESSAGE = 500
"""Characters of a service's own words that one line of error takes."""

ATTEMPTS = 3
LONGEST_PAUSE = 60.0
"""Seconds: a service that asks for more is not waited for."""

ERRORS: Final[Mapping[int, type[AsstctlError]]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    408: UnavailableError,
    429: UnavailableError,
}


class Wire:
    """A server at `endpoint`, spoken to with `headers` and `query`, each request signed.

    `timeout` is in seconds between bytes; `retired` is what to say where the server answers 404
    because it no longer speaks at all. `request_id` is what the service calls the last stream.
    """

    def __init__(
        self,
        endpoint: str,
        signing: Signing | None,
        timeout: float,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        retired: str | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.host = urlsplit(endpoint).netloc
        self.timeout = timeout
        self._signing = signing
        self.headers = {
            "User-Agent": f"asstctl/{__version__}",
            "Accept": "*/*",
            **(headers or {}),
        }
        self.query = dict(query or {})
        self._retired = retired
        self._server = Server(self.endpoint, timeout)
        self.request_id: str | None = None

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()

    def signed(self) -> dict[str, str]:
        """Give the header that says who sends a request."""
        return self._signing.headers() if self._signing else {}

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request and give the JSON of its answer; raises AsstctlError."""
        with self._answer(method, path, body, query, WHOLE) as response, self._broken():
            try:
                return loads(response.read())
            except (ValueError, RecursionError) as error:
                raise AsstctlError(f"{self.host} answered with something not JSON") from error

    def begin(self, path: str, query: Mapping[str, str]) -> Begun | None:
        """Send a GET and leave its answer for later; None where it could not be sent."""
        headers = {**self.headers, **self.signed(), **WHOLE}
        target = self._target(path, query)
        self._log("GET", target, headers, b"")
        with suppress(UnconnectedError, OSError, HTTPException, ValueError):
            return self._server.begin("GET", target, headers, b"")
        return None

    def events(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Generator[list[Frame]]:
        """Send one request and give its events as they come, one list a read of the socket.

        An answer that is plain JSON is one event without a name. Raises AsstctlError for a
        refusal, IncompleteError for a stream that breaks.
        """
        with self._answer(method, path, body, query, {}) as response, self._broken():
            self.request_id = named_by(response.headers)
            kind = response.headers.get("content-type", "")
            if "html" in kind:
                raise AsstctlError(
                    f"{self.host} answered with a web page, not with a stream",
                    hint=f"is the path right? the endpoint is {self.endpoint}",
                )
            if "json" in kind:
                yield [("", response.read())]
            else:
                yield from frames(response.pieces())

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, str] | None,
        wanted: Mapping[str, str],
    ) -> Iterator[Answer]:
        """Send a request; gives the answer, unread, or raises what its status means."""
        target = self._target(path, query)
        content = b"" if body is None else json.dumps(body).encode()
        renewed = False
        for _ in range(1 + REDIRECTS):
            headers = {**self.headers, **self.signed(), **wanted}
            if content:
                headers["Content-Type"] = "application/json"
            self._log(method, target, headers, content)
            with self._unreached():
                response = self._server.send(method, target, headers, content)
            if log := watched():
                log.debug("%s %s", response.status, response.headers)
            try:
                if response.status == UNAUTHORIZED and not renewed:
                    renewed = True
                    if self._signing and self._signing.renew():
                        continue
                if response.status in REDIRECTED and "location" in response.headers:
                    target = self.redirected(target, response.headers["location"])
                    continue
                if not 200 <= response.status < 300:  # noqa: PLR2004 - those are HTTP's
                    raise self._failure(response)
                yield response
            finally:
                response.close()
            return
        raise UnavailableError(f"{self.host} redirects in a circle")

    def _target(self, path: str, query: Mapping[str, str] | None) -> str:
        target = quote(urlsplit(self.endpoint).path + path, safe=PATH_SIGNS)
        asked = {**self.query, **(query or {})}
        return f"{target}?{urlencode(asked)}" if asked else target

    def _log(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> None:
        """Log a request, its key struck out wherever it stands."""
        if not (log := watched()):
            return
        shown = {**headers, **dict.fromkeys(self.signed(), "***")}
        told = f"{method} {urljoin(self.endpoint, target)} {shown}"
        told += f" {content[:LONGEST_LOGGED].decode(errors='replace')}"
        if self._signing:
            told = told.replace(self._signing.key, "***")
        log.debug("%s", told)

    def redirected(self, target: str, location: str) -> str:
        """Give the path that a redirect leads to; raises ConfigError where it leads elsewhere."""
        try:
            there = urlsplit(urljoin(urljoin(self.endpoint, target), location))
            elsewhere = origin(there) != origin(urlsplit(self.endpoint))
        except ValueError as error:
            raise AsstctlError(f"{self.host} redirects to {location!a}, which is no URL") from error
        if elsewhere:
            raise ConfigError(
                f"{self.host} redirects to {there.hostname}, where the key must not go",
                hint="set endpoint to the address that it redirects to, if you trust it",
            )
        return urlunsplit(("", "", there.path, there.query, ""))

    def _failure(self, response: Answer) -> AsstctlError:
        """Read a refusal and give the error that it means."""
        content = b""
        with suppress(OSError, HTTPException):  # the status says enough
            for piece in response.pieces():
                content += piece
                if len(content) > LARGEST_REFUSAL:
                    break
        return self.failure(response.status, response.reason, response.headers, content)

    def failure(
        self, status: int, reason: str, headers: Mapping[str, str], content: bytes
    ) -> AsstctlError:
        """Give the error that a refusal means."""
        body: Any
        if self._signing:  # some servers say the key back
            content = content.replace(self._signing.key.encode(), b"***")
        try:
            body = loads(content)
        except (ValueError, RecursionError):
            html = "html" in headers.get("content-type", "")
            body = "" if html else content.decode("utf-8", "replace")
        if status == NOT_FOUND and self._retired:
            return NotFoundError(
                f"the threads API at {self.host} was retired on 2026-08-26",
                hint=self._retired,
                status=404,
            )
        error = refusal(body, status, named_by(headers), reason)
        error.retry_after = seconds(headers.get("retry-after"))
        return error

    @contextmanager
    def _unreached(self) -> Iterator[None]:
        """Translate what goes wrong before there is an answer."""
        try:
            yield
        except UnconnectedError as error:
            raise self.unconnected(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise self.unanswered(error) from error

    def unconnected(self, error: Exception) -> UnavailableError:
        """Give the error where no connection was made; why is the cause of `error`."""
        late = isinstance(error.__cause__, TimeoutError)
        why = f" within {CONNECT_SECONDS:g} s" if late else f": {reason(error)}"
        return UnavailableError(
            f"can't connect to {self.host}{self._server.way}{why}",
            hint=f"is the server running? the endpoint is {self.endpoint}",
            retryable=True,
        )

    def unanswered(self, error: Exception) -> UnansweredError:
        """Give the error where a request may have been sent, and no answer came."""
        late = isinstance(error, TimeoutError)
        why = f" within {self.timeout:g} s" if late else f": {reason(error)}"
        return UnansweredError(f"no answer from {self.host}{why}", retryable=True)

    @contextmanager
    def _broken(self) -> Iterator[None]:
        """Translate what goes wrong while an answer is coming."""
        try:
            yield
        except TimeoutError as error:
            raise IncompleteError(
                f"{self.host} sent nothing for {self.timeout:g} s", retryable=True
            ) from error
        except (OSError, HTTPException) as error:
            raise IncompleteError(
                f"the connection to {self.host} broke: {reason(error)}", retryable=True
            ) from error


def retried(
    attempt: Callable[[], Generator[Event, None, T]],
    taken: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Event, None, T]:
    """Pass on what an attempt gives; begin again where the service said it did not take it.

    Only 429 and 503 say so, and never once an event was given, or `taken` knows better; each
    pause is announced, and ATTEMPTS bounds them.
    """
    for left in reversed(range(ATTEMPTS)):
        begun = False
        with closing(attempt()) as reply:
            try:
                while True:
                    event = next(reply)
                    begun = True
                    yield event
            except StopIteration as end:
                value: T = end.value
                return value
            except UnavailableError as error:
                pause = error.retry_after or 0.5 * 2 ** (ATTEMPTS - 1 - left)
                refused = error.status in (429, 503) and "quota" not in error.message
                if begun or taken() or not left or not refused or pause > LONGEST_PAUSE:
                    raise
                yield Retry(f"{error.message}; trying again in {pause:g} s")
        sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def interruption(leaving: BaseException) -> BaseException:
    """Give what the user sees of a reply that is left: behind a generator's closing, its cause.

    A generator that is closed because of Ctrl-C meets GeneratorExit, with Ctrl-C as its context.
    """
    while isinstance(leaving, GeneratorExit) and leaving.__context__:
        leaving = leaving.__context__
    return leaving


@contextmanager
def understood() -> Iterator[None]:
    """Turn the surprise at an object of another shape into our error."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise IncompleteError("the server sent something that is no part of a reply") from error


def watched() -> "logging.Logger | None":
    """Give the log of requests, None where nobody reads it: who does has loaded logging."""
    if found := sys.modules.get("logging"):
        log: logging.Logger = found.getLogger("asstctl")
        return log if log.isEnabledFor(found.DEBUG) else None
    return None


def origin(url: SplitResult) -> tuple[str, str | None, int]:
    """Give what a key may not leave: scheme, host and port."""
    return url.scheme, url.hostname, url.port or {"https": 443}.get(url.scheme, 80)


def named_by(headers: Mapping[str, str]) -> str | None:
    """Give what the service calls a request, for who asks its support about it."""
    return headers.get("x-request-id") or headers.get("apim-request-id")


def seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header that is a number; a date counts as none."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def reason(error: BaseException) -> str:
    """Give the innermost words of an exception, in one line of lower case."""
    seen = {id(error)}  # libraries make circles of them
    while not error.__suppress_context__ or error.__cause__:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen:
            break
        seen.add(id(inner))
        error = inner
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(words.split()).rstrip(".").lower() or type(error).__name__


def refusal(
    body: Any, status: int | None, request_id: str | None = None, otherwise: str = ""
) -> AsstctlError:
    """Give the error that a service's `body` and `status` mean, in the service's own words.

    An error inside a stream has no status.
    """
    details = body.get("error", body) if isinstance(body, dict) else body
    words = _words(body) or otherwise.lower() or "no reason given"
    if isinstance(details, dict) and (
        details.get("type") == "exceed_context_size_error"
        or details.get("code") == "context_length_exceeded"
    ):
        return ContextExceededError(
            words, tokens=details.get("n_prompt_tokens"), window=details.get("n_ctx")
        )
    if isinstance(details, dict) and details.get("code") == "conversation_locked":
        return LockedError(words.rstrip("."))
    if busy := re.search(r"\b(run_\w+) is active|already has an active run (\w+)", words):
        return ActiveRunError(words.rstrip("."), busy[1] or busy[2])
    kind = ERRORS.get(status or 500, UnavailableError if (status or 500) >= 500 else AsstctlError)  # noqa: PLR2004
    said = f"{words} (HTTP {status})" if status else words
    return kind(
        said + (f", request {request_id}" if request_id else ""),
        status=status,
        request_id=request_id,
        retryable=kind is UnavailableError,
    )


def _words(body: Any) -> str:
    """Find what a body says, in whatever shape the server gave it."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail") or ""
    text = body if isinstance(body, str) else json.dumps(body) if body else ""
    return " ".join(text.split())[:LONGEST_MESSAGE]
