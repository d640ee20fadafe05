"""The console of Windows, which draws colours once it is told to."""

import sys
from contextlib import suppress
from typing import Any


def draw_colours() -> None:
    """Let the console obey the sequences that other terminals obey; a pipe needs nothing."""
    import ctypes

    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - other systems lack it
    for number, stream in ((-11, sys.stdout), (-12, sys.stderr)):
        with suppress(OSError, AttributeError, ValueError):
            mode = ctypes.c_uint32()
            handle = kernel.GetStdHandle(number)
            if stream.isatty() and kernel.GetConsoleMode(handle, ctypes.byref(mode)):
                kernel.SetConsoleMode(handle, mode.value | SEQUENCES)


SEQUENCES = 0x0004
"""ENABLE_VIRTUAL_TERMINAL_PROCESSING, in the words of its documentation."""
