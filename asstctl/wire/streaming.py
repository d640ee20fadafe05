"""The events of one streamed answer, to the end mark and no further."""

import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from http.client import HTTPException

from asstctl.errors import AsstctlError
from asstctl.wire.faults import broken
from asstctl.wire.http import Answer
from asstctl.wire.sse import Frame, frames

LAST_SECONDS = 1.0
"""How long the end mark, and what stands before it, is waited for once a reply has ended."""

MOST_QUIET = 10
"""Timeouts for which a stream may say nothing but comments: a model may think for long."""

CLOSING_SECONDS = 0.1
"""How long the end of an answer is waited for once its events have ended."""


class Streaming(Iterator[list[Frame]]):
    """An answer's events, one list a read of the socket.

    An answer that is plain JSON is one event without a name. Raises IncompleteError for a stream
    that breaks before `ending` was called.
    """

    def __init__(self, answer: Answer, host: str, timeout: float) -> None:
        self._answer = answer
        self._host = host
        self._timeout = timeout
        self._until: float | None = None  # once the reply has ended
        self._batches = self._read()

    def __next__(self) -> list[Frame]:
        if self._until is None:
            return next(self._batches)
        with suppress(AsstctlError):  # nothing that matters can come any more
            return next(self._batches)
        raise StopIteration

    def ending(self) -> None:
        """Note that the reply has ended: what follows is waited for no longer than LAST_SECONDS."""
        if self._until is None:
            self._until = time.monotonic() + LAST_SECONDS
            self._answer.hurry(LAST_SECONDS)

    def close(self) -> None:
        """Close the answer."""
        self._batches.close()
        self._answer.close()

    def _read(self) -> Generator[list[Frame]]:
        with broken(self._host, self._timeout):
            if "json" in self._answer.headers.get("content-type", ""):
                self._answer.within(MOST_QUIET * self._timeout)
                yield [("", self._answer.read())]
            else:
                pieces = self._answer.pieces()
                last = time.monotonic()
                for batch in frames(pieces):
                    now = time.monotonic()
                    if self._until is not None and now > self._until:
                        return
                    if batch:
                        yield batch
                        last = now
                    elif now - last > MOST_QUIET * self._timeout:
                        raise TimeoutError
                self._answer.hurry(CLOSING_SECONDS)
                with suppress(OSError, HTTPException):  # a whole answer leaves a free connection
                    next(pieces, None)
