"""Figures of a reply: times, characters, tokens."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from asstctl.events import Retry, RunFinished, Stream, TextDelta, Usage


@dataclass(slots=True)
class Stats:
    """Figures of one reply; times in seconds."""

    clock: Callable[[], float] = time.monotonic
    started: float = 0.0
    first: float | None = None
    ended: float = 0.0
    characters: int = 0
    retries: int = 0
    usage: Usage | None = None

    def of(self, reply: Stream) -> Stream:
        """Pass a reply on and measure it."""
        self.started = self.clock()
        with closing(reply):
            for event in reply:
                match event:
                    case TextDelta(text):
                        self.first = self.first or self.clock()
                        self.characters += len(text)
                    case Retry():
                        self.retries += 1
                    case RunFinished(_, usage):
                        self.usage = usage
                self.ended = self.clock()
                yield event

    def line(self, request_id: str | None) -> str:
        """Return the figures as one line."""
        figures = ["no text"]
        seconds = 0.0
        if self.first is not None:
            seconds = max(self.ended - self.first, 1e-6)
            figures = [
                f"first text after {self.first - self.started:.2f} s",
                f"{self.characters} characters in {seconds:.2f} s",
                f"{self.characters / seconds:.0f} characters a second",
            ]
        if self.usage:
            made = self.usage.completion_tokens
            figures.append(f"{self.usage.prompt_tokens} + {made} tokens")
            figures += [f"{made / seconds:.0f} tokens a second"] if seconds else []
        if request_id:
            figures.append(f"request {request_id}")
        figures.append(f"{self.retries} {'retry' if self.retries == 1 else 'retries'}")
        return ", ".join(figures)
