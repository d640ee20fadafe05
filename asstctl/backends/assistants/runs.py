"""The runs of a thread: which one locks it, how one ends, and how one is cancelled."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from asstctl.backends.assistants.run import OPEN
from asstctl.backends.stream import CANCEL_SECONDS, last_status
from asstctl.errors import AsstctlError
from asstctl.wire.pages import found, items
from asstctl.wire.requests import cancel, get
from asstctl.wire.wire import Wire


class Runs:
    """The runs of threads on one server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def latest(self, thread_id: str) -> dict[str, Any]:
        """Return the run that locks a thread, else the newest one, {} where there is none."""
        path, newest = f"/threads/{thread_id}/runs", {"limit": "20", "order": "desc"}
        runs = items(self._wire.call(get(path, newest)))
        return next((run for run in runs if run.get("status") in OPEN), runs[0] if runs else {})

    def active(self, thread_id: str) -> str | None:
        """Return the id of the run that locks a thread."""
        latest = self.latest(thread_id)
        return str(latest["id"]) if latest.get("status") in OPEN else None

    def poll(self, thread_id: str, run_id: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the run object again and again, for so many seconds."""
        return map(found, self._wire.poll(f"/threads/{thread_id}/runs/{run_id}", seconds))

    def wait(self, thread_id: str, run_id: str) -> str:
        """Wait until a run ends, or waits for answers; return its last status."""
        looks = self.poll(thread_id, run_id, self._wire.timeout)
        return last_status(looks, lambda status: status not in OPEN - {"requires_action"})

    def cancel(self, thread_id: str, run_id: str) -> str:
        """Cancel a run and wait for its end, CANCEL_SECONDS at most; return its last status."""
        with suppress(AsstctlError):  # it may have ended by itself
            self._wire.call(cancel(f"/threads/{thread_id}/runs/{run_id}/cancel"))
        looks = self.poll(thread_id, run_id, CANCEL_SECONDS)
        return last_status(looks, lambda status: status not in OPEN)
