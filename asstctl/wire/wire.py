"""One endpoint: signs requests, sends them (again, as patience.py says), reads the answers."""

import json
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

from asstctl import __version__
from asstctl._json import loads
from asstctl._record import record
from asstctl._secrets import struck
from asstctl.credentials.keys import Signing
from asstctl.errors import AsstctlError, IncompleteError, UnansweredError
from asstctl.events import Event, Notice, RequestSent, Tell
from asstctl.wire.faults import SIGNS, broken, redirected, refused, request_log, unreached
from asstctl.wire.http import Answer, Begun, NoConnectionError, Server
from asstctl.wire.patience import Patience, Purpose, Seen
from asstctl.wire.refusals import Meaning, named_by
from asstctl.wire.requests import Request, get
from asstctl.wire.streaming import MOST_QUIET, Streaming

T = TypeVar("T")

LONGEST_LOGGED = 2000
"""Characters of a request's body that --debug shows."""

UNAUTHORIZED = 401
REDIRECTED = (307, 308)
"""Statuses that ask for the same request elsewhere."""

COMPRESSED = {"Accept-Encoding": "gzip"}
"""Headers for an answer that is read whole; compression could delay a stream's pieces."""

FIRST_POLL, LONGEST_POLL = 0.1, 2.0
"""Seconds between two looks at the same object, each pause 1.5 times the one before."""


@record
class Access:
    """The headers, the key among them, and the query of every request to a server."""

    headers: Mapping[str, str]
    query: Mapping[str, str]


