"""One event a line, as JSON: for programs."""

import json
from dataclasses import asdict
from typing import TextIO

from asstctl.errors import AsstctlError
from asstctl.events import Event, RequestSent, Stream
from asstctl.render import Surface


def render(reply: Stream, surface: Surface) -> None:
    """Write each event as it comes; an error that passes through is the last line, `Failed`."""
    try:
        for event in reply:
            if not isinstance(event, RequestSent):
                write(event_facts(event), surface.out)
    except AsstctlError as error:
        write({"event": "Failed", **error.facts()}, surface.out)
        raise


def event_facts(event: Event) -> dict[str, object]:
    """Return an event as a JSON object, named after its class."""
    return {"event": type(event).__name__, **asdict(event)}


def write(facts: dict[str, object], out: TextIO) -> None:
    """Write one line; on a terminal every character beyond ASCII is escaped, so none steers it."""
    out.write(json.dumps(facts, ensure_ascii=out.isatty()) + "\n")
    out.flush()
