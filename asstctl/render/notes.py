"""Notes on stderr beside an answer: notices, progress, and a model's reasoning."""

from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, assert_never

from asstctl.events import Event, Notice, Progress, ReasoningDelta
from asstctl.model import bounded, count
from asstctl.parts import Code, Image, Other, Search, Text, ToolCall, ToolResult
from asstctl.render.terminal import Harmless, one_line, said, terminal_width

if TYPE_CHECKING:
    from collections.abc import Callable

BAR = 24
"""Characters of a progress bar."""

ROOM = 80
"""Columns without which progress is a number alone: a line must never wrap."""


LONGEST_LINE = 1000
"""Characters of a tool's work that its line shows."""


class Notes:
    """Writes everything that is not the answer; progress bars only on a terminal.

    `reasoning` is whether a model's reasoning is shown. `lift` clears the way on a terminal where
    an answer is being drawn, and is called with the event before it is written. `err` is where all
    is written, and `drawn` whether that is a terminal.
    """

    def __init__(self, err: TextIO) -> None:
        self.reasoning = False
        self.lift: Callable[[Event], None] | None = None
        self.hush: Callable[[], None] | None = None  # takes a sign of waiting off the line
        self.err = err
        self.drawn = err.isatty()
        self._thought = Harmless()
        self._open = ""  # the end of a line that is open, to be written first

    def shows(self, event: Event) -> bool:
        """Return whether an event is one that is written here."""
        match event:
            case ReasoningDelta():
                return self.reasoning
            case Progress():
                return self.drawn
            case _:
                return isinstance(event, Notice | ToolCall | ToolResult | Code | Search | Other)

    def write(self, event: Event) -> None:
        """Write a notice, a progress bar or reasoning; other events are passed over."""
        if not self.shows(event):
            return
        if self.hush:
            self.hush()
        if self.lift:
            self.lift(event)
        match event:
            case Notice(text):
                self.pause()
                self._put(f"asstctl: {said(text)}\n")
            case ToolCall() | ToolResult() | Code() | Search() | Other():
                self.pause()
                dim, bright = self._faint()
                self._put(f"{dim}asstctl: {summary(event)}{bright}\n")
            case Progress():
                self._progress(event)
            case ReasoningDelta(text):
                dim, bright = self._faint()
                shown = self._thought.feed(text) if self.drawn else text
                self._put(f"{dim}{shown}{bright}")
                self._open = "" if text.endswith("\n") else "\n"

    def _faint(self) -> tuple[str, str]:
        return ("\x1b[2m", "\x1b[22m") if self.drawn else ("", "")

    def _progress(self, event: Progress) -> None:
        if not event.total:  # nobody knows how much there is
            self._put(f"\rasstctl: {one_line(event.what)} {event.done} {event.unit}")
            self._open = "\n"
            return
        share = event.done / event.total
        line = f"asstctl: {one_line(event.what)} {share:4.0%}"
        if terminal_width(self.err) > ROOM:
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
            self.err.write(text)
            self.err.flush()


def summary(part: ToolCall | ToolResult | Code | Search | Other) -> str:
    """Return what a tool did as one line that can't pass for two."""
    match part:
        case ToolCall(identity, name, arguments):
            told = f"tool call {identity}: {name}({arguments})"
        case ToolResult(identity, output):
            told = f"tool result {identity}: {output}"
        case Code(code, outputs):
            images = sum(isinstance(output, Image) for output in outputs)
            texts = sum(len(o.text.splitlines()) for o in outputs if isinstance(o, Text))
            told = f"code interpreter: {count(len(code.splitlines()), 'line')} of code"
            told += f", {count(texts, 'line')} of output" if texts else ""
            told += f", {count(images, 'image')}" if images else ""
        case Search(kind, queries, results):
            told = f"{kind.replace('_', ' ')}: {', '.join(queries)}".removesuffix(": ")
            told += f" ({count(len(results), 'result')})" if results else ""
        case Other(kind, text):
            told = f"{kind.replace('_', ' ')} {text}".rstrip()
        case _ as unreachable:
            assert_never(unreachable)
    return bounded(one_line(told), LONGEST_LINE)
