"""The messages of a reply, put together from its events, to be kept."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from asstctl._json import objects
from asstctl.endings import SENTENCES, sentence
from asstctl.errors import IncompleteError
from asstctl.events import (
    Event,
    MessageFinished,
    PromptTaken,
    ReasoningDelta,
    RunFinished,
    Stream,
    TextDelta,
    Usage,
)
from asstctl.model import Message, Status
from asstctl.parts import (
    Citation,
    Code,
    File,
    Image,
    Other,
    Part,
    Reasoning,
    Refusal,
    Search,
    Text,
    ToolCall,
    ToolResult,
)


class Heard:
    """A reply as far as it was heard: messages that are whole, and what no message has yet."""

    def __init__(self) -> None:
        self._whole: dict[str, Message] = {}
        self._parts: list[Part] = []
        self._text: list[str] = []
        self._thought: list[str] = []
        self._sources: list[Citation] = []
        self._used: list[Usage] = []
        self._run = ""  # the service's id of the run that speaks

    def feed(self, event: Event) -> None:
        """Take an event of the reply."""
        match event:
            case PromptTaken(run_id):
                self._begin(run_id or self._run)
            case TextDelta(text):
                self._text.append(text)
            case ReasoningDelta(text):
                self._thought.append(text)
            case Citation():
                self._sources.append(event)
            case MessageFinished(message):
                self._finish(message)
            case RunFinished(_, Usage() as usage):
                self._used.append(usage)
            case ToolCall() | ToolResult() | Code() | Search() | Image() | File() | Other():
                self._flush()
                self._parts.append(event)

    def _begin(self, run: str) -> None:
        """Note that a run begins, which was asked with the answers that are of no run yet."""
        self._run = run
        for key, message in self._whole.items():
            if not message.run:
                self._whole[key] = replace(message, run=run)

    def answered(self, result: ToolResult) -> None:
        """Take the answer to a call that was made here."""
        self._flush()
        if self._whole:  # the service's own messages: this is one of its own too
            self._whole[f"answer to {result.id}"] = Message("", "assistant", (result,))
        else:
            self._parts.append(result)

    def _finish(self, message: Message) -> None:
        if not message.parts:
            return
        key = message.id or str(len(self._whole))
        self._whole[key] = replace(message, run=message.run or self._run)
        self._flush()
        said = (Text, Refusal, Image, File, Reasoning)
        self._parts = [p for p in self._parts if not (isinstance(p, said) or p in message.parts)]

    def _flush(self) -> None:
        """Make parts of the text and the thoughts that came since the last part."""
        if thought := "".join(self._thought).strip():
            self._parts.append(Reasoning(thought))
        if text := "".join(self._text):
            self._parts.append(Text(text, tuple(self._sources)))
            self._sources.clear()
        self._thought.clear()
        self._text.clear()

    @property
    def anything(self) -> bool:
        """Whether anything was heard."""
        return bool(self._text or self._parts or self._whole)

    def own_run(self, key: str) -> list[dict[str, Any]]:
        """Return the tokens of a turn as a run, for a service that has no object of its own."""
        if not self._used:
            return []
        prompt = sum(used.prompt_tokens for used in self._used)
        completion = sum(used.completion_tokens for used in self._used)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        return [{"id": key, "object": "asstctl.turn", "usage": usage}]

    def messages(self, status: Status) -> list[Message]:
        """Return the messages of the reply; one that is not whole has the status of the turn.

        What the server's tools did between messages stands in the run's steps, and not here.
        """
        self._flush()
        whole = list(self._whole.values())
        if whole and not any(isinstance(part, Text) for part in self._parts):
            return whole
        rest = Message("", "assistant", tuple(self._parts), status=status, run=self._run)
        return [*whole, rest]


CONTAINED = "container_file_citation"
"""The type of annotations that name files of a container."""


def in_container(raw: Mapping[str, Any]) -> bool:
    """Return whether a message object names a file of a container."""
    notes = (objects(part.get("annotations")) for part in objects(raw.get("content")))
    return any(note.get("type") == CONTAINED for found in notes for note in found)


def demand_whole(end: RunFinished | None) -> None:
    """Raise IncompleteError unless the service claims a whole reply."""
    if end is None:
        raise IncompleteError("the reply broke off: the service did not say that it ended")
    if end.ending in SENTENCES:
        raise IncompleteError(sentence(end.ending, end.reason))


def recovered(reply: Stream, thread_id: str) -> Stream:
    """Pass on a reply that is read again; raises IncompleteError where it is not whole."""
    end = None
    with closing(reply):
        for event in reply:
            end = event if isinstance(event, RunFinished) else None
            yield event
    try:
        demand_whole(end)
    except IncompleteError as error:
        if end and end.ending == "tool_call":
            error.hint = f"asstctl threads unlock {thread_id} ends it"
        raise
