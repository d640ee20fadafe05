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
    PROMPT = auto()  # a prompt to a thread of the threads wire, which may carry a mark
    ITEM = auto()  # a prompt to a conversation, where nothing carries a mark
    COMPLETION = auto()  # of a chain or a chat: nothing can stand twice
    CREATION = auto()  # of a thread, empty or with its first prompt
    ADDITION = auto()  # a message of a copy, a run alone, answers to calls


class Trouble(Enum):
    """A fault of a request that a repetition may mend."""

    LIMITED = auto()  # 429
    BUSY = auto()  # 503
    FAILED = auto()  # 500, 502, 504, 408, or no answer: it may have been acted on
    UNCONNECTED = auto()  # nothing was sent
    LOCKED = auto()  # the conversation is in use


class Then(Enum):
    """The step after a trouble."""

    REPEAT = auto()
    LOOK = auto()  # whether the service acted on it; it is not sent again
    LOOK_TWICE = auto()  # and send it once more where it is not there, and 2 s later neither
    STOP = auto()


class Seen(Enum):
    """The outcome of a look for the effect of a request."""

    TAKEN = auto()
    ABSENT = auto()  # seen where it would have to be
    UNKNOWN = auto()


SAFE = (Then.REPEAT, Then.REPEAT)

BUSY_FAILED: Mapping[Purpose, tuple[Then, Then]] = {
    Purpose.READ: SAFE,
    Purpose.DELETE: SAFE,
    Purpose.CANCEL: SAFE,
    Purpose.PROMPT: (Then.LOOK_TWICE, Then.LOOK),
    Purpose.ITEM: (Then.STOP, Then.LOOK),
    Purpose.COMPLETION: (Then.REPEAT, Then.STOP),
    Purpose.CREATION: (Then.STOP, Then.STOP),
    Purpose.ADDITION: (Then.LOOK_TWICE, Then.LOOK_TWICE),
}
"""The steps after the troubles BUSY and FAILED; after any other trouble a request is repeated."""

LOOK_SECONDS = 2.0
"""Seconds between two looks: a gateway may pass a request on that it gave up."""


def then(purpose: Purpose, found: "Trouble | None") -> Then:
    """Return the step after a trouble of a request, STOP where there is none to mend."""
    match found:
        case None:
            return Then.STOP
        case Trouble.BUSY:
            return BUSY_FAILED[purpose][0]
        case Trouble.FAILED:
            return BUSY_FAILED[purpose][1]
        case _:
            return Then.REPEAT


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


def left_open(error: AsstctlError) -> bool:
    """Return whether the service may have acted on the request that an error is about."""
    return trouble(error) in (Trouble.BUSY, Trouble.FAILED)


class Patience:
    """How much longer one request is tried.

    `look` says whether the service acted on a post that got no good answer. `hurried`: the
    user wants to leave, so a service's own wish for a pause is not granted.
    """

    def __init__(
        self,
        purpose: Purpose,
        timeout: float,
        *,
        look: Callable[[], Seen] = lambda: Seen.UNKNOWN,
        attempts: int | None = ATTEMPTS,
        hurried: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._purpose = purpose
        self._look = look
        self._attempts = attempts
        self._hurried = hurried
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + timeout
        self._redirects = 0
        self._renewed = False
        self._failures = 0
        self._counted = 0  # those of them that count as attempts
        self._looked = False  # twice, and it was sent again
        self.acted = False  # whether the service may have acted on an earlier attempt

    def rest(self, error: AsstctlError) -> Generator[Event]:
        """Announce a pause and make it; raises `error` where the request is not sent again."""
        found = trouble(error)
        match then(self._purpose, found):
            case Then.STOP:
                raise error
            case Then.LOOK:
                self._look()
                raise error
            case Then.LOOK_TWICE:
                yield from self._looked_twice(error)
            case Then.REPEAT:
                self._failures += 1
                asked = None if self._hurried else error.retry_after
                pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
                if found is Trouble.LOCKED:
                    pause = max(pause, asked or 0)
                else:
                    pause = asked or pause
                    self._counted += 1
                spent = self._attempts is not None and self._counted >= self._attempts
                if spent or self._clock() + pause > self._end:
                    raise error
                yield Retry(f"{error.message}; trying again in {pause:g} s")
                self._sleep(pause)
        self.acted = self.acted or left_open(error)

    def _looked_twice(self, error: AsstctlError) -> Generator[Event]:
        """Look, wait, look again; raises `error` unless neither look finds the request's effect."""
        seen = self._look()
        if self._looked or seen is not Seen.ABSENT:
            raise error
        self._looked = True
        yield Retry(f"{error.message}; looking again in {LOOK_SECONDS:g} s whether it was taken")
        self._sleep(LOOK_SECONDS)
        if self._look() is not Seen.ABSENT:
            raise error
        yield Retry("it is not seen there, so it was most likely not taken; sending it again")

    def begin(self) -> None:
        """Begin another request that shares this patience."""
        self._redirects = 0
        self._renewed = False

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
