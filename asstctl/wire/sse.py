"""Server-sent events: bytes in, (name, data) out. Tolerant, bounded, no I/O.

The format is the WHATWG HTML standard's, 9.2; read beside it are any line end, a byte-order mark,
comments, unknown fields, and a last event without its blank line.
"""

import re
from collections.abc import Iterable, Iterator

from asstctl.errors import IncompleteError

LARGEST_EVENT = 64 * 1024 * 1024
"""Bytes of one event; more is taken for an attack or a fault."""

USUAL = re.compile(rb"(?:event: ([^\r\n]*)\n)?data: ([^\r\n]+)\n\n")
"""An event as nearly every server writes it: it is cut out in one go."""

LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n)")

END = b"[DONE]"
"""The data of the event after which a stream says nothing more."""

Frame = tuple[str, bytes]
"""An event's name, empty where it has none, and its data."""


def frames(pieces: Iterable[bytes]) -> Iterator[list[Frame]]:
    """Yield for each piece the events that it completed, an empty list where it completed none.

    Events without data are skipped; an end mark is the last event, whatever follows it. Raises
    IncompleteError for an event over LARGEST_EVENT.
    """
    reader = _Reader()
    for piece in pieces:
        yield reader.feed(piece)
        if reader.ended:
            return
    if complete := reader.end():
        yield complete


class _Reader:
    def __init__(self) -> None:
        self._rest: list[bytes] = []  # the unfinished line, in pieces
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self._start = True
        self._after_cr = False
        self.ended = False

    def feed(self, piece: bytes) -> list[Frame]:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if not piece:
            return []
        self._after_cr = piece.endswith(b"\r")
        self._size += len(piece)
        if self._size > LARGEST_EVENT:
            raise IncompleteError(f"an event of more than {LARGEST_EVENT >> 20} MiB was refused")
        self._rest.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            return []
        text = b"".join(self._rest)
        complete, end = self._events(text)
        self._rest = [text[end:]] if end < len(text) else []
        return complete

    def end(self) -> list[Frame]:
        last = self._take(b"".join(self._rest)) if self._rest else None
        return [frame for frame in (last, self._take(b"")) if frame]

    def _events(self, text: bytes) -> tuple[list[Frame], int]:
        """Return the events that end in `text`, and where its unfinished line begins."""
        complete: list[Frame] = []
        end = 0
        while True:
            if not self._name and not self._data:
                while usual := USUAL.match(text, end):
                    name, data = usual.groups()
                    complete.append((name.decode("utf-8", "replace") if name else "", data))
                    end = usual.end()
                    self._size = len(text) - end
                    if data == END:
                        self.ended = True
                        return complete, len(text)
            if not (line := LINE.match(text, end)):
                return complete, end
            end = line.end()
            if frame := self._take(line[1]):
                complete.append(frame)
                if frame[1].strip() == END:
                    self.ended = True
                    return complete, len(text)

    def _take(self, line: bytes) -> Frame | None:
        """Read one whole line; an empty one completes the event."""
        if self._start:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._start = False
        if line:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                self._data.append(value)
            elif field == b"event":
                self._name = value.decode("utf-8", "replace")
            return None
        name, data = self._name, b"\n".join(self._data)
        self._name, self._size = "", 0
        self._data.clear()
        return (name, data) if data else None
