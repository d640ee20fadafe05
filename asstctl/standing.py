"""The threads that a server lists, held against the index."""

from itertools import islice
from typing import Literal

from asstctl.errors import AsstctlError
from asstctl.model import Thread
from asstctl.session import Session
from asstctl.wire.pages import readable

Standing = Literal["known", "new", "gone"]
"""How a thread stands to the index: in it, on the server alone, or no longer on the server."""


def remote_threads(
    session: Session, limit: int
) -> tuple[list[tuple[Thread, Standing]], AsstctlError | None]:
    """Return the threads that the chosen profile's server lists, the newest first.

    Each comes with its row of the index where it has one, and how it stands to the index;
    where the server's list was read to its end, rows that it lacks follow as `gone`; where
    it could not be, the error that says so comes with it. Raises UnsupportedError where the
    service has no list.
    """
    settings = session.settings(session.profile)
    listed, broken = readable(islice(session.backend(settings).threads(), limit + 1))
    where = (settings.backend, settings.place)
    index = session.store.index.threads()
    rows = {thread.id: thread for thread in index if (thread.backend, thread.endpoint) == where}
    found: list[tuple[Thread, Standing]] = [
        (rows[t.id], "known") if t.id in rows else (t, "new") for t in listed[:limit]
    ]
    if len(listed) <= limit and not broken:
        there = {thread.id for thread in listed}
        gone = (i for i in rows if i not in there and not settings.backend.alone(i))
        found += [(rows[i], "gone") for i in gone]
    return found[:limit], broken if len(listed) <= limit else None
