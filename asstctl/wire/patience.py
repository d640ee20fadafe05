"""When a request is sent again, and after which pause: one table for every request.

A request has a purpose, and a fault is a kind of trouble; the table has both. Pauses are
announced, and end within `timeout` seconds of the first attempt.
"""

import time
from collections.abc import Callable, Generator, Mapping
from enum import Enum, auto

from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    LockedError,
    UnansweredError,
    UnavailableError,
    UnconnectedError,
)
from asstctl.events import Event, Retry

ATTEMPTS = 3
"""How often a request is sent at most; one that a lock holds up is sent until `timeout`."""

REDIRECTS = 3

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds, each pause twice the one before, where the service does not say how long to wait."""


class Purpose(Enum):
    """The effect of a request, as far as sending it twice makes a difference."""

    READ = auto()
    DELETE = auto()  # 404 to a repeated one is success
    CANCEL = auto()  # "already ended" to a repeated one is success
    POST = auto()  # a prompt, a message, a thread, answers to calls


class Trouble(Enum):
    """A fault of a request that a repetition may mend."""

    LIMITED = auto()  # 429
    BUSY = auto()  # 503
    FAILED = auto()  # 500, 502, 504, 408, or no answer: it may have been acted on
    UNCONNECTED = auto()  # nothing was sent
    LOCKED = auto()  # the conversation is in use


ANY = frozenset(Trouble)

REPEATED: Mapping[Purpose, frozenset[Trouble]] = {
    Purpose.READ: ANY,
    Purpose.DELETE: ANY,
    Purpose.CANCEL: ANY,
    Purpose.POST: frozenset({Trouble.LIMITED, Trouble.BUSY, Trouble.LOCKED}),
}
"""The troubles after which a request is sent again."""


def trouble(error: AsstctlError) -> Trouble | None:
    """Return what kind of trouble an error is; None for one that no repetition can mend."""
    if isinstance(error, LockedError):
        return Trouble.LOCKED
    if isinstance(error, UnconnectedError):
        return None if error.permanent else Trouble.UNCONNECTED
    if isinstance(error, UnansweredError | IncompleteError):
        return Trouble.FAILED
    if not isinstance(error, UnavailableError) or "quota" in error.message:
        return None
    return {429: Trouble.LIMITED, 503: Trouble.BUSY}.get(error.status or 0, Trouble.FAILED)


class Patience:
    """How much longer one request is tried.

    `taken` is called before a post is sent again; True: the service acted on it, so it is not.
    """

    def __init__(
        self,
        purpose: Purpose,
        timeout: float,
        *,
        taken: Callable[[], bool] = lambda: False,
        attempts: int | None = ATTEMPTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._repeated = REPEATED[purpose]
        self._taken = taken
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + timeout
        self._redirects = 0
        self._renewed = False
        self._failures = 0
        self.repeated = False

    def rest(self, error: AsstctlError) -> Generator[Event]:
        """Announce a pause and make it; raises `error` where the request is not sent again."""
        found = trouble(error)
        self._failures += 1
        pause = error.retry_after or min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        spent = found is not Trouble.LOCKED and self._failures == self._attempts
        late = self._clock() + pause > self._end
        if found not in self._repeated or spent or late or self._taken():
            raise error
        yield Retry(f"{error.message}; trying again in {pause:g} s")
        self._sleep(pause)
        self.repeated = True

    def wait(self, pause: float) -> bool:
        """Wait between two looks; return whether there is time for another one."""
        if self._clock() + pause > self._end:
            return False
        self._sleep(pause)
        return True

    def take_renewal(self) -> bool:
        """Return True for the first refused key of a request, then False."""
        renewed, self._renewed = self._renewed, True
        return not renewed

    def redirected(self, host: str) -> None:
        """Count a redirect; raises AsstctlError for one too many."""
        self._redirects += 1
        if self._redirects > REDIRECTS:
            raise AsstctlError(f"{host} redirects in a circle")
