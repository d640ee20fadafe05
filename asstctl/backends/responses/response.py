"""A response, read from its stream: text once, tool calls whole, and how it ended.

Events as in the OpenAI API reference of Responses. There is no end mark; what decides is the
response's final status, whichever event brought it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from asstctl._json import objects, sound
from asstctl.backends.content import contents, dictionary, text_of
from asstctl.backends.responses import calls, items
from asstctl.backends.stream import Shown, counted, failed, read, started, understood, why
from asstctl.endings import WORDS, Ending
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import (
    Beside,
    Event,
    MessageFinished,
    Notice,
    ObjectSeen,
    ReasoningDelta,
    RunFinished,
)
from asstctl.wire.sse import Frame

if TYPE_CHECKING:
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

OPEN = ("queued", "in_progress", "cancelling")
"""Statuses of a response that is being written."""

NOT_CALLED = "there is no tool of this name; it was not called"


class Response:
    """One response, as far as it is known."""

    def __init__(self, thread_id: str, *, announced: bool) -> None:
        self.thread_id = thread_id
        self.announced = announced  # RunStarted was yielded already
        self.id: str | None = None
        self.status = ""
        self.background = False  # whether it goes on without us, and can be cancelled
        self.number = -1  # of the last event that was read
        self._after = -1  # events up to this number were read before the stream was resumed
        self.shown = Shown()
        self.items: set[str] = set()  # the ids of what it says
        self._places: dict[str, str] = {}  # by id, where in the output the stream said an item
        self.waiting: dict[str, Mapping[str, Any]] = {}  # items that wait for an answer, by id
        self._whole: dict[str, Mapping[str, Any]] = {}  # items that came whole, by index
        self._facts: Mapping[str, Any] = {}

    @property
    def final(self) -> bool:
        """Whether the response's end is known."""
        return bool(self.status) and self.status not in OPEN

    def resume(self) -> None:
        """Prepare for a stream that may repeat events that were read."""
        self._after = self.number

    def read(self, batch: list[Frame]) -> Iterator[Event]:
        """Read some events of the stream and yield ours; raises what an `error` event means."""
        yield from read(batch, self._event, self._goes_on, self.shown)

    def _goes_on(self, _name: str, found: Mapping[str, Any]) -> str:
        match found:
            case {
                "type": "response.output_text.delta",
                "sequence_number": int(number),
                "item_id": str(item),
                "output_index": int(index),
                "delta": text,
            } if number > self.number and item in self.items:
                self.number = number
                return self.shown.goes_on(str(index), text)
            case _:
                return ""

    def _event(self, name: str, found: Mapping[str, Any]) -> Iterator[Event]:
        name = str(found.get("type") or name)
        number = found.get("sequence_number")
        if isinstance(number, int):
            if number <= self._after:
                return
            self.number = max(self.number, number)
        match name.removeprefix("response."):
            case "error" if self.final:
                return
            case "error":
                raise self._failed(found.get("error") or found)
            case ("created" | "queued" | "in_progress" | "completed" | "incomplete") | (
                "failed" | "cancelled"
            ) as status:
                yield from self.facts(found.get("response") or found, status)
            case part:
                if found.get("item_id"):
                    self.items.add(str(found["item_id"]))
                index = str(found.get("output_index", found.get("item_id")))
                if identity := found.get("item_id") or dictionary(found.get("item")).get("id"):
                    self._places.setdefault(str(identity), index)
                yield from self._part(part, index, found)

    def _part(self, name: str, item: str, found: Mapping[str, Any]) -> Iterator[Event]:
        """Read an event about a part of the output, of the item `item`."""
        match name:
            case "output_text.delta":
                yield from self.shown.piece(item, str(found.get("delta") or ""))
            case "refusal.delta":
                yield from self._refused(item)
                yield from self.shown.piece(item, str(found.get("delta") or ""))
            case "output_text.done" if not found.get("content_index"):
                yield from self.shown.whole(item, str(found.get("text") or ""), renamed=False)
            case "output_text.annotation.added":
                yield from self._annotation(item, dictionary(found.get("annotation")))
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                yield ReasoningDelta(str(found.get("delta") or ""))
            case "reasoning_summary_text.done" | "reasoning_text.done":
                yield ReasoningDelta("\n\n")
            case "output_item.done":
                yield from self._item(item, found.get("item") or {})

    def facts(self, found: Mapping[str, Any], name: str = "") -> Iterator[Event]:
        """Read a response object; the first one starts the reply, a final one completes it."""
        with understood():
            self._facts = found
            broken = name == "failed" or bool(found.get("error"))
            self.status = "failed" if broken else str(found.get("status") or name)
            self.background = bool(found.get("background"))
            if self.id is None and found.get("id"):
                self.id = sound(str(found["id"]))
                yield from started(self.thread_id, self.id, announced=self.announced)
            if self.final:
                output = objects(found.get("output"))
                for index, item in enumerate(output):
                    yield from self._item(str(index), item)
                self.waiting = calls.unanswered(output or tuple(self._whole.values()))
                yield from self._calls()
                yield ObjectSeen("run", found)

    def _refused(self, item: str) -> Iterator[Event]:
        if item not in self.shown:
            yield Notice("the model refuses")

    def _item(self, index: str, item: Mapping[str, Any]) -> Iterator[Event]:
        """Read a whole item and yield the rest of it."""
        if item.get("id"):
            self.items.add(str(item["id"]))
        if item.get("type") == "message" and item.get("role") in (None, "assistant"):
            known = self._places.get(str(item.get("id")))
            place = known or index
            yield from self.shown.whole(place, text_of(item), renamed=known is None)
            for part in contents(item):
                for note in objects(part.get("annotations")):
                    yield from self._annotation(place, note)
        elif not calls.is_call(item) and not calls.is_answer(item):
            yield from self._parts(index, item)
        if item.get("id") or index not in self._whole:
            yield MessageFinished(items.message(item))
        self._whole[index] = item

    def _parts(self, index: str, item: Mapping[str, Any]) -> Iterator[Event]:
        """Yield what is not text in an item, once."""
        for part in items.parts(item):
            if isinstance(part, Beside):
                yield from self.shown.once(part, index)

    def _calls(self) -> Iterator[Event]:
        """Yield calls and their answers in order, with those that wait for an answer last."""
        for index, item in self._whole.items():
            answered = calls.is_call(item) and calls.identity(item) not in self.waiting
            if answered or calls.is_answer(item):
                yield from self._parts(index, item)
        yield from map(calls.shown, self.waiting, self.waiting.values())

    def _annotation(self, index: str, note: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the source of a part of the text; the type decides, never a class."""
        if found := items.citation(note, self.shown.text(index)):
            yield from self.shown.once(found, index)

    def answers(self, outputs: Mapping[str, str]) -> "list[ResponseInputItemParam]":
        """Return the items that answer every call that waits; `outputs` is by the call's id."""
        return [
            calls.answer(str(item.get("type")), identity, outputs.get(identity, NOT_CALLED))
            for identity, item in self.waiting.items()
        ]

    def end(self) -> Iterator[Event]:
        """Yield the claim that a final status makes; raises what any other end means."""
        usage = counted(self._facts.get("usage"), "input_tokens", "output_tokens")
        match self.status:
            case "completed":
                ending: Ending = "tool_call" if self.waiting else "completed"
                yield RunFinished(ending, usage)
            case "incomplete":
                reason = why(self._facts.get("incomplete_details"))
                yield RunFinished(WORDS.get(reason or "", "incomplete"), usage, reason)
            case "failed":
                raise self._failed(self._facts.get("error"))
            case other:
                raise IncompleteError(f"the response {self.id} ended as {other}")

    def _failed(self, error: Any) -> AsstctlError:
        return failed("response", error)
