"""How a stream of events is read, whichever wire it is of: in order, once, and to the last word."""

from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any

from asstctl._json import loads_piece, sound
from asstctl.backends._sse import Frame
from asstctl.backends._wire import understood
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import Citation, Event, FileOutput, MessageStarted, TextDelta


def read(
    batch: list[Frame],
    take: Callable[[str, Mapping[str, Any]], Iterator[Event]],
    goes_on: Callable[[str, Mapping[str, Any]], str],
) -> Iterator[Event]:
    """Give the events that `take` makes of each frame; text that came at once is joined.

    Nearly every frame is the next piece of a message that was begun, and nothing else: for those
    `goes_on` gives the text, "" for any other. What came before an error is not lost with it.
    """
    text: list[str] = []
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
                    if text:
                        yield TextDelta(sound("".join(text)))
                        text.clear()
                    yield event
    except AsstctlError as error:
        wrong = error
    if text:
        yield TextDelta(sound("".join(text)))
    if wrong:
        raise wrong


def named(name: str, data: bytes) -> tuple[str, Mapping[str, Any]]:
    """Find an event's name and object: beside the data, around it, or in it.

    Raises IncompleteError for data that is neither JSON nor an end mark.
    """
    if data.strip() == b"[DONE]":
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
    """What the user has seen of a reply, by message; true once there is anything."""

    def __init__(self) -> None:
        self._texts: dict[str, StringIO] = {}  # a text that grew would be quadratic
        self._told: set[Citation | FileOutput] = set()

    def __bool__(self) -> bool:
        return bool(self._texts)

    def __contains__(self, message: str) -> bool:
        return message in self._texts

    def text(self, message: str) -> str:
        """Give what was shown of a message."""
        return self._texts[message].getvalue() if message in self._texts else ""

    def piece(self, message: str, text: str) -> Iterator[Event]:
        """Show the next piece of a message."""
        if text:
            yield from self._begun(message)
            self._texts[message].write(text)
            yield TextDelta(text)

    def goes_on(self, message: str, text: Any) -> str:
        """Note the next piece of a message that was begun and give it; "" where it is not that."""
        if message not in self._texts or not isinstance(text, str):
            return ""
        self._texts[message].write(text)
        return text

    def whole(self, message: str, text: str) -> Iterator[Event]:
        """Show what was not shown yet of a message that is known to its end.

        Some servers tell a message again under another id: a text that begins with one that was
        shown is taken for that one.
        """
        if message not in self._texts:
            told = ((m, self.text(m)) for m in self._texts)
            message = next((m for m, t in told if t and text.startswith(t)), message)
        shown = self.text(message)
        yield from self.piece(message, text[len(shown) :] if text.startswith(shown) else "")

    def once(self, event: Citation | FileOutput, message: str) -> Iterator[Event]:
        """Show something beside the text, unless it was shown."""
        if event in self._told:
            return
        self._told.add(event)
        if isinstance(event, FileOutput):
            yield from self._begun(message)
        yield event

    def _begun(self, message: str) -> Iterator[Event]:
        if message not in self._texts:
            self._texts[message] = StringIO()
            yield MessageStarted("assistant")


def failed(what: str, error: Any) -> AsstctlError:
    """Give the service's words and code for a reply that failed."""
    if not isinstance(error, dict):
        error = {"message": error} if error else {}
    code = error.get("code") or error.get("type") or "no code"
    words = " ".join(str(error.get("message") or "no reason given").split()).rstrip(".")
    return AsstctlError(f"the {what} failed: {words} ({code})", retryable="rate" in str(code))
