"""Lists and facts: a table for eyes, lines for programs."""

import json
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

from asstctl.model import Thread, count, instant, thread_json
from asstctl.render.terminal import harmless, one_line, said
from asstctl.render.transcript import SCHEMA

BLANKS = re.compile(r"\s+")

SECOND = re.compile(r"^(\d{4}-\d\d-\d\dT[\d:]{8})\.\d+Z$")
"""A time that is finer than a second."""

MINUTE, HOUR, DAY = 60, 3600, 86400

GAP = 2
"""Columns between two of a table."""

NARROWEST = 12
"""Columns of a cell that gives way, below which it stands under the first one."""


def facts(thread: Thread) -> dict[str, Any]:
    """Return a thread as the JSON object that `threads list` and `show` promise."""
    return {
        **thread_json(thread),
        "profile": thread.profile,
        "last_used_at": instant(thread.said_at) if thread.said_at else None,
    }


Size = tuple[int, int]
"""How many messages of a thread are kept, and how many bytes they take."""


def rows(
    threads: Sequence[Thread],
    standings: Sequence[str] | None = None,
    kept: Sequence[Size] | None = None,
) -> list[dict[str, Any]]:
    """Return threads as JSON objects; each `standing` to the index where it is given."""
    found = [facts(thread) for thread in threads]
    for row, (messages, size) in zip(found, kept or (), strict=False):
        row["kept"] = {"messages": messages, "bytes": size}
    for row, standing in zip(found, standings or (), strict=False):
        row["standing"] = standing
    return found


def as_tsv(
    threads: Sequence[Thread],
    out: TextIO,
    standings: Sequence[str] | None = None,
    kept: Sequence[Size] | None = None,
) -> None:
    """Write a line a thread: id, name, title, profile, last used, standing, size; no header."""
    for number, thread in enumerate(threads):
        used = instant(int(thread.said_at or thread.created_at))
        cells = [thread.id, thread.name or "", thread.title, thread.profile, used]
        cells += [standings[number]] if standings else []
        cells += [str(part) for part in kept[number]] if kept else []
        lines([cells], out)


def lines(rows: Sequence[Sequence[str]], out: TextIO) -> None:
    """Write a line a row, its cells between tabs."""
    out.writelines("\t".join(one_line(cell) for cell in row) + "\n" for row in rows)


def as_table(
    threads: Sequence[Thread],
    out: TextIO,
    environment: Mapping[str, str],
    now: float,
    standings: Sequence[str] | None = None,
    kept: Sequence[Size] | None = None,
) -> None:
    """Draw the threads; where there is little room the title gives way, never the id."""
    headings = ["ID", "TITLE", "PROFILE", "LAST"]
    rows = []
    for thread in threads:
        title = f"{thread.name}: {thread.title}" if thread.name else thread.title
        used = ago(now - (thread.said_at or thread.created_at))
        rows.append([thread.id, title, thread.profile, used])
    if standings:
        headings.append("INDEX")
        for row, standing in zip(rows, standings, strict=True):
            row.append(standing)
    if kept:
        headings.append("KEPT")
        for row, (messages, size) in zip(rows, kept, strict=True):
            row.append(f"{count(messages, 'message')}, {sized(size)}")
    draw(headings, rows, out, environment)


