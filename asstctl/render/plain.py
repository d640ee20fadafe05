"""The text as it came: byte for byte into a pipe, harmless on a terminal."""

from typing import TextIO

from asstctl.events import Stream, TextDelta
from asstctl.render._notes import Notes
from asstctl.render._terminal import Harmless


def render(reply: Stream, out: TextIO, err: TextIO, *, reasoning: bool) -> None:
    """Write the reply's text, flushed at each event, with a newline at its end."""
    notes = Notes(err, reasoning=reasoning)
    screen = Harmless() if out.isatty() else None
    last = ""

    def write(text: str) -> None:
        nonlocal last
        if text:
            out.write(text)
            out.flush()
            last = text[-1]

    try:
        for event in reply:
            if isinstance(event, TextDelta):
                notes.pause()
                write(screen.feed(event.text) if screen else event.text)
            else:
                notes.write(event)
    finally:
        notes.pause()
        write(screen.end() if screen else "")
        if last not in ("", "\n"):
            write("\n")
