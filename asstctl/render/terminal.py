"""The terminal: text that can't steer it, its modes, its size."""

import os
import re
from typing import TextIO

from asstctl._secrets import struck

_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: "\u2421",
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    # Characters that reverse the direction of writing or hide in a line: Unicode TR 36, 39.
    **{code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF)},
    **{code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x2070))},
    # Characters that nobody sees; the joiners that emoji and scripts need (200C, 200D) stay.
    **{code: f"\\u{code:04x}" for code in (0x00AD, 0x034F, 0x180E, 0x200B, *range(0x2060, 0x2065))},
    0xE0001: "\\U000e0001",
    **{code: f"<{chr(code - 0xE0000)}>" for code in range(0xE0020, 0xE007F)},
    0xE007F: "\\U000e007f",
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


def said(text: str) -> str:
    """Return words of asstctl's own, which may hold a server's, as one line without any key."""
    return one_line(struck(text))


class Harmless:
    """`harmless` for a text that comes in pieces: a line end may be cut in two."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the part of the text so far that no later piece can change."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return harmless(text[: len(text) - len(self._held)])

    def end(self) -> str:
        """Return the rest."""
        held, self._held = self._held, ""
        return harmless(held)


def terminal_height(out: TextIO) -> int:
    """Return the rows of the terminal that `out` is, 24 where it does not say."""
    try:
        return os.get_terminal_size(out.fileno()).lines or 24
    except (OSError, ValueError):
        return 24


def terminal_width(out: TextIO) -> int:
    """Return the columns of the terminal that `out` is, 0 where it does not say."""
    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 0
