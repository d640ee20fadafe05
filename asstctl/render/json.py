"""One event a line, as JSON: for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TextIO

from asstctl.errors import AsstctlError
from asstctl.events import Event, Stream


def render(
    reply: Stream,
    out: TextIO,
    err: TextIO,  # noqa: ARG001 - one signature for all
    *,
    environment: Mapping[str, str],  # noqa: ARG001 - one signature for all
    reasoning: bool,  # noqa: ARG001 - one signature for all
) -> None:
    """Write each event as it comes; an error that passes through is the last line, `Failed`."""
    try:
        for event in reply:
            write(event_facts(event), out)
    except AsstctlError as error:
        write({"event": "Failed", **error.facts()}, out)
        raise


def event_facts(event: Event) -> dict[str, object]:
    """Give an event as a JSON object, named after its class."""
    return {"event": type(event).__name__, **asdict(event)}


def write(facts: dict[str, object], out: TextIO) -> None:
    """Write one line; on a terminal every character beyond ASCII is escaped, so none steers it."""
    out.write(json.dumps(facts, ensure_ascii=out.isatty()) + "\n")
    out.flush()
