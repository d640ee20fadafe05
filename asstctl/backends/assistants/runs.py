"""The runs of a thread: which one locks it, how one ends, and how one is cancelled."""

from collections.abc import Container, Iterator
from itertools import islice
from typing import Any

from asstctl.backends.assistants.run import OPEN
from asstctl.backends.cancelling import cancelled, last_status
from asstctl.errors import AsstctlError
from asstctl.wire.pages import NO_PATH, USUAL_PAGE, found, lacking, pages
from asstctl.wire.requests import at, cancel, get
from asstctl.wire.wire import Wire

WORKING = tuple(status for status in OPEN if status != "requires_action")


class Runs:
    """The runs of threads on one server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def newest(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the newest runs of a thread, the newest first: as many as matter."""
        with lacking(self._wire.host, "list the runs of a thread"):
            listed = pages(
                self._wire, at("threads", thread_id, "runs"), newest_first=True, limit=USUAL_PAGE
            )
            return list(islice(listed, USUAL_PAGE))

    def all(self, thread_id: str, known: Container[str]) -> Iterator[dict[str, Any]]:
        """Yield the runs of a thread that are not known, oldest first, each with its steps."""
        path = at("threads", thread_id, "runs")
        with lacking(self._wire.host, "list the runs of a thread"):
            for run in pages(self._wire, path):
                if run.get("id") not in known:
                    yield {**run, "steps": self._steps(thread_id, str(run.get("id")))}

    def _steps(self, thread_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the steps of a run, oldest first; some servers know of none."""
        path = at("threads", thread_id, "runs", run_id, "steps")
        include = {"include[]": "step_details.tool_calls[*].file_search.results[*].content"}
        try:
            return list(pages(self._wire, path, query=include))
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            return []

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

        def order() -> object:
            with lacking(self._wire.host, "cancel a run"):
                return self._wire.call(cancel(at("threads", thread_id, "runs", run_id, "cancel")))

        def looks(seconds: float) -> Iterator[dict[str, Any]]:
            return self.poll(thread_id, run_id, seconds)

        return cancelled(run_id, order, looks, lambda status: status not in OPEN)
