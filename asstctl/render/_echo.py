"""Whether a terminal shows the letters that are typed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from asstctl._signals import Restored


@contextmanager
def unechoed(keyboard: TextIO) -> Iterator[None]:
    """Keep letters that are typed meanwhile off the screen; the next reader gets them."""
    before = modes(keyboard)
    if before is None:
        yield
        return
    import termios

    with restored(keyboard, before):
        quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(keyboard, termios.TCSANOW, quiet)
        yield


@contextmanager
def echoed(keyboard: TextIO) -> Iterator[None]:
    """Show letters that are typed, for an answer; those typed before the question are dropped."""
    before = modes(keyboard)
    if before is None:
        yield
        return
    import termios

    termios.tcflush(keyboard, termios.TCIFLUSH)
    with restored(keyboard, before):
        shown = [*before[:3], before[3] | termios.ECHO | termios.ICANON, *before[4:]]
        termios.tcsetattr(keyboard, termios.TCSANOW, shown)
        yield


def modes(keyboard: TextIO) -> list[Any] | None:
    """Return the modes of a terminal that is ours to change.

    None where it is none, where the system has no such modes, and for a job in the background,
    which would be stopped for it.
    """
    try:
        import termios
    except ImportError:
        return None
    try:
        found = termios.tcgetattr(keyboard)
        ours = os.tcgetpgrp(keyboard.fileno()) == os.getpgrp()
    except (termios.error, ValueError, OSError):
        return None
    return found if ours else None


@contextmanager
def restored(keyboard: TextIO, before: list[Any]) -> Iterator[None]:
    """Restore a terminal's modes when the block ends, or the process does."""
    import termios

    def step() -> None:
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(keyboard, termios.TCSANOW, before)

    with Restored(step):
        yield
