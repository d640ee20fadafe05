"""The events that stream from a backend to a renderer: a closed set of values.

The classes' names are the names in `-o json`. Parts of a reply that are not text are events
themselves, once each is whole: their names are those in `threads history -o json`.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Literal

from asstctl._record import record
from asstctl.endings import Ending
from asstctl.model import Message, Role
from asstctl.parts import Citation, Code, File, Image, Other, Search, Text, ToolCall, ToolResult

IfBusy = Literal["refuse", "wait", "cancel"]
"""Where the thread has an active run: refuse the prompt, wait for its end, or cancel it."""


@record
class Prompt:
    """The user's words, to be sent now, and the images and documents that come along."""

    text: str
    if_busy: IfBusy = "refuse"
    files: tuple[Image | File, ...] = ()

    @property
    def message(self) -> Message:
        """The prompt as a message."""
        parts = (Text(self.text), *self.files) if self.text or not self.files else self.files
        return Message("", "user", parts)


@record
class Usage:
    """Tokens, as the service counted them."""

    prompt_tokens: int
    completion_tokens: int


@record
class RequestSent:
    """A request is out and its answer is awaited: time for slow imports. Not shown in JSON."""


@record
class PromptTaken:
    """The service took the prompt. Not shown in JSON.

    `mark` is what the prompt is known by there, "" where it has none.
    """

    run_id: str | None
    mark: str = ""


@record
class RunStarted:
    """The service took the prompt: the first event of every reply that is shown."""

    thread_id: str
    run_id: str | None = None


@record
class MessageStarted:
    """A message begins; text that follows belongs to it."""

    role: Role


@record
class MessageFinished:
    """A message of the reply is whole, as the service holds it. Not shown in JSON."""

    message: Message


@record
class ObjectSeen:
    """The service's own object beside the messages, in its last state. Not shown in JSON."""

    kind: Literal["run", "step"]
    object: Mapping[str, Any]


@record
class TextDelta:
    """The next piece of text; where one piece ends and the next begins means nothing."""

    text: str


@record
class ReasoningDelta:
    """The next piece of the model's reasoning; not part of the answer."""

    text: str


@record
class Notice:
    """A fact for the user that the model did not say."""

    text: str


@record
class Retry(Notice):
    """The service could not take a request now; it is sent again after a pause."""


@record
class Progress:
    """How far some work is, in bytes or messages; a `total` of 0 is not known."""

    what: str
    done: int
    total: int
    unit: Literal["bytes", "messages"] = "bytes"


@record
class RunFinished:
    """The service claims that the reply has ended; `reason` is its own word for an early end."""

    ending: Ending
    usage: Usage | None = None
    reason: str | None = None


HIDDEN = RequestSent | PromptTaken | MessageFinished | ObjectSeen
"""Events for the program itself."""

Beside = Citation | ToolCall | ToolResult | Code | Search | Image | File | Other
"""Parts of a reply that are not text."""

Event = (
    HIDDEN
    | Beside
    | RunStarted
    | MessageStarted
    | TextDelta
    | ReasoningDelta
    | Notice
    | Progress
    | RunFinished
)
Stream = Generator[Event]

Tell = Callable[[Notice], None]
"""Announces the pause of a request that is no part of a reply."""
