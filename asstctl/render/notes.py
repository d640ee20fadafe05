"""Notes on stderr beside an answer: notices, progress, and a model's reasoning."""

from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from asstctl.events import Event, Notice, Progress, ReasoningDelta, ToolCall
from asstctl.model import bounded
from asstctl.render.terminal import Harmless, one_line, said, terminal_width

if TYPE_CHECKING:
    from collections.abc import Callable

BAR = 24
"""Characters of a progress bar."""

ROOM = 80
"""Columns without which progress is a number alone: a line must never wrap."""


LONGEST_CALL = 1000
"""Characters of a call that its line shows."""


class Notes:
    """Writes everything that is not the answer; progress bars only on a terminal.

    `reasoning` is whether a model's reasoning is shown. `lift` clears the way on a terminal where
    an answer is being drawn, and is called with the event before it is written.
    """

    def __init__(self, err: TextIO) -> None:
        self.reasoning = False
        self.lift: Callable[[Event], None] | None = None
        self._err = err
        self._terminal = err.isatty()
        self._thought = Harmless()
        self._open = ""  # the end of a line that is open, to be written first

    def shows(self, event: Event) -> bool:
        """Return whether an event is one that is written here."""
        match event:
            case ReasoningDelta():
                return self.reasoning
            case Progress():
                return self._terminal
            case _:
                return isinstance(event, Notice | ToolCall)

    def write(self, event: Event) -> None:
        """Write a notice, a progress bar or reasoning; other events are passed over."""
        if not self.shows(event):
            return
        if self.lift:
            self.lift(event)
        match event:
            case Notice(text):
                self.pause()
                self._put(f"asstctl: {said(text)}\n")
            case ToolCall(identity, name, arguments):
                self.pause()
                self._put(f"asstctl: tool call {_call(identity, name, arguments)}\n")
            case Progress():
                self._progress(event)
            case ReasoningDelta(text):
                dim, bright = ("\x1b[2m", "\x1b[22m") if self._terminal else ("", "")
                shown = self._thought.feed(text) if self._terminal else text
                self._put(f"{dim}{shown}{bright}")
                self._open = "" if text.endswith("\n") else "\n"

    def _progress(self, event: Progress) -> None:
        share = event.done / event.total if event.total else 1.0
        line = f"asstctl: {one_line(event.what)} {share:4.0%}"
        if terminal_width(self._err) > ROOM:
            shift, unit = (20, "MiB") if event.unit == "bytes" else (0, event.unit)
            filled = "#" * int(share * BAR)
            line += f" [{filled:.<{BAR}}] {event.done >> shift}/{event.total >> shift} {unit}"
        ended = event.done >= event.total
        self._put(f"\r{line}" + ("\n" if ended else ""))
        self._open = "" if ended else "\n"

    def pause(self) -> None:
        """End an open line, before something else is written."""
        if self._open:
            self._put(self._open)
            self._open = ""

    def _put(self, text: str) -> None:
        with suppress(OSError):  # nobody hears it: that is no reason to end a reply
            self._err.write(text)
            self._err.flush()


def _call(identity: str, name: str, arguments: str) -> str:
    """Return a call as one line that can't pass for two."""
    return bounded(one_line(f"{identity}: {name}({arguments})"), LONGEST_CALL)
