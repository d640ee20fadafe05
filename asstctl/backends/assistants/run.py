"""A run, read from its stream: text once, tool calls whole, and how it ended.

A stream's claim is weighed, not believed: an event's name may contradict its status, and a stream
may end without any claim. `Run.status` is what decides.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from asstctl import _json
from asstctl.backends.assistants import objects, steps
from asstctl.backends.content import contents, dictionary, part_text
from asstctl.backends.stream import Shown, counted, failed, read, started, understood, why
from asstctl.endings import WORDS
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import Event, MessageFinished, ObjectSeen, RunFinished
from asstctl.model import mark_of, moment
from asstctl.parts import ToolCall
from asstctl.wire.sse import Frame

FINAL = ("completed", "incomplete", "failed", "cancelled", "expired")
"""Statuses of a run that no longer change."""

MESSAGE = "thread.message."
"""How the names of events about messages begin."""

STEP = "thread.run.step."
"""How the names of events about steps begin."""

OPEN = ("queued", "in_progress", "requires_action", "cancelling")
"""Statuses of a run that locks its thread."""


class Run:
    """One run, as far as it is known."""

    def __init__(
        self,
        thread_id: str | None,
        *,
        mark: str = "",
        announced: bool = False,
    ) -> None:
        self.thread_id = thread_id
        self.mark = mark  # of the prompt that it answers
        self._others: set[str] = set()  # ids of runs and messages that are not its own
        self._announced = announced  # RunStarted was yielded already
        self.id: str | None = None
        self.status = ""
        self.unsaid = ""  # why its end is not known
        self.answered: frozenset[ToolCall] = frozenset()  # calls, until the run goes on
        self._early: list[tuple[str, Mapping[str, Any]]] = []  # said before it is known whose
        self.shown = Shown()
        self._facts: Mapping[str, Any] = {}

    @property
    def final(self) -> bool:
        """Whether the run's end is known."""
        return self.status in FINAL

    @property
    def waiting(self) -> bool:
        """Whether the run waits for answers; calls that were answered are no news."""
        if self.status != "requires_action":
            return False
        calls = self.calls()
        return not calls or not self.answered.issuperset(calls)

    @property
    def ended(self) -> bool:
        """Whether the run does nothing more by itself."""
        return self.final or self.waiting

    def read(self, batch: list[Frame]) -> Iterator[Event]:
        """Read some events of the stream and yield ours; raises what an `error` event means."""
        yield from read(batch, self._event, self._goes_on, self.shown)

    def _goes_on(self, name: str, found: Mapping[str, Any]) -> str:
        match found:
            case {
                "id": str(message),
                "delta": {"content": [{"type": "text", "text": {"value": text, **rest}}]},
            } if name == "thread.message.delta" and not rest.get("annotations"):
                return self.shown.goes_on(message, text)
            case _:
                return ""

    def _event(self, name: str, found: Mapping[str, Any]) -> Iterator[Event]:
        if name == "error":
            if not self.final:
                raise failed("run", found.get("error") or found)
        elif name == "thread.created":
            self.thread_id = _json.sound(str(found.get("id") or self.thread_id))
        elif self._another(name, found):
            self._others.update(filter(None, [str(found.get("id") or "")]))
        elif name.startswith(MESSAGE):
            yield from self._said(name, found)
        elif name.startswith(STEP) and name.removeprefix(STEP) in FINAL:
            yield from self._step(found)
        elif name.startswith("thread.run.") and not name.startswith(STEP):
            yield from self.facts(found, name.removeprefix("thread.run."))
            early, self._early = self._early, []
            for earlier in early:
                yield from self._event(*earlier)

    def _said(self, name: str, found: Mapping[str, Any]) -> Iterator[Event]:
        """Read an event of a message; until the run is known, nobody knows whose it is."""
        if self.id is None:
            self._early.append((name, found))
        elif name == "thread.message.delta":
            yield from self.delta(found)
        elif name in ("thread.message.completed", "thread.message.incomplete"):
            yield from self.message(found)

    def _another(self, name: str, found: Mapping[str, Any]) -> bool:
        """Return whether an event is about another run: the rest of one that was stopped, say."""
        if not self._others.isdisjoint((str(found.get("id")), str(found.get("run_id")))):
            return True
        if not name.startswith("thread.run.") or name.startswith(STEP):
            return bool(self.id and found.get("run_id")) and found["run_id"] != self.id
        if self.id is None and name in ("thread.run.cancelling", "thread.run.cancelled"):
            return True
        marked = mark_of(found)
        if marked and self.mark:
            return marked != self.mark
        return self.id is not None and found.get("id") not in (None, self.id)

    def facts(self, found: Mapping[str, Any], name: str = "") -> Iterator[Event]:
        """Read a run object; the first one starts the reply."""
        with understood():
            self._facts = found
            self.thread_id = _json.sound(str(found.get("thread_id") or self.thread_id or ""))
            # A failed name or a last error wins; else the status, or the name if it is silent.
            broken = name == "failed" or bool(found.get("last_error"))
            self.status = "failed" if broken else str(found.get("status") or name)
            if self.status != "requires_action":
                self.answered = frozenset()
            if self.id is None and found.get("id"):
                if not self.thread_id:
                    raise AsstctlError(f"the service does not say the thread of {found['id']}")
                self.id = _json.sound(str(found["id"]))
                yield from started(
                    self.thread_id, self.id, announced=self._announced, mark=self.mark
                )
            if self.final:
                yield ObjectSeen("run", found)

    def delta(self, found: Mapping[str, Any]) -> Iterator[Event]:
        """Read a piece of a message."""
        identity = str(found.get("id") or "")
        delta = found.get("delta")
        for part in contents(delta if isinstance(delta, dict) else found):
            yield from self._part(identity, part, part_text(part))

    def message(self, found: Mapping[str, Any]) -> Iterator[Event]:
        """Read a whole message and yield the rest of it."""
        if found.get("role") not in (None, "assistant", "agent"):
            return
        with understood():
            identity = str(found.get("id") or "")
            parts = contents(found)
            yield from self.shown.whole(identity, "".join(part_text(part) for part in parts))
            for part in parts:
                yield from self._part(identity, part, "")
            yield MessageFinished(objects.message(found))

    def _step(self, found: Mapping[str, Any]) -> Iterator[Event]:
        """Read a step that has ended, and yield what the server's tools did in it."""
        for part in steps.parts(found):
            yield from self.shown.once(part)
        yield ObjectSeen("step", found)

    def _part(self, identity: str, part: Mapping[str, Any], text: str) -> Iterator[Event]:
        yield from self.shown.piece(identity, text)
        if image := objects.output(part):
            yield from self.shown.once(image, identity)
        for citation in objects.citations(part):
            yield from self.shown.once(citation, identity)

    def calls(self) -> list[ToolCall]:
        """Return the tool calls that the run waits for, in the service's order."""
        return open_calls(self._facts)

    def answers(self, prompt: Mapping[str, Any]) -> bool | None:
        """Return whether a run is one to a prompt; None where neither marks nor times tell.

        A list may say the reply before its prompt where a clock counts whole seconds.
        """
        marks = mark_of(self._facts), mark_of(prompt)
        if all(marks):
            return marks[0] == marks[1]
        asked, made = moment(prompt.get("created_at")), moment(self._facts.get("created_at"))
        return None if asked is None or made is None or asked == made else asked < made

    @property
    def marked(self) -> bool:
        """Whether the service says the mark of the run again: then it keeps marks."""
        return bool(self.mark) and mark_of(self._facts) == self.mark

    def end(self) -> Iterator[Event]:
        """Yield the claim that a final status makes; raises what any other end means."""
        usage = counted(self._facts.get("usage"), "prompt_tokens", "completion_tokens")
        match self.status:
            case "completed":
                yield RunFinished("completed", usage)
            case "incomplete":
                reason = why(self._facts.get("incomplete_details"))
                yield RunFinished(WORDS.get(reason or "", "incomplete"), usage, reason)
            case "failed":
                raise failed("run", self._facts.get("last_error"))
            case other:
                locked = f"asstctl threads unlock {self.thread_id} ends it"
                raise IncompleteError(
                    self.unsaid
                    or f"the run {self.id} {'is' if other in OPEN else 'ended as'} {other}",
                    hint=locked if other in OPEN else None,
                )


def open_calls(run: Mapping[str, Any]) -> list[ToolCall]:
    """Return the tool calls that a run object waits for, in the service's order."""
    action = dictionary(run.get("required_action"))
    wanted = dictionary(action.get(str(action.get("type"))))
    wanted = wanted or dictionary(action.get("submit_tool_outputs"))
    return [_call(call) for call in _json.objects(wanted.get("tool_calls"))]


def _call(call: Mapping[str, Any]) -> ToolCall:
    """Return a tool call, of a function or of any other type."""
    function = dictionary(call.get("function")) or call
    name = function.get("name") or call.get("type")
    return ToolCall(str(call.get("id") or ""), str(name), str(function.get("arguments") or "{}"))
