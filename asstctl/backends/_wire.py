"""One endpoint, one connection; foreign errors become ours at this edge."""

import json
import logging
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2

from asstctl import __version__, _later
from asstctl._json import loads
from asstctl.backends._sse import Frame, frames
from asstctl.credentials import Signing, loopback
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
from asstctl.events import Event, Notice

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")

log = logging.getLogger("asstctl")

LONGEST_LOGGED = 2000
"""Bytes of a request's body that --debug shows."""

CONNECT_SECONDS = 10.0
REDIRECTS = 3
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
    because it no longer speaks at all.
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
        self._headers = {"User-Agent": f"asstctl/{__version__}", **(headers or {})}
        self._query = dict(query or {})
        self._retired = retired
        local = loopback(urlsplit(endpoint).hostname or "")  # a proxy would carry it elsewhere
        try:
            self._client = httpx2.Client(
                timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
                trust_env=not local,
                verify=endpoint.startswith("https"),  # reading the certificates takes 30 ms
            )
        except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
            raise ConfigError(
                f"can't set up a connection: {reason(error)}",
                hint="look at the variables HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE",
            ) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @cached_property
    def sdk(self) -> "OpenAI":
        """The vendor's client over the same endpoint and connection, for what is not urgent.

        What it raises is translated inside `answered`.
        """
        import openai  # 0.6 to 1.0 s before the first byte: never on the way of a prompt

        common: Any = {
            "base_url": self.endpoint,
            "http_client": self._client,
            "max_retries": 0,
            "default_headers": self._headers,
        }
        signed = self._signed()
        if key := signed.get("api-key"):
            version = self._query["api-version"]
            return openai.AzureOpenAI(api_key=key, api_version=version, **common)
        key = signed.get("Authorization", "").removeprefix("Bearer ")
        return openai.OpenAI(api_key=key or "none", default_query=self._query, **common)

    def _signed(self) -> dict[str, str]:
        return self._signing.headers() if self._signing else {}

    @contextmanager
    def answered(self) -> Iterator[None]:
        """Translate what the vendor's client raises."""
        from openai import APIError, APIStatusError  # loaded with `sdk`

        with self._unreached():
            try:
                yield
            except APIStatusError as error:
                response = error.response
                if location := response.headers.get("location"):
                    self._redirected(response.request.url, location)
                raise self._failure(response) from error
            except (APIError, ValueError) as error:
                if isinstance(error.__cause__, httpx2.HTTPError):
                    raise error.__cause__ from None
                raise AsstctlError(f"{self.host}: {reason(error)}") from error

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request and give the JSON of its answer; raises AsstctlError."""
        with self._answer(method, path, body, query) as response, self._broken():
            try:
                return loads(response.read())
            except (ValueError, RecursionError) as error:
                raise AsstctlError(f"{self.host} answered with something not JSON") from error

    def events(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Generator[list[Frame]]:
        """Send one request and give its events as they come, one list a read of the socket.

        An answer that is plain JSON is one event without a name. Raises AsstctlError for a
        refusal, IncompleteError for a stream that breaks.
        """
        with self._answer(method, path, body, query) as response, self._broken():
            kind = response.headers.get("content-type", "")
            if "html" in kind:
                raise AsstctlError(
                    f"{self.host} answered with a web page, not with a stream",
                    hint=f"is the path right? the endpoint is {self.endpoint}",
                )
            if "json" in kind:
                yield [("", response.read())]
            else:
                yield from frames(response.iter_bytes())

    @contextmanager
    def _answer(
        self, method: str, path: str, body: Any, query: Mapping[str, str] | None = None
    ) -> Iterator[httpx2.Response]:
        """Send a request; gives the response, unread, or raises what its status means."""
        with self._unreached():
            url = httpx2.URL(self.endpoint + path, params={**self._query, **(query or {})})
        renewed = False
        for _ in range(1 + REDIRECTS):
            headers = {**self._headers, **self._signed()}
            with self._unreached():
                request = self._client.build_request(
                    method, url, json=body, headers=headers, extensions={"trace": traced}
                )
                self._log(request)
                response = self._client.send(request, stream=True)
            log.debug("%s %s", response.status_code, dict(response.headers))
            try:
                if response.status_code == httpx2.codes.UNAUTHORIZED and not renewed:
                    renewed = True
                    if self._signing and self._signing.renew():
                        continue
                if response.status_code in (307, 308) and "location" in response.headers:
                    url = self._redirected(url, response.headers["location"])
                    continue
                if not response.is_success:
                    raise self._failure(response)
                yield response
            finally:
                response.close()
            return
        raise UnavailableError(f"{self.host} redirects in a circle")

    def _log(self, request: httpx2.Request) -> None:
        """Log a request, its key struck out wherever it stands."""
        if not log.isEnabledFor(logging.DEBUG):
            return
        told = f"{request.method} {request.url} {dict(request.headers)}"
        told += f" {request.content[:LONGEST_LOGGED].decode(errors='replace')}"
        for name in ("authorization", "api-key"):
            if secret := request.headers.get(name, "").removeprefix("Bearer "):
                told = told.replace(secret, "***")
        log.debug("%s", told)

    def _redirected(self, url: httpx2.URL, location: str) -> httpx2.URL:
        with self._unreached():
            target = url.join(location)
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            raise ConfigError(
                f"{self.host} redirects to {target.host}, where the key must not go",
                hint="set endpoint to the address that it redirects to, if you trust it",
            )
        return target

    def _failure(self, response: httpx2.Response) -> AsstctlError:
        """Read a refused response and give the error that it means."""
        body: Any
        content = b""
        with suppress(httpx2.HTTPError):  # the status says enough
            for piece in response.iter_bytes():
                content += piece
                if len(content) > LARGEST_REFUSAL:
                    break
        if self._signing:  # some servers say the key back
            content = content.replace(self._signing.key.encode(), b"***")
        try:
            body = loads(content)
        except (ValueError, RecursionError):
            html = "html" in response.headers.get("content-type", "")
            body = "" if html else content.decode("utf-8", "replace")
        if response.status_code == httpx2.codes.NOT_FOUND and self._retired:
            return NotFoundError(
                f"the threads API at {self.host} was retired on 2026-08-26",
                hint=self._retired,
                status=404,
            )
        headers = response.headers
        error = refusal(
            body,
            response.status_code,
            headers.get("x-request-id") or headers.get("apim-request-id"),
            response.reason_phrase,
        )
        error.retry_after = seconds(headers.get("retry-after"))
        return error

    @contextmanager
    def _unreached(self) -> Iterator[None]:
        """Translate what goes wrong before there is an answer."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise UnavailableError(
                f"can't connect to {self.host} within {CONNECT_SECONDS:g} s", retryable=True
            ) from error
        except httpx2.ConnectError as error:
            raise UnavailableError(
                f"can't connect to {self.host}: {reason(error)}",
                hint=f"is the server running? the endpoint is {self.endpoint}",
                retryable=True,
            ) from error
        except httpx2.TimeoutException as error:
            raise UnansweredError(
                f"no answer from {self.host} within {self.timeout:g} s", retryable=True
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise UnansweredError(
                f"no answer from {self.host}: {reason(error)}", retryable=True
            ) from error

    @contextmanager
    def _broken(self) -> Iterator[None]:
        """Translate what goes wrong while an answer is coming."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise IncompleteError(
                f"{self.host} sent nothing for {self.timeout:g} s", retryable=True
            ) from error
        except httpx2.HTTPError as error:
            raise IncompleteError(
                f"the connection to {self.host} broke: {reason(error)}", retryable=True
            ) from error


def traced(name: str, _info: object) -> None:
    """Use the time once a request is out: what is needed for its answer is imported now."""
    if name == "http11.send_request_body.complete":
        _later.load()


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
                yield Notice(f"{error.message}; trying again in {pause:g} s")
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


def seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header that is a number; a date counts as none."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return None


def reason(error: BaseException) -> str:
    """Give the innermost words of an exception, in one line of lower case."""
    seen = {id(error)}  # libraries make circles of them
    while (inner := error.__cause__ or error.__context__) and id(inner) not in seen:
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
