"""What a run's stream says: text once, tool calls whole, and how it ended.

A stream's claim is weighed, not believed: an event's name may contradict its status, and a stream
may end without any claim. What decides is said in `Run.status`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from asstctl.backends import _objects as objects
from asstctl.backends._sse import Frame
from asstctl.backends._wire import sound, understood
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import (
    Citation,
    Ending,
    Event,
    FileOutput,
    MessageStarted,
    RunFinished,
    RunStarted,
    TextDelta,
    ToolCall,
    Usage,
)

FINAL = {"completed", "incomplete", "failed", "cancelled", "expired"}
"""Statuses of a run that no longer change."""

OPEN = {"queued", "in_progress", "requires_action", "cancelling"}
"""Statuses of a run that locks its thread."""

ENDINGS: Mapping[str, Ending] = {
    "max_completion_tokens": "length",
    "max_prompt_tokens": "length",
    "max_tokens": "length",
}


class Run:
    """One run, as far as it is known."""

    def __init__(self, thread_id: str | None, *, announced: bool = False) -> None:
        self.thread_id = thread_id
        self._announced = announced  # RunStarted was given already
        self.id: str | None = None
        self.status = ""
        self.shown = False  # whether the user has seen any of the reply
        self._facts: Mapping[str, Any] = {}
        self._texts: dict[str, list[str]] = {}  # what was shown, in pieces, by message id
        self._told: set[Citation | FileOutput] = set()

    @property
    def final(self) -> bool:
        """Whether the run's end is known."""
        return self.status in FINAL

    @property
    def ended(self) -> bool:
        """Whether the run does nothing more by itself."""
        return self.final or self.status == "requires_action"

    def read(self, batch: list[Frame]) -> Iterator[Event]:
        """Take in some events of the stream and give ours; text that came at once is joined.

        Raises what an `error` event means.
        """
        text: list[str] = []
        wrong: AsstctlError | None = None
        for name, data in batch:
            events: list[Event] = []
            try:
                with understood():
                    events += self._event(*named(name, data))
            except AsstctlError as error:  # what came before it is not lost with it
                wrong = error
            for event in events:
                if isinstance(event, TextDelta):
                    text.append(event.text)
                    continue
                if text:
                    yield TextDelta(sound("".join(text)))
                    text.clear()
                yield event
            if wrong:
                break
        if text:
            yield TextDelta(sound("".join(text)))
        if wrong:
            raise wrong

    def _event(self, name: str, found: Mapping[str, Any]) -> Iterator[Event]:
        if name == "error":
            raise failed(found.get("error") or found)
        if name == "thread.created":
            self.thread_id = str(found.get("id") or self.thread_id)
        elif name == "thread.message.delta":
            yield from self.delta(found)
        elif name in ("thread.message.completed", "thread.message.incomplete"):
            yield from self.message(found)
        elif name.startswith("thread.run.") and not name.startswith("thread.run.step."):
            yield from self.facts(found, name.removeprefix("thread.run."))

    def facts(self, found: Mapping[str, Any], name: str = "") -> Iterator[Event]:
        """Take in a run object; the first one starts the reply."""
        self._facts = found
        self.thread_id = str(found.get("thread_id") or self.thread_id or "")
        # A failed name or a last error wins; else the status decides, or the name if it is silent.
        broken = name == "failed" or bool(found.get("last_error"))
        self.status = "failed" if broken else str(found.get("status") or name)
        if self.id is None and found.get("id"):
            self.id = str(found["id"])
            if not self._announced:
                yield RunStarted(self.thread_id, self.id)

    def delta(self, found: Mapping[str, Any]) -> Iterator[Event]:
        """Take in a piece of a message."""
        identity = str(found.get("id") or "")
        delta = found.get("delta")
        for part in objects.contents(delta if isinstance(delta, dict) else found):
            yield from self._part(identity, part, objects.part_text(part))

    def message(self, found: Mapping[str, Any]) -> Iterator[Event]:
        """Take in a whole message: give what was not shown of it yet."""
        if found.get("role") not in (None, "assistant", "agent"):
            return
        identity = str(found.get("id") or "")
        parts = objects.contents(found)
        whole = "".join(objects.part_text(part) for part in parts)
        if identity not in self._texts:  # some servers tell it again under another id
            told = ((i, "".join(pieces)) for i, pieces in self._texts.items())
            identity = next((i for i, t in told if t and whole.startswith(t)), identity)
        shown = "".join(self._texts.get(identity, ()))
        yield from self._part(identity, {}, whole[len(shown) :] if whole.startswith(shown) else "")
        for part in parts:
            yield from self._part(identity, part, "")

    def _part(self, identity: str, part: Mapping[str, Any], text: str) -> Iterator[Event]:
        file = objects.output(part)
        if (text or file) and identity not in self._texts:
            yield MessageStarted("assistant")
            self._texts[identity] = []
        if text:
            self._texts[identity].append(text)
            self.shown = True
            yield TextDelta(text)
        for event in (*objects.citations(part), *((file,) if file else ())):
            if event not in self._told:
                self._told.add(event)
                self.shown = self.shown or event == file
                yield event

    def calls(self) -> list[ToolCall]:
        """Give the tool calls that the run waits for, by their place in the list."""
        action = self._facts.get("required_action") or {}
        wanted = action.get(str(action.get("type"))) or action.get("submit_tool_outputs") or {}
        return [
            ToolCall(
                str(call.get("id") or ""),
                str((call.get("function") or call).get("name") or call.get("type")),
                str((call.get("function") or call).get("arguments") or "{}"),
            )
            for call in wanted.get("tool_calls") or ()
        ]

    def end(self) -> Iterator[Event]:
        """Give the claim that a final status makes; raises what any other end means."""
        usage = self._facts.get("usage") or {}
        counted = Usage(
            int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        )
        match self.status:
            case "completed":
                yield RunFinished("completed", counted if usage else None)
            case "incomplete":
                details = self._facts.get("incomplete_details") or {}
                why = details.get("reason") or "no reason given"
                yield RunFinished(ENDINGS.get(why, "filtered"), counted if usage else None)
                raise IncompleteError(f"the reply is incomplete: {why}")
            case "failed":
                raise failed(self._facts.get("last_error"))
            case other:
                raise IncompleteError(f"the run {self.id} ended as {other}")


def failed(error: Any) -> AsstctlError:
    """Give the service's words and code for a run that failed."""
    if not isinstance(error, dict):
        error = {"message": error} if error else {}
    code = error.get("code") or error.get("type") or "no code"
    words = " ".join(str(error.get("message") or "no reason given").split()).rstrip(".")
    return AsstctlError(f"the run failed: {words} ({code})", retryable="rate" in str(code))


def named(name: str, data: str) -> tuple[str, Mapping[str, Any]]:
    """Find an event's name and object: beside the data, around it, or in it.

    Raises IncompleteError for data that is neither JSON nor an end mark.
    """
    if data.strip() == "[DONE]":
        return "done", {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IncompleteError("the stream broke off inside an event", retryable=True) from error
    if not isinstance(found, dict):
        return "done", {}
    if not name and isinstance(found.get("event"), str):
        inner = found.get("data")
        return found["event"], inner if isinstance(inner, dict) else {}
    if name:
        return name, found
    if found.get("error"):
        return "error", found
    kind = str(found.get("object") or "")
    status = "" if kind.endswith(".delta") else f".{found.get('status')}"
    return kind + status, found
