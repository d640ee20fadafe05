"""A stream of events, whichever wire it is of, read in order, once, and to the last word."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from typing import Any

from asstctl._json import halved, loads_piece, sound
from asstctl.backends.meanings import MEANINGS
from asstctl.errors import AsstctlError, IncompleteError, StoppedError
from asstctl.events import (
    Beside,
    Event,
    MessageStarted,
    Notice,
    PromptTaken,
    RunStarted,
    Stream,
    TextDelta,
    Usage,
)
from asstctl.parts import File, Image
from asstctl.wire.refusals import refusal
from asstctl.wire.sse import END, Frame


def read(
    batch: list[Frame],
    take: Callable[[str, Mapping[str, Any]], Iterator[Event]],
    goes_on: Callable[[str, Mapping[str, Any]], str],
    shown: "Shown",
) -> Iterator[Event]:
    """Yield the events that `take` makes of each frame; text that came at once is joined.

    Half a surrogate pair at the end waits in `shown` for the other half.

    Nearly every frame is the next piece of a message that was begun, and nothing else: for those
    `goes_on` returns the text, "" for any other. What came before an error is not lost with it.
    """
    text = [shown.half]
    shown.half = ""
    wrong: AsstctlError | None = None
    try:
        with understood():
            for frame in batch:
                name, found = named(*frame)
                if piece := goes_on(name, found):
                    text.append(piece)
                    continue
                for event in take(name, found):
                    if isinstance(event, TextDelta):
                        text.append(event.text)
                        continue
                    if any(text):
                        yield TextDelta(sound("".join(text)))
                        text.clear()
                    yield event
    except AsstctlError as error:
        wrong = error
    whole, shown.half = halved("".join(text))
    if whole:
        yield TextDelta(sound(whole))
    if wrong:
        raise wrong


def named(name: str, data: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return an event's name and object; the name stands beside the data, around it, or in it.

    Raises IncompleteError for data that is neither JSON nor an end mark.
    """
    if data.strip() == END:
        return "done", {}
    try:
        found = loads_piece(data)
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


class Shown:
    """The text of a reply that the user has seen, by message; true once there is any."""

    def __init__(self) -> None:
        self._texts: dict[str, StringIO] = {}  # a text that grew would be quadratic
        self._beside: set[Beside] = set()
        self._ended: set[str] = set()  # messages that came whole
        self._mended: dict[str, str] = {}  # by message, the text that replaced what was shown
        self.half = ""  # of a surrogate pair, which waits for the other one

    def __bool__(self) -> bool:
        return bool(self._texts)

    def __contains__(self, message: str) -> bool:
        return message in self._texts

    @property
    def messages(self) -> list[str]:
        """The messages of which anything was shown, in order."""
        return list(self._texts)

    def text(self, message: str) -> str:
        """Return the text of a message that was shown."""
        return self._texts[message].getvalue() if message in self._texts else ""

    def piece(self, message: str, text: str) -> Iterator[Event]:
        """Yield the next piece of a message."""
        if text:
            yield from self._begun(message)
            self._texts[message].write(text)
            yield TextDelta(text)

    def goes_on(self, message: str, text: Any) -> str:
        """Note and return the next piece of a message that was begun; "" for anything else."""
        if message not in self._texts or not isinstance(text, str):
            return ""
        self._texts[message].write(text)
        return text

    def whole(self, message: str, text: str, *, renamed: bool = True) -> Iterator[Event]:
        """Yield the rest of a message that is known to its end.

        Where what was shown is no beginning of it, a notice says so and the whole text follows,
        once. Some servers say a message again under another id (`renamed`): one of the same text,
        or of which a beginning was shown and no end, is taken for that one.
        """
        text = sound(text)
        if renamed and message not in self._texts:
            message = next((m for m in self._texts if self._same(m, text)), message)
        self._ended.add(message)
        shown = sound(self.text(message))
        if text.startswith(shown):
            yield from self.piece(message, text[len(shown) :])
        elif text.rstrip() != shown.rstrip() and text and self._mended.get(message) != text:
            self._mended[message] = text
            yield Notice("the text above is not what the service holds of this reply; it follows")
            self._texts[message] = StringIO()
            yield MessageStarted("assistant")
            yield from self.piece(message, text)

    def _same(self, message: str, text: str) -> bool:
        shown = self.text(message)
        whole = message in self._ended
        return bool(shown) and (text == shown if whole else text.startswith(shown))

    def once(self, event: Beside, message: str = "") -> Iterator[Event]:
        """Yield what is not text the first time only; an image or a file belongs to `message`."""
        if event in self._beside:
            return
        self._beside.add(event)
        if isinstance(event, Image | File):
            yield from self._begun(message)
        yield event

    def _begun(self, message: str) -> Iterator[Event]:
        if message not in self._texts:
            self._texts[message] = StringIO()
            yield MessageStarted("assistant")


