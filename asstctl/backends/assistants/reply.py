"""One reply on the threads wire, from the run's first event to its end, whatever cuts it."""

from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from asstctl.backends.assistants.look import Look, LookForOutputs, LookForRun, locks
from asstctl.backends.assistants.messages import Messages, Said
from asstctl.backends.assistants.run import OPEN, Run
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.cancelling import CANCEL_SECONDS
from asstctl.backends.stream import LEAVING, interruption, unanswered, unknown
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    UnansweredError,
    UnavailableError,
    UnsupportedError,
)
from asstctl.events import Event, Notice, RunFinished, Stream
from asstctl.model import mark_of
from asstctl.wire.pages import NO_PATH
from asstctl.wire.patience import Purpose, Seen, left_open
from asstctl.wire.requests import Request, at, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput


class Replies:
    """Posts runs and streams their replies."""

    def __init__(self, wire: Wire, runs: Runs, messages: Messages) -> None:
        self._wire = wire
        self._runs = runs
        self._messages = messages
        self._waiting: tuple[Run, Said] | None = None  # its calls lack answers

    def begin(
        self, run: Run, said: Said, path: str, body: Mapping[str, object], purpose: Purpose
    ) -> Stream:
        """Post a run and stream it; a cut stream is completed from what the service holds.

        Leaving early, by whatever way, cancels the run and waits for its end.
        """
        run.mark = said.mark  # which a server may have refused
        kind = LookForRun if purpose is Purpose.ADDITION else Look
        look = kind(self._messages, self._runs, said, run.thread_id)
        streamed = self._streamed(run, post(path, body, purpose, look), look)
        yield from self._passed(run, said, streamed, look)

    def adopt(self, run: Run, said: Said, found: Mapping[str, Any]) -> Stream:
        """Stream the reply of a run that answers a prompt already.

        An earlier sending of the prompt arrived late, and locks the thread for the later one.
        """
        look = Look(self._messages, self._runs, said, run.thread_id)
        look.run = dict(found)
        said.repeated = True
        yield Notice("an earlier sending of the prompt arrived late: asking for its reply")
        yield from self._passed(run, said, run.facts(found), look)

    def _passed(self, run: Run, said: Said, streamed: Iterable[Event], look: Look) -> Stream:
        self._wire.calm()
        thread_id = run.thread_id
        before = len(run.shown.messages)
        try:
            yield from streamed
            unheard = len(run.shown.messages) == before
            if not run.ended or look.run or (run.status == "completed" and unheard):
                yield from self._rest(run, said)
            for message_id in run.shown.messages:
                self._messages.note(run.thread_id or "", message_id)
            if said.repeated or look.seen is Seen.ABSENT:
                yield from self._doubled(run.thread_id or "", said)
            if run.waiting:
                yield from run.calls()
                self._waiting = run, said
                yield RunFinished("tool_call")
        except LEAVING as leaving:
            self._abandon(run, said, thread_id, interruption(leaving))
            raise
        if not run.waiting:
            yield from run.end()

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls that the last run waits for, and stream what follows."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return
        run, said = waiting
        path = at("threads", run.thread_id or "", "runs", run.id or "", "submit_tool_outputs")
        told: list[ToolOutput] = [
            {"tool_call_id": call, "output": output} for call, output in outputs.items()
        ]
        run.status = ""
        run.answered = frozenset(run.calls())
        look = LookForOutputs(self._messages, self._runs, said, run)
        request = post(path, {"tool_outputs": told, "stream": True}, Purpose.ADDITION, look)
        yield from self._passed(run, said, self._streamed(run, request, look), look)

    def decline(self) -> str | None:
        """Cancel the run that waits for answers; return what became of it."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return None
        run, _ = waiting
        failure = self._cancelled(run.thread_id or "", run.id or "")
        return failure or "the run was cancelled"

    def recover(self, run: Run) -> Stream:
        """Wait for the end of a run, then stream its messages that follow the last prompt.

        Raises IncompleteError where it completed, and none follows.
        """
        if not run.ended:
            yield from self._awaited(run)
        newest = self._messages.newest(run.thread_id or "")
        since = _after_last_prompt(newest)
        prompt = newest[len(since)] if len(since) < len(newest) else {}
        ours = any(message.get("run_id") == run.id for message in since)
        answers = ours or run.answers(prompt)
        if answers or (since and answers is None):
            yield from self._held(run, newest, since)
        if run.status == "completed" and not run.shown:
            raise IncompleteError(f"{run.thread_id} holds no reply to its last prompt")

    def _rest(self, run: Run, said: Said) -> Stream:
        """Wait for the run's end, then stream the rest of its messages."""
        if not run.ended:
            yield from self._awaited(run)
        newest = self._messages.newest(run.thread_id or "")
        yield from self._held(run, newest, said.since(newest))

    def _held(
        self, run: Run, newest: list[dict[str, Any]], since: list[dict[str, Any]] | None
    ) -> Stream:
        """Stream a run's messages, or those of no run that are newer than its prompt."""
        unclaimed = False
        named = any(message.get("run_id") == run.id for message in newest)
        for message in reversed(newest):
            if message.get("run_id") == run.id or message.get("id") in run.shown:
                yield from run.message(message)
                unclaimed = False  # what came before is of others
            elif not (named or message.get("run_id") or message.get("role") == "user"):
                if since is None:
                    unclaimed = True
                elif message in since:
                    yield from run.message(message)
        if unclaimed:
            raise IncompleteError(
                f"{self._wire.host} does not say which message of {run.thread_id} is the reply",
                hint=f"asstctl threads history {run.thread_id} shows them",
            )

    def _awaited(self, run: Run) -> Stream:
        """Wait for a run's end, as far as the server can say how it is."""
        thread_id, run_id = run.thread_id or "", run.id
        if run_id is None:
            raise IncompleteError(f"{self._wire.host} does not say which run is the last")
        try:
            for look in self._runs.poll(thread_id, run_id, self._wire.timeout):
                yield from run.facts(look)
                if run.ended:
                    return
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            run.unsaid = f"{self._wire.host} can't say how the run {run_id} ended: {error.message}"
            return
        kind = IncompleteError if run.shown else UnavailableError
        raise kind(
            f"the run {run_id} is still {run.status} after {self._wire.timeout:g} s",
            hint=f"asstctl threads recover {thread_id} fetches the reply later;"
            f" asstctl threads unlock {thread_id} ends the run",
            retryable=True,
        )

    def _streamed(self, run: Run, request: Request, look: Look) -> Stream:
        """Read the stream to its end, or to where it was cut."""
        begun = False
        try:
            with closing((yield from self._wire.stream(request))) as batches:
                for batch in batches:
                    try:
                        yield from run.read(batch)
                    finally:
                        begun = run.id is not None
                        look.thread_id = run.thread_id
                    if run.ended:
                        batches.ending()
            if run.id is None:
                raise UnansweredError(f"{self._wire.host} closed the stream before a run began")
        except AsstctlError as error:
            if begun and isinstance(error, IncompleteError):
                yield Notice(f"{error.message}; asking for the rest")
            elif begun or not left_open(error):
                self._give_up(run, error)
                raise
            else:
                yield from self._taken(run, look, error)

    def _give_up(self, run: Run, error: AsstctlError) -> None:
        """Cancel a run whose reply failed; the error tells where it goes on all the same."""
        if run.id is not None and not run.final:
            error.hint = self._cancelled(run.thread_id or "", run.id) or error.hint

    def _taken(self, run: Run, look: Look, error: AsstctlError) -> Stream:
        """Go on with the run of a request that got no good answer; raises `error` without one."""
        if look.seen is None:
            look()
        if look.seen is not Seen.TAKEN or not look.run:
            if isinstance(error, IncompleteError):  # no word of a reply came
                error = UnansweredError(error.message, retryable=True)
            look.hint(error, self._wire.host)
            self._give_up(run, error)
            raise error
        yield Notice(f"{error.message}; the service took it, asking for the reply")
        yield from run.facts(look.run)

    def _doubled(self, thread_id: str, said: Said) -> Stream:
        """Yield a notice where a prompt that was sent again stands in the thread twice."""
        with suppress(AsstctlError):
            both = [str(m.get("id")) for m in said.among(self._messages.newest(thread_id))]
            if len(both) > 1:
                yield Notice(f"the prompt stands in {thread_id} twice: {', '.join(both)}")

    def _cancelled(self, thread_id: str, run_id: str) -> str | None:
        """Cancel a run; return why it goes on all the same, None where it does not."""
        ends = f"asstctl threads unlock {thread_id} ends it"
        try:
            status = self._runs.cancel(thread_id, run_id)
        except UnsupportedError as error:
            return f"the run {run_id} goes on: {error.message}"
        except AsstctlError as error:
            return f"the run {error.message}; {ends}"
        if not status or status in OPEN:
            how = f"is {status}" if status else "may go on"
            return f"the run {run_id} could not be cancelled and {how}; {ends}"
        return None

    def _abandon(self, run: Run, said: Said, thread_id: str | None, left: BaseException) -> None:
        """Cancel the run of a reply that nobody waits for any more; `left` tells what failed."""
        if run.final:
            return
        self._wire.hurry(CANCEL_SECONDS)
        thread_id = run.thread_id or thread_id
        if thread_id is None:
            left.add_note(f"a new thread may exist at {self._wire.host}: its id had not come yet")
            return
        if run.id is None:
            failure = self._abandon_unseen(said, thread_id)
        else:
            failure = self._cancelled(thread_id, run.id)
        if failure:
            left.add_note(failure)

    def _abandon_unseen(self, said: Said, thread_id: str) -> str | None:
        """Cancel the run that locks a thread, unless it may be another prompt's.

        Return in words what may go on, None where a run was cancelled.
        """
        open_end = unanswered(thread_id) if said.id else unknown(thread_id)
        try:
            found = self._runs.latest(thread_id)
        except AsstctlError:
            return open_end
        if found.get("status") not in OPEN:
            return open_end
        run_id, mark = str(found.get("id")), mark_of(found)
        another = mark != said.mark if mark else bool(said.mark and self._messages.marks)
        return locks(run_id, thread_id) if another else self._cancelled(thread_id, run_id)


def _after_last_prompt(newest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages that follow the last prompt, the newest first."""
    last = next((n for n, m in enumerate(newest) if m.get("role") == "user"), len(newest))
    return newest[:last]
