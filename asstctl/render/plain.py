"""The text as it came: byte for byte into a pipe, harmless on a terminal."""

from asstctl.events import Stream
from asstctl.render import Surface
from asstctl.render._answer import Answer
from asstctl.render.terminal import Harmless


def render(reply: Stream, surface: Surface) -> None:
    """Write the reply's text, flushed at each event, with a newline at its end."""
    out, notes = surface.out, surface.notes
    answer = Answer()
    screen = Harmless() if out.isatty() else None
    last = ""

    def write(text: str) -> None:
        nonlocal last
        if text:
            notes.pause()
            out.write(text)
            out.flush()
            last = text[-1]

    try:
        for event in reply:
            text = answer.feed(event)
            write(screen.feed(text) if screen else text)
            notes.write(event)
    finally:
        notes.pause()
        rest = answer.end()
        write(screen.feed(rest) + screen.end() if screen else rest)
        if last not in ("", "\n"):
            write("\n")
