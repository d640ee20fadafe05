"""The events that stream from a backend to a renderer: a closed set of values.

The classes' names are the names in `-o json`.
"""

from collections.abc import Callable, Generator
from typing import Literal

from asstctl._record import record
from asstctl.endings import Ending
from asstctl.model import Role

IfBusy = Literal["refuse", "wait", "cancel"]
"""Where the thread has an active run: refuse the prompt, wait for its end, or cancel it."""


@record
class Prompt:
    """The user's words, to be sent now."""

    text: str
    if_busy: IfBusy = "refuse"


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
    """The service took the prompt of a thread that was announced before. Not shown in JSON."""

    run_id: str


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
class TextDelta:
    """The next piece of text; where one piece ends and the next begins means nothing."""

    text: str


@record
class ReasoningDelta:
    """The next piece of the model's reasoning; not part of the answer."""

    text: str


@record
class Citation:
    """The source of a `marker` in the text: a file's id or a URL; "" is no mark in the text."""

    marker: str
    source: str


@record
class ToolCall:
    """The assistant calls a function; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@record
class FileOutput:
    """A part of the reply that is not text: an `image` or a `file`, by id."""

    kind: Literal["image", "file"]
    id: str
    name: str = ""


@record
class Notice:
    """A fact for the user that the model did not say."""

    text: str


@record
class Retry(Notice):
    """The service could not take a request now; it is sent again after a pause."""


@record
class Progress:
    """How far some work is, in bytes or messages."""

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


Event = (
    RequestSent
    | PromptTaken
    | RunStarted
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

Tell = Callable[[Notice], None]
"""Announces the pause of a request that is no part of a reply."""
