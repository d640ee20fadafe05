"""The last lines on a terminal, redrawn until final; only what differs is written."""

import re
from itertools import groupby, takewhile
from typing import TextIO

from rich.cells import cell_len


class Tail:
    """The last lines on a terminal, which may be drawn again until they are final."""

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
        """Make the tail final as it stands."""
        if self.rows:
            self.show(self.rows, [])

    def _change(self, same: int, new: list[str]) -> str:
        """Return the text that turns the rows on the screen into the new ones; `same` stay."""
        old = self.rows
        if same == len(old):
            return ("\n" if old else "") + "\n".join(new[same:])
        up = len(old) - 1 - same
        kept, rest = differing(old[same], new[same]) if same < len(new) else ([], "")
        written = "\n".join([rest, *new[same + 1 :]])
        if not up and (not old[same] or 0 < len(cells(old[same])) == len(kept)):
            return written  # the cursor is there
        column = cell_len("".join(letter for _, letter in kept))
        across = f"\x1b[{column}C" if column else ""
        if not up:
            return f"\r{across}\x1b[J{written}"
        # Up, erase from there, write: in one synchronized update (DEC mode 2026), in one write.
        return f"\x1b[?2026h\r\x1b[{up}A{across}\x1b[J{written}\x1b[?2026l"


RUN = re.compile(r"(\x1b\[[\d;]*m)([^\x1b]*)\x1b\[0m|([^\x1b]+)")
"""A piece of a row in one colour, as Rich writes it, or without any."""

Cell = tuple[str, str]
"""The colours of a character, and the character."""


def cells(row: str) -> list[Cell]:
    """Return a row's characters; [] for a row that holds anything but characters in colours."""
    found: list[Cell] = []
    end = 0
    for run in RUN.finditer(row):
        if run.start() != end:
            return []
        colours, text = (run[1], run[2]) if run[1] else ("", run[3])
        found += [(colours, letter) for letter in text]
        end = run.end()
    return found if end == len(row) else []


def differing(old: str, new: str) -> tuple[list[Cell], str]:
    """Return the beginning that two rows share, and the text to write behind it for the new one.

    Characters may join their neighbours (emoji, combining marks): then nothing is shared.
    """
    was, will = cells(old), cells(new)
    if any(letter > "\uffff" or not cell_len(letter) for _, letter in (*was, *will)):
        return [], new
    alike = [
        cell for cell, _ in takewhile(lambda pair: pair[0] == pair[1], zip(will, was, strict=False))
    ]
    rest = groupby(will[len(alike) :], key=lambda cell: cell[0])
    pieces = ((colours, "".join(letter for _, letter in run)) for colours, run in rest)
    return alike, "".join(f"{c}{text}\x1b[0m" if c else text for c, text in pieces) if will else new
