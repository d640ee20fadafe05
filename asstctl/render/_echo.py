"""Whether a terminal shows the letters that are typed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from asstctl._signals import Restored


@contextmanager
def echo(keyboard: TextIO, *, on: bool) -> Iterator[None]:
    """Show letters that are typed, or keep them off the screen, while the block runs.

    Off: the next reader gets them. On: they are an answer, and those typed before it are dropped.
    """
    before = modes(keyboard)
    if before is None:
        yield
        return
    import termios

    if on:
        termios.tcflush(keyboard, termios.TCIFLUSH)
        local = before[3] | termios.ECHO | termios.ICANON
    else:
        local = before[3] & ~termios.ECHO
    with restored(keyboard, before):
        termios.tcsetattr(keyboard, termios.TCSANOW, [*before[:3], local, *before[4:]])
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
