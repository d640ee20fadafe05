"""A terminal on which Markdown is drawn while it is written."""

import time
from collections.abc import Callable, Mapping
from typing import TextIO

from rich.cells import cell_len

from asstctl.render import capable
from asstctl.render._document import Row, ansi, console_on, solid
from asstctl.render._draft import Draft
from asstctl.render._tail import Tail
from asstctl.render.terminal import Harmless, terminal_height

SLOW = 0.01
"""Seconds: a drawing that takes less is made at every event."""


class Screen:
    """A terminal, or a pipe, on which a Markdown text grows."""

    def __init__(
        self,
        out: TextIO,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._moves = capable(out, environment)
        self._console = console_on(out, environment)
        self._draft = Draft(self._console)
        self._safe = Harmless()
        self._tail = Tail(out)
        self._drawn: list[Row] = []  # the tail's rows, as they were drawn
        self._size = self._measure()
        self._clock = clock
        self._rested = 0.0

    def feed(self, text: str) -> None:
        """Add text and draw it."""
        self._draft.feed(self._safe.feed(text))
        # Where drawing is slow, a long table say, at most half of the time goes into it.
        if self._draft.due() and self._clock() >= self._rested:
            started = self._clock()
            self._draw()
            ended = self._clock()
            self._rested = ended + (ended - started if ended - started > SLOW else 0.0)

    def end(self) -> None:
        """Draw the rest."""
        self._draft.feed(self._safe.end())
        self._draw(end=True)

    def lift(self, *, keep: bool) -> None:
        """Leave the cursor on an empty line, for text that is not the reply."""
        if keep:
            self._commit()
        else:
            self._tail.show([], [])

    def _measure(self) -> tuple[int, int]:
        return self._console.width, terminal_height(self._out)

    def _draw(self, *, end: bool = False) -> None:
        size = self._measure()
        if size != self._size:
            self._resized(*size)
            self._size = size
        done, tail = self._draft.look(end=end)
        if not self._moves:
            tail = []
        over = len(tail) - max(1, size[1] - 1)
        if over > 0 and self._draft.table:
            tail = tail[:-over]
        elif over > 0:
            self._draft.given_out(tail[:over])
            done, tail = done + tail[:over], tail[over:]
        self._tail.show(ansi(self._console, done), ansi(self._console, tail))
        self._drawn = tail

    def _resized(self, width: int, height: int) -> None:
        """Keep the rows on the screen where they can't be erased with certainty.

        A row wider than the window may have become two, or lost its end: terminals differ.
        """
        wide = any(cell_len(solid(row).rstrip()) > width for row in self._drawn)
        if wide or len(self._drawn) >= height:
            self._commit()

    def _commit(self) -> None:
        """Make the tail final as it stands."""
        if self._drawn:
            if not self._draft.table:
                self._draft.given_out(self._drawn)
            self._tail.commit()
            self._drawn = []
