"""One prompt and its reply: what `ask` does once and `chat` again and again."""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import typer

from asstctl._frozen import frozen
from asstctl.events import IfBusy, Prompt, Retry, RunFinished, Stream, TextDelta, Thread, Usage
from asstctl.render import Output, Render, confirmed, paced, renderer, unechoed
from asstctl.session import Session
from asstctl.tools import Consent


@dataclass(slots=True)
class Stats:
    """What a reply took; times in seconds."""

    clock: Callable[[], float] = time.monotonic
    started: float = 0.0
    first: float | None = None
    ended: float = 0.0
    characters: int = 0
    retries: int = 0
    usage: Usage | None = None

    def of(self, reply: Stream) -> Stream:
        """Pass a reply on and take its measure."""
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
        """Give the figures as one line."""
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


def if_busy(wait: bool, cancel: bool) -> IfBusy:
    """Say what to do with an active run; raises typer.BadParameter where both are asked for."""
    if wait and cancel:
        raise typer.BadParameter("--wait and --cancel-active exclude each other")
    return "wait" if wait else "cancel" if cancel else "refuse"


def consent(yes: bool) -> Consent:
    """Say who allows tools: everything where the user said so before, else who sits there."""

    def ask(question: str) -> bool | None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return confirmed(question, sys.stdin, sys.stderr)

    return Consent(ask, everything=yes)


@frozen
class Form:
    """How replies are to be written."""

    output: Output | None
    delay_ms: int
    stats: bool
    reasoning: bool
    if_busy: IfBusy
    consent: Consent

    def renderer(self, session: Session) -> Render:
        """Load what draws the replies; on a terminal that takes a while, so it is done once."""
        return renderer(self.output, sys.stdout, session.environment)

    def write(self, session: Session, render: Render, thread: Thread | None, text: str) -> None:
        """Say `text` to a thread and write the reply as it comes."""
        stats = Stats()
        prompt = Prompt(text, if_busy=self.if_busy)
        with (
            unechoed(sys.stdin),
            closing(stats.of(session.say(thread, prompt, self.consent))) as reply,
        ):
            shown = paced(reply, self.delay_ms / 1000) if self.delay_ms else reply
            try:
                render(
                    shown,
                    sys.stdout,
                    sys.stderr,
                    environment=session.environment,
                    reasoning=self.reasoning,
                )
            finally:
                if self.stats:
                    from asstctl.render import listing  # the first byte does not wait for it

                    listing.note(stats.line(session.request_id), sys.stderr)
