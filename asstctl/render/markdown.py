"""Markdown, drawn while it is written; what draws it is loaded while the service thinks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from asstctl import _later
from asstctl.events import ReasoningDelta, Stream
from asstctl.render._answer import Answer
from asstctl.render._notes import Notes

if TYPE_CHECKING:
    from asstctl.render._screen import Screen


def render(
    reply: Stream, out: TextIO, err: TextIO, *, environment: Mapping[str, str], reasoning: bool
) -> None:
    """Draw the reply as it comes; into a pipe, draw each block when it is finished."""
    _later.want("asstctl.render._screen")
    notes = Notes(err, reasoning=reasoning)
    answer = Answer()
    screen: Screen | None = None

    def draw(text: str) -> None:
        nonlocal screen
        if not text:
            return
        notes.pause()
        if not screen:
            from asstctl.render._screen import Screen  # there by now: see above

            screen = Screen(out, environment)
        screen.feed(text)

    try:
        for event in reply:
            draw(answer.feed(event))
            if notes.shows(event):
                if screen:
                    screen.lift(keep=isinstance(event, ReasoningDelta))
                notes.write(event)
    finally:
        notes.pause()
        draw(answer.end())
        if screen:
            screen.end()
