"""Markdown, drawn while it is written; the drawing code is loaded while the service thinks."""

from importlib import import_module
from typing import TYPE_CHECKING

from asstctl import _signals
from asstctl.events import Event, ReasoningDelta, RequestSent, Stream
from asstctl.render import Surface
from asstctl.render._answer import Answer

if TYPE_CHECKING:
    from asstctl.render._screen import Screen


def render(reply: Stream, surface: Surface) -> None:
    """Draw the reply as it comes; into a pipe, draw each block when it is finished."""
    notes = surface.notes
    answer = Answer()
    screen: Screen | None = None

    def draw(text: str) -> None:
        nonlocal screen
        if not text:
            return
        notes.pause()
        screen = screen or new_screen(surface)
        screen.feed(text)

    def lift(event: Event) -> None:
        if screen:
            screen.lift(keep=isinstance(event, ReasoningDelta))

    notes.lift = lift
    try:
        for event in reply:
            if isinstance(event, RequestSent):
                load()
            draw(answer.feed(event))
            notes.write(event)
    finally:
        notes.lift = None
        notes.pause()
        draw(answer.end())
        if screen:
            screen.end()


def load() -> None:
    """Import Rich and its like, which takes as long as many answers."""
    with _signals.Held():
        import_module("asstctl.render._screen")


def new_screen(surface: Surface) -> "Screen":
    """Return the screen to draw on."""
    load()
    from asstctl.render._screen import Screen

    return Screen(surface.out, surface.environment)
