"""The only code that knows what an answer looks like."""

from __future__ import annotations  # keeps events out of what `--help` imports

import os
import time
from contextlib import AbstractContextManager, closing, nullcontext
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

from asstctl import _signals

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from asstctl.events import Event, Stream
    from asstctl.render.notes import Notes

T = TypeVar("T")


class Output(StrEnum):
    """The forms of a reply; a member's value is its module's name."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    JSON = "json"
    CODE = "code"


class Surface(Protocol):
    """Where an answer is written: the answer on `out`, all else through `notes`."""

    @property
    def out(self) -> TextIO:
        """The stream of the answer."""

    @property
    def notes(self) -> Notes:
        """The writer of everything beside it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment, which says what the terminal can do."""


class Render(Protocol):
    """Writes a reply on a surface, each event as it comes."""

    def __call__(self, reply: Stream, surface: Surface) -> None:
        """Write until the reply ends; an error of the reply passes through."""


def renderer(output: Output | None, out: TextIO, environment: Mapping[str, str]) -> Render:
    """Return the renderer for `output`; None is Markdown on a capable terminal, else plain."""
    chosen = output or (Output.MARKDOWN if capable(out, environment) else Output.PLAIN)
    with _signals.Held():
        module = import_module(f"asstctl.render.{chosen}")
    render: Render = module.render
    return render


def capable(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether `out` is a terminal that can move its cursor."""
    usual = "console" if os.name == "nt" else ""  # that one has no name
    return out.isatty() and environment.get("TERM", usual) not in ("", "dumb")


def unechoed(keyboard: TextIO) -> AbstractContextManager[None]:
    """Keep letters that are typed during a reply off the screen."""
    if not keyboard.isatty():
        return nullcontext()
    from asstctl.render import _echo  # a pipe has none

    return _echo.echo(keyboard, on=False)


def confirmed(question: str, keyboard: TextIO, err: TextIO) -> bool:
    """Ask the user at the terminal; letters that were typed before are no answer."""
    from asstctl.render import _echo, terminal  # a pipe needs no terminal

    with _echo.echo(keyboard, on=True):
        err.write(f"{terminal.one_line(question)} [y/N] ")
        err.flush()
        return keyboard.readline().strip().lower() in ("y", "yes")


def waited(reply: Stream, notes: Notes, environment: Mapping[str, str]) -> Stream:
    """Pass a reply on, under a sign of waiting where its first word takes long, on a terminal."""
    if not (notes.drawn and capable(notes.err, environment)):
        return reply
    from asstctl.render import _waiting  # a pipe has none

    return _waiting.waited(reply, notes)


def noted(work: Generator[Event, None, T], notes: Notes) -> T:
    """Do some work to its end, writing its events as notes, and return what it returns."""
    try:
        while True:
            notes.write(next(work))
    except StopIteration as ended:
        found: T = ended.value
        return found
    finally:
        notes.pause()
        work.close()


def paced(reply: Stream, seconds: float, sleep: Callable[[float], None] = time.sleep) -> Stream:
    """Pass a reply on word by word, with a pause after each: simulated typing."""
    from asstctl.events import TextDelta

    with closing(reply):
        for event in reply:
            if not isinstance(event, TextDelta):
                yield event
                continue
            for word in words(event.text):
                yield TextDelta(word)
                sleep(seconds)


def words(text: str) -> list[str]:
    """Cut a text after each run of blanks; joined again it is the same."""
    pieces: list[str] = []
    start = 0
    for i in range(1, len(text)):
        if text[i - 1].isspace() and not text[i].isspace():
            pieces.append(text[start:i])
            start = i
    return [*pieces, text[start:]]
