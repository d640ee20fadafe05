"""Runs that are to end, on whichever wire: ordered to, waited for, and what became of them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from asstctl.errors import AsstctlError, UnsupportedError

CANCEL_SECONDS = 15.0
"""How long a reply that was cancelled may take to end."""

REFUSED_SECONDS = 2.0
"""The same where the cancelling was refused: then it has most likely ended by itself."""


def last_status(looks: Iterator[Mapping[str, Any]], over: Callable[[str], bool]) -> str:
    """Read `looks` until `over` holds for a status; return the last status, "" without any."""
    status = ""
    for look in looks:
        status = str(look.get("status"))
        if over(status):
            break
    return status


def cancelled(
    run_id: str,
    order: Callable[[], Any],
    looks: Callable[[float], Iterator[Mapping[str, Any]]],
    over: Callable[[str], bool],
) -> str:
    """Order a run to be cancelled and wait a while for its end; return its last status.

    `looks` reads it again and again, for so many seconds. Raises AsstctlError where the order was
    refused, and the run did not end by itself.
    """
    refused: AsstctlError | None = None
    status = ""
    try:
        answer = order()
        status = str(answer.get("status") or "") if isinstance(answer, dict) else ""
    except AsstctlError as error:  # it may have ended by itself
        refused = error
    try:
        status = last_status(looks(REFUSED_SECONDS if refused else CANCEL_SECONDS), over)
    except AsstctlError:
        if refused is None:
            return status
        status = ""
    if refused is None or (status and over(status)):
        return status
    if not isinstance(refused, UnsupportedError):
        still = f" and is {status}" if status else ""
        refused.message = f"{run_id} could not be cancelled{still}: {refused.message}"
    raise refused


UNLOCK_HINTS = {True: "without --wait it is cancelled", False: "try again in a while"}
"""The next step where `threads unlock` did not unlock, with --wait and without it."""


def unlocked(thread_id: str, run_id: str, status: str, *, open_: bool, hint: str) -> str:
    """Return how the run that locked a thread ended; raises AsstctlError where it is `open_`."""
    if open_ or not status:
        state = f"is {status}" if status else "may go on: its server does not say how it is"
        raise AsstctlError(
            f"{thread_id} is still locked: {run_id} {state}",
            hint=hint,
            retryable=True,
        )
    return f"{run_id} is {status}"
