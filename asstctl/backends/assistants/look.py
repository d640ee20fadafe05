"""Whether the service acted on a request that got no good answer."""

from contextlib import suppress
from typing import Any

from asstctl.backends.assistants.messages import Messages, Said
from asstctl.backends.assistants.run import OPEN, Run, open_calls
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.stream import unanswered, unknown, unreplied
from asstctl.errors import AsstctlError
from asstctl.model import mark_of
from asstctl.wire.patience import Seen


class Look:
    """A look for a prompt and its run in the thread `thread_id`, which may be known late.

    `seen` is the outcome of the last look, None before the first; `run` is the run that it found,
    {} where none is known to answer the prompt.
    """

    def __init__(self, messages: Messages, runs: Runs, said: Said, thread_id: str | None) -> None:
        self._messages = messages
        self._runs = runs
        self._said = said
        self.thread_id = thread_id
        self.seen: Seen | None = None
        self.run: dict[str, Any] = {}
        self.open_run = ""  # its id: it locks the thread, and may be ours
        self._listed = False  # whether the runs could be read

    def __call__(self) -> Seen:
        """Look, and return the outcome."""
        try:
            self.seen = self._look(self.thread_id) if self.thread_id else Seen.UNKNOWN
        except AsstctlError:
            self.seen = Seen.UNKNOWN
        return self.seen

    def _look(self, thread_id: str) -> Seen:
        newest = self._messages.newest(thread_id)
        runs = self._found_runs(thread_id)
        open_ones = [run for run in runs if run.get("status") in OPEN]
        self.open_run = str(open_ones[0].get("id")) if open_ones else ""
        mark = self._said.mark
        ours = [run for run in runs if mark and mark_of(run) == mark]
        if not ours and not (mark and self._messages.marks):  # runs don't say whose they are
            since = self._said.since(newest) or ()
            replied = {message.get("run_id") for message in since} - {None, ""}
            ours = [run for run in open_ones if not mark_of(run)]
            ours += [run for run in runs if run.get("id") in replied]
        seen = self._judged(newest, ours)
        if seen is Seen.TAKEN:
            self.run = ours[0] if ours else {}
        return seen

    def _judged(self, newest: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Seen:
        """Return the outcome, from the newest messages and the runs that may answer the prompt."""
        if any(self._said.mark and mark_of(run) == self._said.mark for run in ours):
            return Seen.TAKEN
        return self._said.seen(newest, marks=bool(self._messages.marks))

    def _found_runs(self, thread_id: str) -> list[dict[str, Any]]:
        """Return the newest runs, none where the server can't list them."""
        self._listed = False
        with suppress(AsstctlError):
            found = self._runs.newest(thread_id)
            self._listed = True
            return found
        return []

    def hint(self, error: AsstctlError, host: str) -> None:
        """Add to an error that leaves the prompt's fate open what is known of it."""
        error.hint = self.told(host)
        if self.open_run:
            error.hint = f"{error.hint}; {locks(self.open_run, str(self.thread_id))}"

    def told(self, host: str) -> str:
        """Return in words what the last look found."""
        thread_id = self.thread_id
        history = f"asstctl threads history {thread_id} shows it"
        if thread_id is None:
            return f"a new thread may exist at {host}; the prompt is not repeated"
        if self.seen is Seen.TAKEN:
            return f"{thread_id} holds the prompt; {history}"
        if self.seen is Seen.ABSENT:
            return f"{thread_id} did not take this prompt; {history}"
        return unknown(thread_id)


class LookForRun(Look):
    """A look for the run of a prompt that the thread holds already."""

    def _judged(self, newest: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Seen:
        if ours:
            return Seen.TAKEN
        since = self._said.since(newest)
        if since is None:
            return Seen.UNKNOWN
        replied = any(message.get("role") != "user" for message in since)
        if self._messages.marks:
            return Seen.ABSENT if self._listed and not replied else Seen.UNKNOWN
        return Seen.TAKEN if replied else Seen.UNKNOWN

    def told(self, host: str) -> str:
        """Return in words that the prompt is there, and whether a reply may come."""
        thread_id = str(self.thread_id)
        return unreplied(thread_id) if self.seen is Seen.ABSENT else unanswered(thread_id)


class LookForOutputs(Look):
    """A look whether a run goes on with the answers to its calls."""

    def __init__(self, messages: Messages, runs: Runs, said: Said, run: Run) -> None:
        super().__init__(messages, runs, said, run.thread_id)
        self._run_id = run.id or ""
        self._answered = run.answered

    def _look(self, thread_id: str) -> Seen:
        run = self._runs.one(thread_id, self._run_id)
        if run.get("status") == "requires_action" and self._answered.issuperset(open_calls(run)):
            return Seen.ABSENT
        self.run = run
        return Seen.TAKEN

    def told(self, host: str) -> str:
        """Return in words whether the run took the answers."""
        took = "did not take" if self.seen is Seen.ABSENT else "may not have taken"
        return f"the run {self._run_id} {took} the answers to its calls"


def locks(run_id: str, thread_id: str) -> str:
    """Return in words that a run locks its thread, and how to end it."""
    return f"the run {run_id} locks it: asstctl threads unlock {thread_id} ends it"
