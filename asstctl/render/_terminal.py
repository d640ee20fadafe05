"""A model's words never steer the terminal; and the lines that may still change stay few."""

import os
import re
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: "\u2421",
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    # What turns the direction of writing around, and what hides in a line: Unicode TR 36, 39.
    **{code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF)},
    **{code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


def harmless(text: str) -> str:
    """Spell out every character that could steer a terminal; newlines and tabs stay.

    Without the escape character the rest of a sequence is mere text, wherever it was cut.
    """
    return re.sub("\r+\n", "\n", text).translate(_CONTROLS)


def one_line(text: str) -> str:
    """Make text harmless and fit for one line."""
    return " ".join(harmless(text).split())


class Harmless:
    """`harmless` for a text that comes in pieces: a line end may be cut in two."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Give what of the text so far is decided."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return harmless(text[: len(text) - len(self._held)])

    def end(self) -> str:
        """Give the rest."""
        held, self._held = self._held, ""
        return harmless(held)


@contextmanager
def unechoed(keyboard: TextIO) -> Iterator[None]:
    """Keep what is typed meanwhile off the screen; it waits for who reads the keyboard next."""
    try:
        before = termios.tcgetattr(keyboard)
        ours = os.tcgetpgrp(keyboard.fileno()) == os.getpgrp()
    except (termios.error, ValueError, OSError):  # no terminal
        ours = False
    if not ours:  # a job in the background would be stopped for it
        yield
        return
    with restored(keyboard, before):
        quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(keyboard, termios.TCSANOW, quiet)
        yield


@contextmanager
def echoed(keyboard: TextIO) -> Iterator[None]:
    """Show what is typed, for an answer; what was typed before it was asked for is dropped."""
    before = termios.tcgetattr(keyboard)
    termios.tcflush(keyboard, termios.TCIFLUSH)
    with restored(keyboard, before):
        shown = [*before[:3], before[3] | termios.ECHO | termios.ICANON, *before[4:]]
        termios.tcsetattr(keyboard, termios.TCSANOW, shown)
        yield


@contextmanager
def restored(keyboard: TextIO, modes: list[Any]) -> Iterator[None]:
    """Give a terminal its modes back."""
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(keyboard, termios.TCSANOW, modes)


def terminal_height(out: TextIO) -> int:
    """Give the rows of the terminal that `out` is, 24 where it does not say."""
    try:
        return os.get_terminal_size(out.fileno()).lines or 24
    except (OSError, ValueError):
        return 24


def terminal_width(out: TextIO) -> int:
    """Give the columns of the terminal that `out` is, 0 where it does not say."""
    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 0


class Tail:
    """The last lines on a terminal, which may be drawn again until they are given out for good."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.rows: list[str] = []

    def show(self, done: list[str], rows: list[str]) -> None:
        """Replace the tail by `done`, for good, and a new tail; only what differs is written.

        Between two calls the cursor is at the end of the last row, or on an empty line.
        """
        new = done + rows
        same = 0
        while same < min(len(self.rows), len(new)) and self.rows[same] == new[same]:
            same += 1
        if same == len(new) < len(self.rows) and same:
            same -= 1  # so that the cursor ends in the last row
        text = self._change(same, new) if same < max(len(self.rows), len(new)) else ""
        if new and not rows:
            text += "\n"
        if text:
            self._out.write(text)
            self._out.flush()
        self.rows = rows

    def commit(self) -> None:
        """Give the tail out for good as it stands."""
        if self.rows:
            self.show(self.rows, [])

    def _change(self, same: int, new: list[str]) -> str:
        """Give what turns the rows on the screen into the new ones, of which `same` stay."""
        old = self.rows
        if same == len(old):
            return ("\n" if old else "") + "\n".join(new[same:])
        if same == len(old) - 1 and same < len(new) and new[same].startswith(old[same]):
            return "\n".join([new[same][len(old[same]) :], *new[same + 1 :]])
        up = len(old) - 1 - same
        # Up, erase below, write: in one synchronized update (DEC mode 2026), in one write.
        move = f"\x1b[{up}A" if up else ""
        return f"\x1b[?2026h\r{move}\x1b[J" + "\n".join(new[same:]) + "\x1b[?2026l"