def sized(size: int) -> str:
    """Return bytes in words."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} bytes"


def draw(
    headings: list[str], rows: list[list[str]], out: TextIO, environment: Mapping[str, str]
) -> None:
    """Draw a table; where there is little room the second column gives way, and no other."""
    from rich.cells import cell_len, set_cell_size  # only a terminal pays for it

    from asstctl.render._document import console_on

    console = console_on(out, environment)
    cells = [headings, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    room = console.width - sum(widths) + widths[1] - GAP * (len(widths) - 1)
    if room < min(widths[1], NARROWEST):
        stacked(cells[1:], out, console.width)
        return
    widths[1] = min(widths[1], room)
    for number, row in enumerate(cells):
        fit = [fitted(cell, width) for cell, width in zip(row, widths, strict=True)]
        line = (" " * GAP).join(map(set_cell_size, fit, widths)).rstrip()
        bold = not number and console.is_terminal and not console.no_color
        out.write(f"\x1b[1m{line}\x1b[0m\n" if bold else f"{line}\n")


def stacked(rows: list[list[str]], out: TextIO, width: int) -> None:
    """Write the first cell of each row, and the others under it, cut to some columns."""
    for first, *others in rows:
        out.write(f"{first}\n")
        title, *rest = others or [""]
        for told in (title, (" " * GAP).join(filter(None, rest))):
            if told:
                out.write(f"  {fitted(told, max(width - GAP, 1))}\n")


def explained(rows: Sequence[tuple[str, str]], out: TextIO) -> None:
    """Write words with what they mean, which is wrapped where the terminal ends."""
    left = max(len(word) for word, _ in rows) + 2 * GAP
    width = max(shutil.get_terminal_size().columns, left + NARROWEST)
    for word, about in rows:
        first, *more = textwrap.wrap(about, width - left) or [""]
        out.write(f"  {word:<{left - GAP}}{first}\n")
        out.writelines(f"{'':<{left}}{line}\n" for line in more)


def fitted(text: str, columns: int) -> str:
    """Return a text that takes at most some columns, … at its end where it is cut."""
    from rich.cells import cell_len, set_cell_size  # only a terminal pays for it

    return text if cell_len(text) <= columns else set_cell_size(text, columns - 1) + "…"


def marked(
    head: str,
    text: str,
    marks: Sequence[tuple[int, int]],
    out: TextIO,
    environment: Mapping[str, str],
) -> None:
    """Write a dim line, and under it a text with pieces of it in bold."""
    from rich.text import Text

    from asstctl.render._document import console_on

    told = Text()
    last = 0
    for start, end in (*marks, (len(text), len(text))):
        told.append(BLANKS.sub(" ", harmless(text[last:start])))
        told.append(BLANKS.sub(" ", harmless(text[start:end])), style="bold")
        last = end
    console = console_on(out, environment)
    with console.capture() as captured:
        console.print(Text(head, style="dim"), told, "", sep="\n", soft_wrap=True)
    out.write(captured.get())


def ago(seconds: float) -> str:
    """Return how long ago something was, in words."""
    for unit, size in (("day", DAY), ("hour", HOUR), ("min", MINUTE)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number > 1 and unit != 'min' else ''} ago"
    return "just now"


def pairs(found: Mapping[str, Any], out: TextIO) -> None:
    """Write facts as aligned lines, unset ones left out."""
    shown = {key: value for key, value in found.items() if value not in (None, "", {})}
    width = max(map(len, shown), default=0)
    for key, value in shown.items():
        text = plainly(value)
        out.write(f"{key:<{width}}  {one_line(text) if out.isatty() else text}\n")


def plainly(value: Any) -> str:
    """Return a fact as people read it: pairs as words, times to the second."""
    if isinstance(value, dict) and not any(isinstance(v, dict | list) for v in value.values()):
        return ", ".join(f"{key} {plainly(inner)}" for key, inner in value.items())
    if isinstance(value, dict | list | bool):
        return json.dumps(value)
    return SECOND.sub(r"\1Z", value) if isinstance(value, str) else str(value)


def note(text: str, err: TextIO) -> None:
    """Write a fact beside the data, as one harmless line."""
    with suppress(OSError):  # nobody hears it: the data is what counts
        err.write(f"asstctl: {said(text)}\n")


def document(found: Mapping[str, Any], out: TextIO) -> None:
    """Write facts as one JSON object."""
    facts = {"schema": SCHEMA, **{key: value for key, value in found.items() if key != "schema"}}
    out.write(json.dumps(facts, indent=2, ensure_ascii=out.isatty()) + "\n")
