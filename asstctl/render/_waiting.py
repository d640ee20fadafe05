"""The sign of waiting: a line on a terminal while nothing comes, gone without a trace."""

import time
from contextlib import closing, suppress
from threading import Event as Flag
from threading import Thread

from asstctl.events import (
    MessageStarted,
    Notice,
    ObjectSeen,
    PromptTaken,
    RequestSent,
    RunStarted,
    Stream,
)
from asstctl.render.notes import Notes

AFTER = 0.3
"""Seconds without a word before the sign is shown."""

EVERY = 0.12
"""Seconds between two of its pictures."""

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

SILENT = (RequestSent, RunStarted, PromptTaken, MessageStarted, ObjectSeen)
"""Events that show nothing, after which one waits on."""


class Sign:
    """The line, drawn by a thread of its own while the program waits for the network."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._stop = Flag()
        self._since = time.monotonic()
        self._thread = Thread(target=self._draw, daemon=True)
        self._thread.start()

    def _draw(self) -> None:
        if self._stop.wait(AFTER):
            return
        err, number = self._notes.err, 0
        with suppress(OSError, ValueError):
            while True:
                frame = FRAMES[number % len(FRAMES)]
                waited = f"{time.monotonic() - self._since:.0f} s"
                err.write(f"\r\x1b[2m{frame} waiting {waited}\x1b[22m\x1b[K")
                err.flush()
                number += 1
                if self._stop.wait(EVERY):
                    break
            err.write("\r\x1b[K")
            err.flush()

    def end(self) -> None:
        """Take the line away; nothing is written when this returns."""
        self._stop.set()
        self._thread.join()


def waited(reply: Stream, notes: Notes) -> Stream:
    """Pass a reply on; until something of it is shown, one sees the sign."""
    sign: Sign | None = None
    shown = False

    def hush() -> None:
        nonlocal sign
        if sign:
            sign.end()
            sign = None

    notes.hush = hush
    try:
        with closing(reply):
            for event in reply:
                if not isinstance(event, SILENT):
                    hush()
                    shown = shown or not isinstance(event, Notice)
                yield event
                if not (shown or sign) and isinstance(event, RequestSent | Notice):
                    sign = Sign(notes)
    finally:
        hush()
        notes.hush = None
