"""Rows of an SQLite file, read from its pages one by one, without its schema and its trees.

For a file that is damaged: every leaf says its rows by itself. The format is described at
https://sqlite.org/fileformat2.html, sections 1.6, 2.1 and 2.3.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from typing import Any

from asstctl._record import record

TABLE_LEAF, INDEX_LEAF, INDEX_INNER = 0x0D, 0x0A, 0x02
"""Kinds of pages that hold rows: those of tables with numbers, and of tables without."""

USUAL_PAGE = 4096
FIRST = 100
"""Bytes of the file's head, which stands before the first page's own."""


@record
class Row:
    """One row: its number, None in a table without numbers, and its values in order."""

    number: int | None
    values: list[Any]


def rows(path: str) -> Iterator[Row]:
    """Yield every row that can be decoded, of whichever table or index. Raises OSError."""
    with Path(path).open("rb") as file:
        if file.seek(0, 2) == 0:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            pages = _Pages(data, *_sizes(data))
            for number in range(1, len(data) // pages.size + 1):
                yield from pages.rows(number)


def _sizes(data: mmap.mmap) -> tuple[int, int]:
    """Return the size of a page, and how much of it is used."""
    size = int.from_bytes(data[16:18], "big")
    size = 65536 if size == 1 else size
    whole = data[:16] == b"SQLite format 3\0" and size >= 512 and size & (size - 1) == 0  # noqa: PLR2004
    return (size, size - data[20]) if whole else (USUAL_PAGE, USUAL_PAGE)


@dataclass(slots=True)
class _Pages:
    data: mmap.mmap
    size: int
    used: int

    def rows(self, number: int) -> Iterator[Row]:
        start = (number - 1) * self.size
        head = start + (FIRST if number == 1 else 0)
        kind = self.data[head]
        if kind not in (TABLE_LEAF, INDEX_LEAF, INDEX_INNER):
            return
        count = int.from_bytes(self.data[head + 3 : head + 5], "big")
        cells = head + (12 if kind == INDEX_INNER else 8)
        for place in range(cells, min(cells + 2 * count, start + self.size - 1), 2):
            cell = start + int.from_bytes(self.data[place : place + 2], "big")
            try:
                yield self._row(kind, cell)
            except (ArithmeticError, LookupError, ValueError):
                continue  # damaged: the next one may be whole

    def _row(self, kind: int, at: int) -> Row:
        """Read a cell; raises ValueError and its like for one that is none."""
        at += 4 if kind == INDEX_INNER else 0
        length, at = self._varint(at)
        number = None
        if kind == TABLE_LEAF:
            number, at = self._varint(at)
        return Row(number, values(self._payload(kind, length, at)))

    def _payload(self, kind: int, length: int, at: int) -> bytes:
        if not 0 < length <= len(self.data):
            raise ValueError(length)
        most = self.used - 35 if kind == TABLE_LEAF else (self.used - 12) * 64 // 255 - 23
        if length <= most:
            return self.data[at : at + length]
        least = (self.used - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.used - 4)
        here = here if here <= most else least
        pieces = [self.data[at : at + here]]
        left, following = length - here, int.from_bytes(self.data[at + here : at + here + 4], "big")
        while left > 0:
            start = (following - 1) * self.size
            if not 0 < following <= len(self.data) // self.size:
                raise ValueError(following)
            pieces.append(self.data[start + 4 : start + 4 + min(left, self.used - 4)])
            left -= self.used - 4
            following = int.from_bytes(self.data[start : start + 4], "big")
        return b"".join(pieces)

    def _varint(self, at: int) -> tuple[int, int]:
        return varint(self.data[at : at + 9], 0, at)


def varint(data: bytes, at: int, offset: int = 0) -> tuple[int, int]:
    """Return the number at a place, and the place after it, counted from `offset`."""
    value = 0
    for length in range(1, 9):
        byte = data[at + length - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the last one of a number
            return value, offset + at + length
    value = value << 8 | data[at + 8]
    return value - (1 << 64 if value >> 63 else 0), offset + at + 9


INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial types of integers, and their bytes."""


def values(payload: bytes) -> list[Any]:
    """Return the values of a record; raises ValueError and its like for what is none."""
    end, at = varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = varint(payload, at)
        kinds.append(kind)
    found: list[Any] = []
    for kind in kinds:
        value, at = _value(kind, payload, at)
        found.append(value)
    if at != len(payload):
        raise ValueError(at)
    return found


def _value(kind: int, payload: bytes, at: int) -> tuple[Any, int]:
    if kind in INTEGERS:
        size = INTEGERS[kind]
        return int.from_bytes(payload[at : at + size], "big", signed=True), at + size
    if kind == 7:  # noqa: PLR2004 - a real number
        return unpack(">d", payload[at : at + 8])[0], at + 8
    if kind >= 12:  # noqa: PLR2004 - bytes, or a text
        size = (kind - 12) // 2
        piece = payload[at : at + size]
        if len(piece) < size:
            raise ValueError(size)
        return piece.decode("utf-8", "replace") if kind % 2 else piece, at + size
    return {0: None, 8: 0, 9: 1}[kind], at
