"""HTTP/1.1 as the wires need it: a request, and its answer in the pieces in which it comes.

It is the standard library's client, loaded in a quarter of the time that httpx takes: no prompt
leaves before it is there. Redirects and refusals are answers like any other here.
"""

import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from io import BufferedReader, RawIOBase
from socket import gaierror, socket
from typing import Any
from urllib.parse import urlsplit

from asstctl.credentials.keys import loopback
from asstctl.wire.way import proxy, proxy_header, trust

CONNECT_SECONDS = 10.0

LARGEST_PIECE = 65536
"""Bytes of one read."""

LARGEST_BODY = 256 * 1024 * 1024
"""Bytes of an answer that is read whole, inflated."""


class TooLargeError(Exception):
    """An answer that is to be read whole is larger than LARGEST_BODY."""


class NoConnectionError(Exception):
    """No connection was made, so nothing was sent; the reason is its cause.

    `permanent`: another attempt would fail too: on this machine, or without an address.
    """

    def __init__(self, *, permanent: bool) -> None:
        super().__init__()
        self.permanent = permanent


LONGEST_HEAD = 600.0
"""Seconds for the head of an answer where no timeout is set."""

MOST_TRAILERS = 100
"""Lines after a chunked body, as many as the headers that http.client reads."""


MOST_INTERIM = 100
"""Answers of 1xx before the one that counts."""


class _Watched(RawIOBase):
    """A socket's bytes, which are all to be there `until` a moment of the monotonic clock."""

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self.until: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.until is None:
            return self._raw.readinto(buffer)
        left, usual = self.until - time.monotonic(), self._socket.gettimeout()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left if usual is None else min(left, usual))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(usual)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *words: Any, **named: Any) -> None:
        super().__init__(sock, *words, **named)
        self.fp.close()
        self.watched = _Watched(sock)
        self.watched.until = time.monotonic() + (sock.gettimeout() or LONGEST_HEAD)
        self.fp = BufferedReader(self.watched)

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first line of the answer that counts; others announce it, or nothing."""
        for _ in range(MOST_INTERIM):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if found[1] >= 200:  # noqa: PLR2004 - HTTP's
                return found
            self._read_and_discard_trailer()
        raise HTTPException("it announces answers without end")

    def _read_and_discard_trailer(self) -> None:
        for _ in range(MOST_TRAILERS):
            if self.fp.readline(LARGEST_PIECE).strip() == b"":
                return
        raise HTTPException("its trailers do not end")


class Answer:
    """A server's answer; reading it may raise OSError and HTTPException."""

    def __init__(self, connection: HTTPConnection, idle: list[HTTPConnection]) -> None:
        self._socket = connection.sock  # http.client lets go of it where the answer ends it
        self._response = response = connection.getresponse()
        self.within(None)
        self._connection = connection
        self._idle = idle
        self.status = response.status
        self.reason = response.reason
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes, one piece a read."""
        decoded = decoder(self.headers.get("content-encoding", ""))
        try:
            while piece := self._response.read1(LARGEST_PIECE):
                yield from decoded(piece)
        except IncompleteRead:
            raise HTTPException("it ended early") from None
        if self._response.length:
            raise HTTPException("it ended early")

    def read(self) -> bytes:
        """Return the whole body; raises TooLargeError for one over LARGEST_BODY."""
        pieces, size = [], 0
        for piece in self.pieces():
            size += len(piece)
            if size > LARGEST_BODY:
                raise TooLargeError
            pieces.append(piece)
        return b"".join(pieces)

    def within(self, seconds: float | None) -> None:
        """Let what is read from now on take so many seconds together; None: no limit."""
        if isinstance(self._response, _Response):
            now = time.monotonic()
            self._response.watched.until = None if seconds is None else now + seconds

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for each further piece."""
        with suppress(OSError):  # it is closed
            self._socket.settimeout(seconds)

    def close(self) -> None:
        """Close the answer; a connection that it does not end is kept for the next request."""
        whole = self._response.isclosed() or self._response.length == 0
        self._response.close()
        if whole and not self._response.will_close:
            self._idle.append(self._connection)
        else:
            self._connection.close()


class Begun:
    """A request that was sent, whose answer is yet to be read."""

    def __init__(self, target: str, connection: HTTPConnection, idle: list[HTTPConnection]) -> None:
        self.target = target
        self._connection = connection
        self._idle = idle

    def answer(self) -> Answer:
        """Wait for the head of the answer; raises OSError or HTTPException."""
        try:
            return Answer(self._connection, self._idle)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it unread."""
        self._connection.close()


class Server:
    """A server at the origin of `url`; each request that overlaps another has its own connection.

    `way` names the proxy on the way to it, for an error's text. Raises ConfigError where the
    environment's proxy or certificates can't be used.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._address = (parts.hostname or "", parts.port)
        self._proxy = proxy(parts)
        self.way = f" through the proxy {self._proxy.hostname}" if self._proxy else ""
        self._tls = trust() if parts.scheme == "https" else None
        self._idle: list[HTTPConnection] = []

    def begin(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Begun:
        """Send a request to a path of this server; `timeout` is in seconds between bytes.

        Raises NoConnectionError, and OSError or HTTPException where it may have been sent.
        """
        path, connection = target, self._connection(timeout)
        try:
            if self._proxy and not self._tls:
                target = self._origin + path
                headers = {**headers, **proxy_header(self._proxy)}
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have refused already
                connection.request(method, target, body or None, dict(headers))
        except BaseException:
            connection.close()
            raise
        return Begun(path, connection, self._idle)

    def close(self) -> None:
        """Close the connections that are open."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self, timeout: float) -> HTTPConnection:
        while self._idle:
            connection = self._idle.pop()
            if not ended(connection):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()
        connection = self._new(min(timeout, CONNECT_SECONDS))
        connection.response_class = _Response
        try:
            connection.connect()
        except (OSError, HTTPException, UnicodeError) as error:
            connection.close()
            permanent = isinstance(error, gaierror | UnicodeError) or loopback(self._address[0])
            raise NoConnectionError(permanent=permanent) from error
        connection.sock.settimeout(timeout)
        return connection

    def _new(self, timeout: float) -> HTTPConnection:
        host, port = self._address
        by = (self._proxy.hostname or "", self._proxy.port or 80) if self._proxy else (host, port)
        if not self._tls:
            return HTTPConnection(*by, timeout=timeout)
        connection = HTTPSConnection(*by, timeout=timeout, context=self._tls)
        if self._proxy:
            connection.set_tunnel(host, port, proxy_header(self._proxy))
        return connection


def ended(connection: HTTPConnection) -> bool:
    """Return whether the server closed an idle connection: then its socket is readable."""
    looking = select.poll()
    looking.register(connection.sock, select.POLLIN)
    return bool(looking.poll(0))


def decoder(encoding: str) -> Callable[[bytes], Iterable[bytes]]:
    """Return the function that undoes an encoding; raises HTTPException for an unknown one.

    It yields pieces of LARGEST_PIECE at most: little can be inflated to very much.
    """
    if encoding.lower() in ("", "identity"):
        return lambda piece: (piece,)
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise HTTPException(f"it is encoded as {encoding}")
    import zlib

    inflated = zlib.decompressobj(wbits=31)  # 31: gzip's header and trailer

    def decoded(piece: bytes) -> Iterator[bytes]:
        try:
            while piece and (found := inflated.decompress(piece, LARGEST_PIECE)):
                yield found
                piece = inflated.unconsumed_tail
        except zlib.error as error:
            raise HTTPException("it is not gzip, as it says") from error

    return decoded
