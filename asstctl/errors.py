"""Errors, each with the exit code that it leaves."""

from __future__ import annotations  # every command waits for this module, and TAB too

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class AsstctlError(Exception):
    """The service said no, or the work can't be done: one line, and at most one hint.

    `status` is the HTTP status, `request_id` the service's own name for the request, `retry_after`
    the seconds that it asks for, and `retryable` whether the same command may succeed later.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.request_id = request_id
        self.retryable = retryable
        self.retry_after: float | None = None

    def facts(self) -> dict[str, Any]:
        """Return the error as the JSON object that `-o json` promises."""
        return {
            "message": self.message,
            "hint": self.hint,
            "exit_code": self.exit_code,
            "status": self.status,
            "request_id": self.request_id,
            "retryable": self.retryable,
        }


class ConfigError(AsstctlError):
    """A setting is missing or wrong: which, and where to set it."""

    exit_code = 3


class UnsetError(ConfigError):
    """Settings that a profile can't do without are not set."""


class UnconfiguredError(UnsetError):
    """No server was ever chosen: `choices` are the ways to do so, a line each."""

    def __init__(self, message: str, *, choices: list[str]) -> None:
        super().__init__(message, hint="; ".join(choices))
        self.choices = choices


class AuthError(AsstctlError):
    """The service does not know us, or does not let us (401, 403)."""

    exit_code = 4


class NotFoundError(AsstctlError):
    """No such thread, assistant or profile, or the API is retired there."""

    exit_code = 5


class IncompleteError(AsstctlError):
    """Part of an answer: cut, too long, filtered, expired, or a tool call nobody answered."""

    exit_code = 6


class UnavailableError(AsstctlError):
    """Network, 5xx, rate limit or quota, after the retries."""

    exit_code = 7


class UnconnectedError(UnavailableError):
    """No connection was made; `permanent`: another attempt would fail too."""

    def __init__(self, message: str, *, hint: str, permanent: bool) -> None:
        super().__init__(message, hint=hint, retryable=True)
        self.permanent = permanent


class UnansweredError(UnavailableError):
    """A request went out and no answer came: the service may have acted on it, or not."""


class ActiveRunError(AsstctlError):
    """The thread is locked by a run, `run_id`, that has not ended."""

    def __init__(self, message: str, run_id: str, *, hint: str | None) -> None:
        super().__init__(message, hint=hint, status=400, retryable=True)
        self.run_id = run_id


class LockedError(AsstctlError):
    """The conversation is in use by another reply, which the service does not name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="try again when it has ended", status=400, retryable=True)


class UnsupportedError(AsstctlError):
    """The service can't do this for anybody."""


class ContextExceededError(AsstctlError):
    """The model's window is smaller than what was sent: `tokens` sent, `window` tokens of room."""

    def __init__(self, message: str, *, tokens: int | None, window: int | None) -> None:
        super().__init__(message, status=400, hint="start a new thread, or choose a larger model")
        self.tokens = tokens
        self.window = window


class StoppedError(BaseException):
    """The process was told to end by a signal; no `Exception`, so that no handler catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def summed(words: str, first: AsstctlError) -> AsstctlError:
    """Return the error that sums up several, with the exit code and the hint of the first."""
    error = AsstctlError(words, hint=first.hint, retryable=first.retryable)
    error.exit_code = first.exit_code
    return error
