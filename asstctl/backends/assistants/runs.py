"""The runs of a thread: which one locks it, how one ends, and how one is cancelled."""

from collections.abc import Iterator
from typing import Any

from asstctl.backends.assistants.run import OPEN
from asstctl.backends.stream import CANCEL_SECONDS, REFUSED_SECONDS, last_status
from asstctl.errors import AsstctlError
from asstctl.wire.pages import found, items, lacking
from asstctl.wire.requests import at, cancel, get
from asstctl.wire.wire import Wire

WORKING = tuple(status for status in OPEN if status != "requires_action")

NEWEST = {"limit": "20", "order": "desc"}


class Runs:
    """The runs of threads on one server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def newest(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the newest runs of a thread, as the server orders them."""
        with lacking(self._wire.host, "list the runs of a thread"):
            return items(self._wire.call(get(at("threads", thread_id, "runs"), NEWEST)))

    def latest(self, thread_id: str) -> dict[str, Any]:
        """Return the run that locks a thread, else the newest one, {} where there is none."""
        runs = self.newest(thread_id)
        return next((run for run in runs if run.get("status") in OPEN), runs[0] if runs else {})

    def active(self, thread_id: str) -> str | None:
        """Return the id of the run that locks a thread."""
        latest = self.latest(thread_id)
        return str(latest.get("id")) if latest.get("status") in OPEN else None

    def one(self, thread_id: str, run_id: str) -> dict[str, Any]:
        """Return a run object; raises NotFoundError."""
        return found(self._wire.call(get(at("threads", thread_id, "runs", run_id))))

    def poll(self, thread_id: str, run_id: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield the run object again and again, for so many seconds."""
        return map(found, self._wire.poll(at("threads", thread_id, "runs", run_id), seconds))

    def wait(self, thread_id: str, run_id: str) -> str:
        """Wait until a run ends, or waits for answers; return its last status."""
        looks = self.poll(thread_id, run_id, self._wire.timeout)
        with lacking(self._wire.host, "say how a run is"):
            return last_status(looks, lambda status: status not in WORKING)

    def cancel(self, thread_id: str, run_id: str) -> str:
        """Cancel a run and wait a while for its end; return its last status.

        Raises AsstctlError where neither the cancelling nor the waiting was answered well.
        """
        refused: AsstctlError | None = None
        status = ""
        try:
            with lacking(self._wire.host, "cancel a run"):
                path = at("threads", thread_id, "runs", run_id, "cancel")
                status = str(found(self._wire.call(cancel(path))).get("status") or "")
        except AsstctlError as error:  # it may have ended by itself
            refused = error
        try:
            seconds = REFUSED_SECONDS if refused else CANCEL_SECONDS
            looks = self.poll(thread_id, run_id, seconds)
            return last_status(looks, lambda status: status not in OPEN)
        except AsstctlError:
            if refused:
                raise refused from None
            return status
