"""Markdown as it is drawn on a terminal, block by block.

Rich draws it, with three changes so that a block's rows never depend on what follows it: a list
item is as wide as its own number, code is laid out line by line, and source that Markdown would
hide (HTML, images, entities, link definitions) stays visible as it was written.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar, TextIO

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, ListElement, ListItem, Markdown, MarkdownElement, TableElement
from rich.segment import Segment, Segments
from rich.style import Style
from rich.syntax import Syntax
from rich.table import Table

from asstctl._record import record

CODE_THEME = "ansi_dark"
"""The terminal's own sixteen colours, so that code is readable on any background."""

NARROWEST_CELL = 6
"""Columns: a table with less room for each cell is shown as it was written."""

Row = list[Segment]

PARSER = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": 100})
    .enable(["table", "strikethrough"])
    .disable(["image", "entity", "reference", "html_block", "html_inline"])
)


class Item(ListItem):
    """A list item that remembers its number as it was written."""

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number = number

    @classmethod
    def create(cls, markdown: Markdown, token: Token) -> "Item":  # noqa: ARG003 - Rich's signature
        """Make the item that a token opens; markdown-it keeps the number in `info`."""
        return cls(token.info)


class NumberedList(ListElement):
    """A list whose items are drawn one by one, under the numbers that they were given."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw each item with a margin of its own."""
        style = console.get_style("markdown.item.number", default="none")
        for item in self.items:
            margin = f" {item.number}. " if isinstance(item, Item) else " "
            width = max(1, options.max_width - len(margin))
            for row, line in enumerate(
                console.render_lines(item.elements, options.update(width=width))
            ):
                yield Segment(" " * len(margin) if row else margin, style)
                yield from line
                yield Segment("\n")


class FoldedTable(TableElement):
    """A table whose cells are folded where they don't fit, so that none loses a word."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table."""
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class Code(CodeBlock):
    """A code block, drawn line by line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the lines of the code, blank ones at the end left out."""
        lines = str(self.text).rstrip().split("\n")
        for row in code_rows(console, options, self.lexer_name, [], lines):
            yield from row
            yield Segment("\n")


class Document(Markdown):
    """A piece of Markdown as we draw it."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "ordered_list_open": NumberedList,
        "table_open": FoldedTable,
        "list_item_open": Item,
        "fence": Code,
        "code_block": Code,
    }

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__("", hyperlinks=False, code_theme=CODE_THEME)
        self.parsed = tokens


@record
class Block:
    """A top-level block: its kind, its tokens, and where it stands in the source's `lines`."""

    kind: str
    tokens: list[Token]
    lines: list[str]
    first: int
    end: int


def blocks(source: str) -> list[Block]:
    """Parse Markdown into its top-level blocks, in order."""
    found: list[Block] = []
    tokens: list[Token] = []
    lines = source.split("\n")
    for token in PARSER.parse(source):
        for inner in token.children or ():
            if inner.type == "softbreak":  # a line of a poem, say: models wrap no lines
                inner.type = "hardbreak"
        tokens.append(token)
        if token.level == 0 and token.nesting <= 0:
            first, end = tokens[0].map or (0, 0)
            found.append(Block(tokens[0].type, tokens, lines, first, end))
            tokens = []
    return found


def items(block: Block) -> list[Block]:
    """Take a list apart into lists of one item."""
    opening, *inner, closing = block.tokens
    found: list[Block] = []
    tokens: list[Token] = []
    for token in inner:
        tokens.append(token)
        if token.level == 1 and token.nesting < 0:
            first, end = tokens[0].map or (0, 0)
            inside = [opening, *tokens, closing]
            found.append(Block(block.kind, inside, block.lines, first, end))
            tokens = []
    return found


def rows(console: Console, block: Block) -> list[Row]:
    """Draw a block, blank rows around it left out."""
    drawn: list[Row] = []
    if fits(console, block):
        drawn = console.render_lines(Document(block.tokens), pad=False)
    while drawn and not solid(drawn[-1]).strip():
        drawn.pop()
    while drawn and not solid(drawn[0]).strip():
        drawn.pop(0)
    if not drawn and block.kind != "fence":  # nested too deep, or a mark without words
        return [[Segment(line)] for line in block.lines[block.first : block.end]]
    return drawn


def fits(console: Console, block: Block) -> bool:
    """Return whether a block can be drawn without losing a word.

    A table needs some room for each cell, and no row may have more cells than there are columns.
    """
    if block.kind != "table_open":
        return True
    columns = sum(token.type == "th_open" for token in block.tokens)
    cells = max(
        line.count("|") - line.count("\\|") for line in block.lines[block.first : block.end]
    )
    return columns * NARROWEST_CELL <= console.width and cells <= columns + 1


def code_rows(
    console: Console, options: ConsoleOptions, language: str, before: list[str], lines: list[str]
) -> Iterable[Row]:
    """Draw lines of code, from the first column on, so that a selection of them is that code.

    Those `before` them tell the highlighter where it is.
    """
    syntax = Syntax("", language or "text", theme=CODE_THEME, background_color="default")
    source = [line.expandtabs(4) for line in (*before, *lines)]
    highlighted = syntax.highlight("\n".join(source)).split("\n", allow_blank=True)
    folded = options.update(overflow="fold")
    for line in highlighted[len(before) : len(source)]:
        line.rstrip()
        yield from console.render_lines(line, folded, pad=False)


def ansi(console: Console, drawn: Iterable[Row]) -> list[str]:
    """Turn rows into text with colours, blanks at their ends left out."""
    segments = [segment for row in drawn for segment in (*trimmed(row), Segment("\n"))]
    with console.capture() as captured:
        console.print(Segments(segments), end="", soft_wrap=True)
    return [line.rstrip(" ") for line in captured.get().split("\n")[:-1]]


def trimmed(row: Row) -> Row:
    """Return a row in as few segments as possible, without unseen blanks at its end."""
    plain = (
        segment if segment.text.strip(" ") or seen(segment.style) else Segment(segment.text)
        for segment in row
    )
    found = list(Segment.simplify(plain))
    if found and not found[-1].text.strip(" ") and not seen(found[-1].style):
        found.pop()
    return found


def seen(style: Style | None) -> bool:
    """Return whether a blank in this style can be seen."""
    ground = style.bgcolor if style else None
    lined = style and (style.underline or style.reverse or style.strike or style.overline)
    return bool(lined) or bool(ground and not ground.is_default)


def solid(row: Row) -> str:
    """Return the text of a row."""
    return "".join(segment.text for segment in row if not segment.control)


def console_on(out: TextIO, environment: Mapping[str, str]) -> Console:
    """Return a console that draws for `out`; colours as NO_COLOR and FORCE_COLOR say."""
    return Console(
        file=out,
        highlight=False,
        markup=False,
        emoji=False,
        _environ=environment,
    )


def drawn(console: Console, source: str) -> str:
    """Return a whole Markdown text as it is drawn, a blank row between blocks."""
    lines: list[str] = []
    for block in blocks(source):
        if found := ansi(console, rows(console, block)):
            lines += ([""] if lines else []) + found
    return "".join(f"{line}\n" for line in lines)
