"""The only code that knows what an answer looks like."""

from __future__ import annotations  # `--help` names the forms of output, and needs no event

import time
from contextlib import AbstractContextManager, closing, nullcontext
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from asstctl.events import Event, Stream

T = TypeVar("T")


class Output(StrEnum):
    """The forms of a reply; a member's value is its module's name."""

    PLAIN = "plain"
    MARKDOWN = "markdown"
    JSON = "json"


class Render(Protocol):
    """Writes a reply on `out`, each event as it comes; what is not the answer goes to `err`."""

    def __call__(
        self,
        reply: Stream,
        out: TextIO,
        err: TextIO,
        *,
        environment: Mapping[str, str],
        reasoning: bool,
    ) -> None:
        """Write until the reply ends; what the reply raises passes through."""


def renderer(output: Output | None, out: TextIO, environment: Mapping[str, str]) -> Render:
    """Give the renderer for `output`; None is Markdown on a capable terminal, else plain."""
    chosen = output or (Output.MARKDOWN if capable(out, environment) else Output.PLAIN)
    render: Render = import_module(f"asstctl.render.{chosen}").render
    return render


def capable(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Say whether `out` is a terminal that can move its cursor."""
    return out.isatty() and environment.get("TERM", "") not in ("", "dumb")


def unechoed(keyboard: TextIO) -> AbstractContextManager[None]:
    """Keep what is typed while a reply is drawn from being drawn into it."""
    from asstctl.render import _terminal  # a pipe needs no terminal

    return _terminal.unechoed(keyboard) if keyboard.isatty() else nullcontext()


def confirmed(question: str, keyboard: TextIO, err: TextIO) -> bool:
    """Put a question to who sits at the terminal, and give the answer; typed ahead is no answer."""
    from asstctl.render import _terminal  # a pipe needs no terminal

    err.write(f"{_terminal.one_line(question)} [y/N] ")
    err.flush()
    with _terminal.echoed(keyboard):
        return keyboard.readline().strip().lower() in ("y", "yes")


def noted(work: Generator[Event, None, T], err: TextIO) -> T:
    """Do some work to its end, showing its events on `err`, and give what it gives."""
    from asstctl.render._notes import Notes  # not every command has something to tell

    notes = Notes(err, reasoning=False)
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
