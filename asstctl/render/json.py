"""One event a line, as JSON: for programs."""

import json
from dataclasses import asdict
from typing import TextIO

from asstctl._secrets import struck
from asstctl.errors import AsstctlError
from asstctl.events import HIDDEN, Beside, Event, ReasoningDelta, Stream, TextDelta
from asstctl.parts import filled
from asstctl.render import Surface

MODELS = TextDelta | ReasoningDelta | Beside
"""Events of a model's own words."""


def render(reply: Stream, surface: Surface) -> None:
    """Write each event as it comes; an error that passes through is the last line, `Failed`."""
    try:
        for event in reply:
            if not isinstance(event, HIDDEN):
                write(event_facts(event), surface.out, ours=not isinstance(event, MODELS))
    except AsstctlError as error:
        write({"event": "Failed", **error.facts()}, surface.out, ours=True)
        raise


def event_facts(event: Event) -> dict[str, object]:
    """Return an event as a JSON object, named after its class."""
    name = type(event).__name__
    facts = filled(event) if isinstance(event, Beside) else asdict(event)
    return {"event": name, **facts}


def write(facts: dict[str, object], out: TextIO, *, ours: bool) -> None:
    """Write one line; on a terminal every character beyond ASCII is escaped, so none steers it.

    Keys are struck out of words that are `ours`, and never of a model's.
    """
    line = json.dumps(facts, ensure_ascii=out.isatty())
    out.write((struck(line) if ours else line) + "\n")
    out.flush()
