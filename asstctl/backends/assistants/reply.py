"""The reply of a run, from the request to its end, whatever cuts in between."""

from collections.abc import Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from asstctl.backends.assistants import objects
from asstctl.backends.assistants.run import OPEN, Run
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.stream import interruption
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    StoppedError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import Notice, RunFinished, Stream
from asstctl.model import Message, moment
from asstctl.wire.pages import PAGE, items
from asstctl.wire.requests import get, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput

CLOCKS_APART = 2.0
"""Seconds by which a run may seem older than the message that it answers."""


class Replies:
    """Posts runs and streams their replies."""

    def __init__(self, wire: Wire, runs: Runs) -> None:
        self._wire = wire
        self._runs = runs
        self._waiting: Run | None = None  # its calls lack answers

    def begin(self, run: Run, path: str, body: Mapping[str, object], prompt: str) -> Stream:
        """Post a run and stream it; a cut stream is completed from what the service holds.

        Leaving early, by whatever way, cancels the run and waits for its end.
        """
        thread_id = run.thread_id
        try:
            yield from self._streamed(run, path, body, prompt)
            if not run.ended or (run.status == "completed" and not run.shown):
                yield from self.rest(run)
            if run.status == "requires_action":
                yield from run.calls()
        except (GeneratorExit, KeyboardInterrupt, StoppedError) as leaving:
            self._abandon(run, thread_id, leaving)
            raise
        if run.status == "requires_action":
            self._waiting = run
            yield RunFinished("tool_call")
        else:
            yield from run.end()

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls that the last run waits for, and stream what follows."""
        run, self._waiting = self._waiting, None
        if run is None:
            return
        path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
        told: list[ToolOutput] = [
            {"tool_call_id": call, "output": output} for call, output in outputs.items()
        ]
        run.status = ""
        yield from self.begin(run, path, {"tool_outputs": told, "stream": True}, "")

    def decline(self) -> str | None:
        """Cancel the run that waits for answers."""
        run, self._waiting = self._waiting, None
        if run is None:
            return None
        self._runs.cancel(run.thread_id or "", run.id or "")
        return "the run was cancelled"

    def rest(self, run: Run) -> Stream:
        """Wait for the run's end, then stream the rest of its messages."""
        thread_id, run_id = run.thread_id or "", run.id
        if run_id is None:
            raise IncompleteError(f"{self._wire.host} closed the stream before a run began")
        for look in self._runs.poll(thread_id, run_id, self._wire.timeout):
            yield from run.facts(look)
            if run.ended:
                break
        else:
            kind = IncompleteError if run.shown else UnavailableError
            raise kind(
                f"the run {run_id} is still {run.status} after {self._wire.timeout:g} s",
                hint=f"asstctl threads recover {thread_id} fetches the reply later;"
                " threads unlock ends the run",
                retryable=True,
            )
        query = {"limit": str(PAGE), "order": "asc", "run_id": run_id}
        for message in items(self._wire.call(get(f"/threads/{thread_id}/messages", query))):
            if message.get("run_id") in (None, run_id):
                yield from run.message(message)

    def newest(self, thread_id: str) -> dict[str, Message]:
        """Return the newest messages of a thread, by id."""
        query = {"limit": str(PAGE), "order": "desc"}
        newest = items(self._wire.call(get(f"/threads/{thread_id}/messages", query)))
        return {message.id: message for message in map(objects.message, newest)}

    def _streamed(self, run: Run, path: str, body: Mapping[str, object], prompt: str) -> Stream:
        """Read the stream to its end, or to where it was cut."""
        try:
            with closing((yield from self._wire.stream(post(path, body, run.taken)))) as batches:
                for batch in batches:
                    yield from run.read(batch)
        except UnansweredError as error:
            yield from self._accepted(run, prompt, error)
        except IncompleteError as error:
            if run.id is None:
                unanswered = UnansweredError(error.message, retryable=True)
                yield from self._accepted(run, prompt, unanswered)
            else:
                yield Notice(f"{error.message}; asking for the rest")
        except AsstctlError:
            if run.id is not None and not run.final:
                self._runs.cancel(run.thread_id or "", run.id)
            raise

    def _accepted(self, run: Run, prompt: str, error: UnansweredError) -> Stream:
        """Look for the run of a request that got no answer; raises `error` where there is none."""
        if run.thread_id is None:
            error.hint = f"a new thread may exist at {self._wire.host}; the prompt is not repeated"
            raise error
        latest = self._runs.latest(run.thread_id)
        newest = self.newest(run.thread_id).values()
        said = next((message for message in newest if message.role == "user"), None)
        begun = moment(latest.get("created_at")) or 0
        if said is None or said.text != prompt:
            raise error
        if latest.get("status") not in OPEN and begun + CLOCKS_APART < (said.created_at or 0):
            raise error
        yield from run.facts(latest)
        yield Notice(f"{error.message}; asking for the reply")

    def _abandon(self, run: Run, thread_id: str | None, leaving: BaseException) -> None:
        """Cancel the run of a reply that nobody waits for any more."""
        if run.final:
            return
        thread_id = run.thread_id or thread_id
        if thread_id is None:
            interruption(leaving).add_note(
                f"a new thread may exist at {self._wire.host}: its id had not come yet"
            )
            return
        with suppress(AsstctlError):
            if run_id := run.id or self._runs.active(thread_id):
                self._runs.cancel(thread_id, run_id)
