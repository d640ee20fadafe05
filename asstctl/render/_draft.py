"""A Markdown text that is still growing: which of its rows are final, and which may change.

Text that is appended can change only the last top-level block. Every block before it is drawn
once, for good; so are the finished items of a list and the finished lines of a code fence. What
is final is judged by whole lines only, since half a line may yet become anything.
"""

import re
from dataclasses import dataclass, field

from rich.console import Console
from rich.segment import Segment

from asstctl.render._document import Block, Row, blocks, code_rows, items, rows, solid

LONG = 4096
"""Characters of an unfinished block beyond which it is drawn only after it grew by a quarter."""

CONTEXT_LINES = 40
"""Lines of code that tell the highlighter where it is; a longer string may change its colour."""

Given = tuple[int, int]
"""How much is final already: characters by weight, and blank rows after the last of them."""

NOTHING: Given = (0, 0)

_WEIGHTLESS = str.maketrans("", "", " \t\n*_~`[]()<>\\!#|:-+=▌•─")
"""Characters that inline markup removes or adds when it closes: not counted as shown."""


@dataclass(slots=True)
class Fence:
    """An open code fence at the top level."""

    language: str
    closing: re.Pattern[str]
    indent: int
    before: list[str] = field(default_factory=list)
    blanks: int = 0
    drawn: bool = False


class Draft:
    """Turns text into rows: final ones once, and those of the unfinished end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._source = ""  # the part that is not final
        self._return = False  # a carriage return came last
        self._settled = 0  # characters of it in whole lines that were looked at
        self._looked = 0  # its length at the last look
        self._fence: Fence | None = None
        self._begun = False  # a block was drawn: the next one stands below a blank row
        self._inside = False  # the source begins with a further item of a list
        self._given = NOTHING  # how much of the source is final already
        self.table = False  # the unfinished block is a table: all its rows may move

    def feed(self, text: str) -> None:
        """Add text at the end; a line ends with a newline, a carriage return, or both."""
        if self._return:
            text, self._return = "\r" + text, False
        if "\r" in text:
            self._return = text.endswith("\r")  # perhaps the first half of an end
            text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        self._source += text

    def due(self) -> bool:
        """Return whether enough has come since the last look: all work stays linear."""
        size = len(self._source)
        return size <= LONG or size >= self._looked * 1.25

    def given_out(self, drawn: list[Row]) -> None:
        """Note that rows of the unfinished end were made final."""
        characters, blanks = self._given
        for row in drawn:
            added = weight(row)
            characters, blanks = characters + added, 0 if added else blanks + 1
        self._given = characters, blanks

    def look(self, *, end: bool = False) -> tuple[list[Row], list[Row]]:
        """Return the rows that became final since the last look, and those that may change."""
        done: list[Row] = []
        if end and self._return:
            self.feed("\n")
        if end and self._source and not self._source.endswith("\n"):
            self._source += "\n"
        if end or "\n" in self._source[self._settled :]:
            self._settle(done, end=end)
        self._looked = len(self._source)
        return done, ([] if end else self._tail())

    def _settle(self, done: list[Row], *, end: bool) -> None:
        """Draw what is final, and keep the rest of the source."""
        while True:
            if self._fence and not self._code(done, self._fence, end=end):
                break
            whole = self._source[: self._source.rfind("\n") + 1]
            found = blocks(whole)
            if not found:
                break
            lines = whole.split("\n")
            last = found[-1]
            opened = last.kind == "fence" and not end and opening(last, lines)
            for block in found if end else found[:-1]:
                self._draw(done, block)
            if end:
                self._source = ""
            elif isinstance(opened, Fence):
                self._fence = opened
                self._cut(lines, last.first + 1)
                continue
            elif last.kind.endswith("list_open"):
                *finished, unfinished = items(last)
                for item in finished:
                    self._draw(done, item)
                    self._inside = True
                self._cut(lines, unfinished.first)
            else:
                self._cut(lines, last.first)
            break
        self._settled = self._source.rfind("\n") + 1

    def _cut(self, lines: list[str], first: int) -> None:
        """Drop the source's lines before the one numbered `first`."""
        self._source = self._source[sum(len(line) + 1 for line in lines[:first]) :]

    def _draw(self, done: list[Row], block: Block) -> None:
        self._put(done, rows(self._console, block), joined=self._inside)
        self._inside = False

    def _put(self, done: list[Row], drawn: list[Row], *, joined: bool) -> None:
        """Add a block's rows, below a blank row, less those that are final already."""
        if drawn:
            fresh, self._given = after(self._gap(joined=joined) + drawn, self._given)
            done += fresh
            self._begun = True

    def _gap(self, *, joined: bool) -> list[Row]:
        return [[]] if self._begun and not joined else []

    def _code(self, done: list[Row], fence: Fence, *, end: bool) -> bool:
        """Draw the finished lines of the fence; return whether the fence is closed."""
        *lines, rest = self._source.split("\n")
        closed = next((n for n, line in enumerate(lines) if fence.closing.match(line)), None)
        new: list[str] = []
        for line in lines[:closed]:
            text = line[min(fence.indent, len(line) - len(line.lstrip(" "))) :]
            if text.strip():
                new += [""] * (fence.blanks if fence.drawn or new else 0) + [text]
                fence.blanks = 0
            else:
                fence.blanks += 1
        if new:
            self._put(done, self._code_rows(fence, new), joined=fence.drawn)
            fence.drawn = True
            fence.before = [*fence.before, *new][-CONTEXT_LINES:]
        if closed is not None or end:
            self._source = "\n".join([*lines[len(lines) if closed is None else closed + 1 :], rest])
            self._fence = None
            return True
        self._source = rest
        return False

    def _code_rows(self, fence: Fence, lines: list[str]) -> list[Row]:
        options = self._console.options
        return list(code_rows(self._console, options, fence.language, fence.before, lines))

    def _tail(self) -> list[Row]:
        """Draw the unfinished end."""
        self.table = False
        if self._fence:
            return self._code_tail(self._fence)
        drawn: list[Row] = []
        for block in blocks(self._source):
            if new := rows(self._console, block):
                drawn += ([[]] if drawn else self._gap(joined=self._inside)) + new
            self.table = self.table or block.kind == "table_open"
        return after(drawn, self._given)[0]

    def _code_tail(self, fence: Fence) -> list[Row]:
        """Draw the unfinished line of a fence, unless it may become the closing one."""
        if not self._source.strip(" `~"):
            return []
        above: list[Row] = [[]] * fence.blanks if fence.drawn else self._gap(joined=False)
        line = self._code_rows(Fence("", fence.closing, 0), [self._source])
        return after(above + line, self._given)[0]


