"""Signals that end the program: raised where that is safe, and the terminal left as it was.

The first one and the second are raised, the second to cut short what the first began; a third
ends the process at once. While imports run they wait: Python drops what is raised in some of
their callbacks. Where there is no POSIX, the signals that there are behave alike.
"""

from __future__ import annotations  # the way in imports this module first, and little else

import os

from asstctl.errors import StoppedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGUSR1", "SIGUSR2", "SIGBREAK")
"""Those that a person or a system sends to end a program, as far as the system has them."""

MOST_RAISED = 2


class _Heard:
    """State of the handler: one, as there is one process."""

    count = 0
    """Signals since the last one that the program went on after."""
    holding = 0
    waiting: int | None = None
    undo: tuple[Callable[[], None], ...] = ()


def heed() -> None:
    """Take over the signals; one that the parent process ignores stays ignored (nohup)."""
    # The C module alone, which has no stub: `signal` takes 4 ms to make enums of its names.
    import _signal  # type: ignore[import-not-found]

    for name in NAMES:
        signum = getattr(_signal, name, None)
        if signum is not None and _signal.getsignal(signum) != _signal.SIG_IGN:
            _signal.signal(signum, _stop)


def _stop(signum: int, _frame: object) -> None:
    if _Heard.holding:
        _Heard.waiting = signum
        return
    _Heard.count += 1
    if _Heard.count > MOST_RAISED:
        for step in _Heard.undo:
            step()
        os._exit(128 + signum)
    raise KeyboardInterrupt if signum == INTERRUPT else StoppedError(signum)


INTERRUPT = 2
"""SIGINT, on every system."""


class Held:
    """A block that delays signals to its end."""

    def __enter__(self) -> None:
        _Heard.holding += 1

    def __exit__(self, *_: object) -> None:
        _Heard.holding -= 1
        if not _Heard.holding and _Heard.waiting is not None:
            signum, _Heard.waiting = _Heard.waiting, None
            _stop(signum, None)


class Restored:
    """A block after which `step` undoes a change of the terminal, however the process ends."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step

    def __enter__(self) -> None:
        _Heard.undo = (self._step, *_Heard.undo)

    def __exit__(self, *_: object) -> None:
        _Heard.undo = tuple(step for step in _Heard.undo if step is not self._step)
        self._step()


def dealt_with() -> None:
    """Count anew: the program goes on after a signal."""
    _Heard.count = 0


def last_words() -> None:
    """Delay signals from now on: the program is writing its last line."""
    _Heard.holding += 1