class Wire:
    """A server at `endpoint`, spoken to with `headers` and `query`, each request signed.

    `timeout` is in seconds between bytes, and for all attempts at one request together.
    `meanings` read refusals; `tell` announces the pauses of requests outside of a reply.
    `request_id` is the service's name for the last stream.
    """

    def __init__(
        self,
        endpoint: str,
        signing: Signing | None,
        timeout: float,
        *,
        tell: Tell,
        meanings: tuple[Meaning, ...] = (),
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.host = urlsplit(endpoint).netloc
        self.timeout = timeout
        self.request_id: str | None = None
        self._signing = signing
        self.tell = tell
        self._meanings = meanings
        self._headers = {"User-Agent": f"asstctl/{__version__}", "Accept": "*/*", **(headers or {})}
        self._query = dict(query or {})
        self._server = Server(self.endpoint)
        self._deadline: float | None = None  # once the user wants to leave

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def access(self) -> Access:
        """Return what another client needs to speak to this server; raises as fetching a key."""
        return Access({**self._headers, **self._signed()}, self._query)

    def hurry(self, seconds: float) -> None:
        """Let all that is still asked take so long together: the user wants to leave."""
        self._deadline = min(self._deadline or math.inf, time.monotonic() + seconds)

    def calm(self) -> None:
        """End the hurry: the user stayed."""
        self._deadline = None

    # One request

    def call(self, request: Request, begun: Begun | None = None) -> Any:
        """Send a request and return the JSON of its answer; raises AsstctlError.

        Its pauses are told. `begun` is the same request, sent before by `begin`.
        """
        return told(self.ask(request, begun), self.tell)

    def ask(self, request: Request, begun: Begun | None = None) -> Generator[Event, None, Any]:
        """Do as `call`, inside of a reply: its pauses are events of that reply."""
        return (yield from self._asked(request, self._patience(request), begun))

    def stream(self, request: Request) -> Generator[Event, None, Streaming]:
        """Send a request and return its events; raises AsstctlError for a refusal."""
        answer = yield from self._opened(request, self._patience(request), {})
        self.request_id = named_by(answer.headers)
        if "html" in answer.headers.get("content-type", ""):
            answer.close()
            raise AsstctlError(
                f"{self.host} answered with a web page, not with a stream",
                hint=f"is the path right? the endpoint is {self.endpoint}",
            )
        return Streaming(answer, self.host, self.timeout)

    def poll(self, path: str, seconds: float) -> Iterator[Any]:
        """Yield the JSON of a GET again and again, for `seconds`.

        A failed GET is repeated; its error is raised where no time is left for that.
        """
        patience = Patience(
            Purpose.READ, self._left(seconds), attempts=None, hurried=self._deadline is not None
        )
        pause = FIRST_POLL
        while True:
            yield told(self._asked(get(path), patience, None), self.tell)
            if not patience.wait(pause):
                return
            pause = min(pause * 1.5, LONGEST_POLL)

    def begin(self, request: Request) -> Begun | None:
        """Send a request and leave its answer for `call`; None where it could not be sent."""
        target = self._target(request.path, request.query)
        with suppress(NoConnectionError, OSError, HTTPException, ValueError):
            return self._sent(request, target, COMPRESSED)
        return None

    def patience(self) -> Patience:
        """Return patience for a read that the caller repeats in a changed form, to resume it."""
        return self._patience(get(""))

    # Sending, and sending again

    def _patience(self, request: Request) -> Patience:
        hurried = self._deadline is not None
        timeout = self._left(self.timeout)
        return Patience(
            request.purpose,
            timeout,
            look=request.look,
            attempts=request.attempts,
            hurried=hurried,
        )

    def _left(self, seconds: float) -> float:
        """Return how much of some seconds the hurry leaves; at least a tenth, to say why not."""
        if self._deadline is None:
            return seconds
        return max(0.1, min(seconds, self._deadline - time.monotonic()))

    def _asked(
        self, request: Request, patience: Patience, begun: Begun | None
    ) -> Generator[Event, None, Any]:
        while True:
            try:
                answer = yield from self._opened(request, patience, COMPRESSED, begun)
                answer.within(self._left(self.timeout * MOST_QUIET))
                with closing(answer), broken(self.host, self.timeout):
                    content = answer.read()
                    done = request.purpose in (Purpose.DELETE, Purpose.CANCEL)
                    return {} if done and not content else loads(content)
            except IncompleteError as error:
                yield from patience.rest(error)
            except (ValueError, RecursionError) as error:
                if begun is None:
                    words = f"{self.host} answered with something not JSON"
                    if request.look() is Seen.TAKEN:
                        raise UnansweredError(words) from error
                    raise AsstctlError(words) from error
            except AsstctlError as error:
                if patience.acted and done_before(request.purpose, error):
                    return {}
                raise
            begun = None  # the connection may have broken while its answer was unread

    def _opened(
        self,
        request: Request,
        patience: Patience,
        wanted: Mapping[str, str],
        begun: Begun | None = None,
    ) -> Generator[Event, None, Answer]:
        """Send a request until it is answered; return the answer, unread and open."""
        target = begun.target if begun else self._target(request.path, request.query)
        patience.begin()
        while True:
            try:
                answer = self._answered(begun) if begun else None
                begun = None
                if answer is None:
                    with unreached(self.endpoint, self._server.way, self.timeout):
                        sent = self._sent(request, target, wanted)
                        try:
                            yield RequestSent()
                        except BaseException:
                            sent.close()
                            raise
                        answer = sent.answer()
                again = self._judged(answer, target, patience)
            except AsstctlError as error:
                yield from patience.rest(error)
                continue
            if again is None:
                return answer
            target = again

    def _sent(self, request: Request, target: str, wanted: Mapping[str, str]) -> Begun:
        content = b"" if request.body is None else json.dumps(request.body).encode()
        headers = {**self._headers, **self._signed(), **wanted}
        if content:
            headers["Content-Type"] = "application/json"
        self._log(request.method, target, headers, content)
        timeout = self._left(self.timeout)
        return self._server.begin(request.method, target, headers, content, timeout)

    def _answered(self, begun: Begun) -> Answer | None:
        """Return the answer to a request that was sent before, None where it was lost since."""
        with suppress(OSError, HTTPException):
            return begun.answer()
        return None

    def _judged(self, answer: Answer, target: str, patience: Patience) -> str | None:
        """Return None for a success, else the path to send the request to again.

        Raises the error that a refusal means. Any answer but a success is closed.
        """
        if log := request_log():
            log.debug("%s %s", answer.status, answer.headers)
        if 200 <= answer.status < 300:  # noqa: PLR2004 - those are HTTP's
            return None
        answer.within(self._left(self.timeout))
        with closing(answer):
            if answer.status == UNAUTHORIZED and self._signing and patience.take_renewal():
                if self._signing.renew():
                    return target
            elif answer.status in REDIRECTED and "location" in answer.headers:
                patience.redirected(self.host)
                return redirected(self.endpoint, target, answer.headers["location"])
            raise refused(answer, self._meanings)

    def _signed(self) -> dict[str, str]:
        return self._signing.headers() if self._signing else {}

    def _target(self, path: str, query: Mapping[str, str]) -> str:
        target = quote(urlsplit(self.endpoint).path, safe=SIGNS) + path
        asked = {**self._query, **query}
        return f"{target}?{urlencode(asked)}" if asked else target

    def _log(self, method: str, target: str, headers: Mapping[str, str], content: bytes) -> None:
        """Log a request; the log strikes out keys, so nothing may cut one in two before."""
        if log := request_log():
            shown = {**headers, **dict.fromkeys(self._signed(), "***")}
            body = struck(content.decode(errors="replace"))[:LONGEST_LOGGED]
            log.debug("%s", f"{method} {urljoin(self.endpoint, target)} {shown} {body}")


def told(work: Generator[Event, None, T], tell: Tell) -> T:
    """Do some work to its end and return its result; its notices are told."""
    try:
        while True:
            if isinstance(event := next(work), Notice):
                tell(event)
    except StopIteration as end:
        value: T = end.value
        return value


def done_before(purpose: Purpose, error: AsstctlError) -> bool:
    """Return whether a refusal of a repeated request says that the first one was acted on."""
    match purpose:
        case Purpose.DELETE:
            return error.status == 404  # noqa: PLR2004 - gone
        case Purpose.CANCEL:
            return error.status in (400, 409)  # ended
        case _:
            return False