def opening(block: Block, lines: list[str]) -> Fence | None:
    """Return the fence that a block opens, None where it is closed already."""
    token = block.tokens[0]
    mark = re.escape(token.markup[0])
    closing = re.compile(rf" {{0,3}}{mark}{{{len(token.markup)},}}[ \t]*$")
    if block.end - 1 > block.first and closing.match(lines[block.end - 1]):
        return None
    first = lines[block.first]
    return Fence(token.info.strip().partition(" ")[0], closing, len(first) - len(first.lstrip(" ")))


def weight(row: Row) -> int:
    """Count a row's characters, less those that markup may take away."""
    return len(solid(row).translate(_WEIGHTLESS))


def after(drawn: list[Row], given: Given) -> tuple[list[Row], Given]:
    """Return the rows that follow those that are final, and the part of `given` not in them."""
    characters, blanks = given
    for number, row in enumerate(drawn):
        size = weight(row)
        if size > characters:
            return [cut(row, characters), *drawn[number + 1 :]], NOTHING
        if not size and not characters:
            if not blanks:
                return drawn[number:], NOTHING
            blanks -= 1
        characters -= size
    return [], (characters, blanks)


def cut(row: Row, given: int) -> Row:
    """Return a row without its first characters that weigh `given`."""
    if not given:
        return row
    text = solid(row)
    start = 0
    while given:
        given -= len(text[start].translate(_WEIGHTLESS))
        start += 1
    kept: Row = []
    for segment in row:
        kept.append(Segment(segment.text[start:], segment.style))
        start = max(0, start - len(segment.text))
    return kept