SHAPELESS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors of reading an object of another shape than is described."""


@contextmanager
def understood() -> Iterator[None]:
    """Raise IncompleteError for an object of another shape than a reply's."""
    try:
        yield
    except SHAPELESS as error:
        raise IncompleteError("the server sent something that is no part of a reply") from error


LEAVING = (GeneratorExit, KeyboardInterrupt, StoppedError)
"""Ways in which a reply is left early."""


def interruption(leaving: BaseException) -> BaseException:
    """Return why a reply is left: for GeneratorExit, the exception that led to it.

    A generator that is closed because of Ctrl-C meets GeneratorExit, with Ctrl-C as its context.
    """
    while isinstance(leaving, GeneratorExit) and leaving.__context__:
        leaving = leaving.__context__
    return leaving


def started(thread_id: str, run_id: str, *, announced: bool, mark: str = "") -> Iterator[Event]:
    """Yield the events for a run that begins; `announced`: RunStarted was yielded before."""
    yield PromptTaken(run_id, mark)
    if not announced:
        yield RunStarted(thread_id, run_id)


def unknown(thread_id: str) -> str:
    """Return in words that nobody knows whether a thread took a prompt."""
    shows = f"asstctl threads history {thread_id} shows it"
    return f"whether {thread_id} holds this prompt is not known; {shows}"


def unanswered(thread_id: str) -> str:
    """Return in words that a thread took a prompt whose reply is not known."""
    return f"{thread_id} holds the prompt; threads recover fetches a reply to it"


def unreplied(thread_id: str) -> str:
    """Return in words that a thread holds a prompt that nothing replies to."""
    return f"{thread_id} holds the prompt already; the reply to a further one can answer both"


def again(thread_id: str, text: str, *, announced: bool = False) -> Stream:
    """Stream a reply that is there already, as far as its end; see `started`."""
    if not announced:
        yield RunStarted(thread_id)
    yield PromptTaken(None)
    yield MessageStarted("assistant")
    yield TextDelta(text)


STATUSES = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "too_many_requests": 429,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "vector_store_timeout": 504,
    "timeout": 504,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
}
"""Codes of failures inside a stream, and the HTTP status that each has outside of one."""


def failed(what: str, error: Any) -> AsstctlError:
    """Return the error for a reply that failed, as the same refusal outside of a stream."""
    if not isinstance(error, dict):
        error = {"message": error} if error else {}
    code = str(error.get("code") or error.get("type") or "no code")
    status = STATUSES.get(code) or STATUSES.get(str(error.get("type")))
    if status is None and code.isdecimal() and len(code) == 3:  # noqa: PLR2004 - as HTTP's
        status = int(code)
    found = refusal({"error": error}, status or 400, MEANINGS)
    said = refusal({"error": error}, None, otherwise="no reason given").message.rstrip(".")
    found.message = f"the {what} failed: {said} ({code})"
    found.status = None
    return found


MOST_TOKENS = 10**15
"""A count that is no count of tokens any more."""


def counted(usage: Any, prompt: str, completion: str) -> Usage | None:
    """Return a `usage` object's two counts of tokens, by their names there; None without any."""
    if not isinstance(usage, dict) or not usage:
        return None
    return Usage(_count(usage.get(prompt)), _count(usage.get(completion)))


def _count(found: Any) -> int:
    return found if type(found) is int and 0 <= found < MOST_TOKENS else 0


def why(details: Any) -> str | None:
    """Return the service's word for an early end, from its `incomplete_details`."""
    reason = details.get("reason") if isinstance(details, dict) else details
    return str(reason) if reason else None
