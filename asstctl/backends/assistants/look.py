"""Whether the service acted on a request that got no good answer."""

from typing import Any

from asstctl.backends.assistants.messages import Messages, Said
from asstctl.backends.assistants.run import OPEN, Run
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.stream import unanswered, unknown
from asstctl.errors import AsstctlError
from asstctl.model import mark_of
from asstctl.wire.patience import Seen


class Look:
    """A look for a prompt and its run in the thread `thread_id`, which may be known late.

    `seen` is the outcome of the last look, None before the first; `run` is the run that it found.
    `alone`: the thread has the prompt, and only the run is looked for.
    """

    def __init__(
        self, messages: Messages, runs: Runs, said: Said, thread_id: str | None, *, alone: bool
    ) -> None:
        self._messages = messages
        self._runs = runs
        self._said = said
        self._alone = alone
        self.thread_id = thread_id
        self.seen: Seen | None = None
        self.run: dict[str, Any] = {}
        self.open_run = ""  # its id: it locks the thread, and may be ours

    def __call__(self) -> Seen:
        """Look, and return the outcome."""
        try:
            self.seen = self._look(self.thread_id) if self.thread_id else Seen.UNKNOWN
        except AsstctlError:
            self.seen = Seen.UNKNOWN
        return self.seen

    def _look(self, thread_id: str) -> Seen:
        newest = self._messages.newest(thread_id)
        marks = bool(self._messages.marks)
        seen = self._said.seen(newest, marks=marks)
        if self._alone:
            seen = self._answered(newest, marks=marks)
        runs = self._found_runs(thread_id)
        ours = [run for run in runs if self._said.mark and mark_of(run) == self._said.mark]
        open_ones = [run for run in runs if run.get("status") in OPEN]
        if ours or (self._alone and open_ones):
            seen = Seen.TAKEN
        self.open_run = str(open_ones[0].get("id")) if open_ones else ""
        if seen is Seen.TAKEN:
            self.run = next(iter((*ours, *open_ones, *runs)), {})
        return seen

    def _found_runs(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the newest runs, none where the server can't list them."""
        try:
            return self._runs.newest(thread_id)
        except AsstctlError:
            return []

    def _answered(self, newest: list[dict[str, Any]], *, marks: bool) -> Seen:
        """Return whether a run has said anything since the prompt."""
        since = self._said.since(newest)
        if since is None:
            return Seen.UNKNOWN
        if any(message.get("role") != "user" for message in since):
            return Seen.TAKEN
        return Seen.ABSENT if marks else Seen.UNKNOWN

    def hint(self, error: AsstctlError, host: str) -> None:
        """Add to an error that leaves the prompt's fate open what is known of it."""
        thread_id = self.thread_id
        history = f"asstctl threads history {thread_id} shows it"
        if thread_id is None:
            error.hint = f"a new thread may exist at {host}; the prompt is not repeated"
        elif self._alone:
            error.hint = unanswered(thread_id)
        elif self.seen is Seen.TAKEN:
            error.hint = f"{thread_id} holds the prompt; {history}"
        elif self.seen is Seen.ABSENT:
            error.hint = f"{thread_id} did not take this prompt; {history}"
        else:
            error.hint = unknown(thread_id)
        if self.open_run:
            ends = f"asstctl threads unlock {thread_id} ends it"
            error.hint = f"{error.hint}; the run {self.open_run} locks it: {ends}"


class LookForOutputs(Look):
    """A look whether a run goes on with the answers to its calls."""

    def __init__(self, messages: Messages, runs: Runs, said: Said, run: Run) -> None:
        super().__init__(messages, runs, said, run.thread_id, alone=True)
        self._run_id = run.id or ""

    def _look(self, thread_id: str) -> Seen:
        run = self._runs.one(thread_id, self._run_id)
        if run.get("status") == "requires_action":
            return Seen.ABSENT
        self.run = run
        return Seen.TAKEN
