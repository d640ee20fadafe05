"""One endpoint, one connection; foreign errors become ours at this edge."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from asstctl import __version__
from asstctl.backends._sse import Frame, frames
from asstctl.errors import (
    AsstctlError,
    AuthError,
    ConfigError,
    ContextExceededError,
    IncompleteError,
    NotFoundError,
    UnavailableError,
)

CONNECT_SECONDS = 10.0
REDIRECTS = 3
LONGEST_MESSAGE = 500
"""Characters of a service's own words that one line of error takes."""

ERRORS: Final[Mapping[int, type[AsstctlError]]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    408: UnavailableError,
    429: UnavailableError,
}


class Wire:
    """A server at `endpoint`, spoken to with `headers`; `timeout` in seconds between bytes."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout: float) -> None:
        if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
            raise ConfigError(
                f"the endpoint {endpoint!r} is not a URL", hint="it looks like https://host/v1"
            )
        self.endpoint = endpoint.rstrip("/")
        self._client = httpx2.Client(
            headers={"User-Agent": f"asstctl/{__version__}", **headers},
            timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS),
        )
        self._timeout = timeout

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and give the JSON of its answer; raises AsstctlError."""
        with self._answer(method, path, body) as response:
            text = response.read()
            try:
                return json.loads(text)
            except ValueError as error:
                raise AsstctlError(
                    f"{self._host} answered with something that is not JSON"
                ) from error

    def events(self, method: str, path: str, body: Any = None) -> Generator[list[Frame]]:
        """Send one request and give its events as they come, one list a read of the socket.

        An answer that is plain JSON is one event without a name. Raises AsstctlError for a
        refusal, IncompleteError for a stream that breaks.
        """
        with self._answer(method, path, body) as response, self._broken():
            if "json" in response.headers.get("content-type", ""):
                yield [("", response.read().decode("utf-8", "replace"))]
            else:
                yield from frames(response.iter_bytes())

    @property
    def _host(self) -> str:
        return urlsplit(self.endpoint).netloc

    @contextmanager
    def _answer(self, method: str, path: str, body: Any) -> Iterator[httpx2.Response]:
        """Send a request; gives the response, unread, or raises what its status means."""
        url = httpx2.URL(self.endpoint + path)
        for _ in range(REDIRECTS):
            request = self._client.build_request(method, url, json=body)
            with self._unreached():
                response = self._client.send(request, stream=True)
            try:
                if response.status_code in (307, 308) and "location" in response.headers:
                    url = self._redirected(url, response.headers["location"])
                    continue
                if not response.is_success:
                    with self._broken():
                        raise failure(response)
                yield response
            finally:
                response.close()
            return
        raise UnavailableError(f"{self._host} redirects in a circle")

    def _redirected(self, url: httpx2.URL, location: str) -> httpx2.URL:
        target = url.join(location)
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            raise ConfigError(
                f"{self._host} redirects to {target.host}, where the key must not go",
                hint="set endpoint to the address that it redirects to, if you trust it",
            )
        return target

    @contextmanager
    def _unreached(self) -> Iterator[None]:
        """Translate what goes wrong before there is an answer."""
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise UnavailableError(
                f"can't connect to {self._host} within {CONNECT_SECONDS:g} s", retryable=True
            ) from error
        except httpx2.ConnectError as error:
            raise UnavailableError(
                f"can't connect to {self._host}: {reason(error)}",
                hint=f"is the server running? the endpoint is {self.endpoint}",
                retryable=True,
            ) from error
        except httpx2.TimeoutException as error:
            raise UnavailableError(
                f"no answer from {self._host} within {self._timeout:g} s", retryable=True
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise UnavailableError(
                f"no answer from {self._host}: {reason(error)}", retryable=True
            ) from error

    @contextmanager
    def _broken(self) -> Iterator[None]:
        """Translate what goes wrong while an answer is coming."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise IncompleteError(
                f"{self._host} sent nothing for {self._timeout:g} s", retryable=True
            ) from error
        except httpx2.HTTPError as error:
            raise IncompleteError(
                f"the connection to {self._host} broke: {reason(error)}", retryable=True
            ) from error


def reason(error: BaseException) -> str:
    """Give the innermost words of an exception, in one line of lower case."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(words.split()).rstrip(".").lower() or type(error).__name__


def failure(response: httpx2.Response) -> AsstctlError:
    """Read a refused response and give the error that it means."""
    response.read()
    body: Any
    try:
        body = json.loads(response.content)
    except ValueError:
        html = "html" in response.headers.get("content-type", "")
        body = "" if html else response.content.decode("utf-8", "replace")
    request_id = response.headers.get("x-request-id") or response.headers.get("apim-request-id")
    return refusal(body, response.status_code, request_id, response.reason_phrase)


def refusal(
    body: Any, status: int, request_id: str | None = None, otherwise: str = ""
) -> AsstctlError:
    """Give the error that a service's `body` and `status` mean, in the service's own words."""
    details = body.get("error", body) if isinstance(body, dict) else body
    words = _words(body) or otherwise.lower() or "no reason given"
    if isinstance(details, dict) and (
        details.get("type") == "exceed_context_size_error"
        or details.get("code") == "context_length_exceeded"
    ):
        return ContextExceededError(
            words, tokens=details.get("n_prompt_tokens"), window=details.get("n_ctx")
        )
    kind = ERRORS.get(status, UnavailableError if status >= 500 else AsstctlError)  # noqa: PLR2004
    return kind(
        f"{words} (HTTP {status})" + (f", request {request_id}" if request_id else ""),
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
