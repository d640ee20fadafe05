"""What passes between a backend and a renderer, and what a thread is made of: closed and frozen.

The classes' names are the names in `-o json`.
"""

from collections.abc import Generator, Mapping
from dataclasses import asdict, field
from typing import Any, Literal, assert_never

from asstctl._frozen import frozen

Role = Literal["user", "assistant"]

Ending = Literal["completed", "length", "filtered", "tool_call", "incomplete"]
"""Why a reply ended, as the service claims; only `completed` is a whole answer."""

Status = Literal["completed", "cancelled", "cut", "failed", "gone"]
"""How a message ended: whole, stopped by the user, broken off, with no text at all, or no longer
held by the service."""


@frozen
class Text:
    """Words of a message."""

    text: str


@frozen
class Image:
    """An image in a message: a file id or a URL."""

    source: str


@frozen
class File:
    """A file that came with a message."""

    id: str
    name: str = ""


@frozen
class Refusal:
    """The model's words where it would not answer."""

    text: str


@frozen
class ToolNote:
    """A tool's turn, as one line a person can read."""

    text: str


Part = Text | Image | File | Refusal | ToolNote


def words(part: Part) -> str:
    """Give a part as text; what is not text becomes a placeholder with its id."""
    match part:
        case Text(text):
            return text
        case Refusal(text):
            return f"[refused] {text}"
        case Image(source):
            return f"[image {source}]"
        case File(identity, name):
            return f"[file {identity}{' ' if name else ''}{name}]"
        case ToolNote(text):
            return f"[tool] {text}"
        case _ as unreachable:
            assert_never(unreachable)


def part_facts(part: Part) -> dict[str, str]:
    """Give a part as the JSON object that `history` and exported files promise."""
    return {"type": type(part).__name__, **asdict(part)}


@frozen
class Message:
    """One turn of a thread; `created_at` is in seconds since 1970 UTC, None where unknown."""

    id: str
    role: Role
    parts: tuple[Part, ...]
    created_at: float | None = None
    status: Status = "completed"
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The words alone, the parts joined by blank lines."""
        return "\n\n".join(p.text for p in self.parts if isinstance(p, Text | Refusal))


IfBusy = Literal["refuse", "wait", "cancel"]
"""What to do where the thread has an active run: say so, wait for its end, or cancel it."""


@frozen
class Prompt:
    """What the user says now."""

    text: str
    if_busy: IfBusy = "refuse"


@frozen
class Usage:
    """Tokens, as the service counted them."""

    prompt_tokens: int
    completion_tokens: int


@frozen
class RunStarted:
    """The service took the prompt: the first event of every reply."""

    thread_id: str
    run_id: str | None = None


@frozen
class MessageStarted:
    """A message begins; text that follows belongs to it."""

    role: Role


@frozen
class TextDelta:
    """The next piece of text; where one piece ends and the next begins means nothing."""

    text: str


@frozen
class ReasoningDelta:
    """The next piece of what the model thinks aloud; not part of the answer."""

    text: str


@frozen
class Citation:
    """Where a `marker` in the text points to: a file's id or a URL; "" is no mark in the text."""

    marker: str
    source: str


@frozen
class ToolCall:
    """The assistant wants a function called; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@frozen
class FileOutput:
    """The reply holds something that is not text: an `image` or a `file`, by id."""

    kind: Literal["image", "file"]
    id: str
    name: str = ""


@frozen
class Notice:
    """Something the user should know that the model did not say."""

    text: str


@frozen
class Retry(Notice):
    """The service could not take a request now; it is sent again after a pause."""


@frozen
class Progress:
    """How far some work is, in bytes or messages."""

    what: str
    done: int
    total: int
    unit: Literal["bytes", "messages"] = "bytes"


@frozen
class RunFinished:
    """The service claims that the reply has ended, and how."""

    ending: Ending
    usage: Usage | None = None


Event = (
    RunStarted
    | MessageStarted
    | TextDelta
    | ReasoningDelta
    | Citation
    | ToolCall
    | FileOutput
    | Notice
    | Progress
    | RunFinished
)
Stream = Generator[Event]


@frozen
class Thread:
    """A row of the index: which thread, and where it lives; times in seconds since 1970 UTC."""

    id: str
    backend: str
    endpoint: str
    profile: str
    name: str | None = None
    title: str = ""
    created_at: float = 0.0
    said_at: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)


@frozen
class ThreadFacts:
    """What a backend knows of a thread; `active_run` is the run that locks it now."""

    messages: int
    active_run: str | None = None
    created_at: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@frozen
class Assistant:
    """Who replies, where a server keeps that; `facts` is the server's own object."""

    id: str
    name: str
    model: str
    facts: Mapping[str, Any]
