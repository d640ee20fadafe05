"""Lists and facts: a table for eyes, lines for programs."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import repeat
from typing import Any, TextIO

from asstctl.model import Thread, instant, thread_json
from asstctl.render.terminal import one_line, said
from asstctl.render.transcript import SCHEMA

MINUTE, HOUR, DAY = 60, 3600, 86400

ROOM = 30
"""Columns beside the id without which a table shows the id alone."""


def facts(thread: Thread) -> dict[str, Any]:
    """Return a thread as the JSON object that `threads list` and `show` promise."""
    return {
        **thread_json(thread),
        "profile": thread.profile,
        "last_used_at": instant(thread.said_at) if thread.said_at else None,
    }


def rows(threads: Sequence[Thread], standings: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return threads as JSON objects; each `standing` to the index where it is given."""
    found = [facts(thread) for thread in threads]
    for row, standing in zip(found, standings or (), strict=False):
        row["standing"] = standing
    return found


def as_tsv(threads: Sequence[Thread], out: TextIO, standings: Sequence[str] | None = None) -> None:
    """Write a line a thread: id, name, title, profile, last used, standing; no header."""
    for thread, standing in zip(threads, standings or repeat(None), strict=False):
        used = instant(int(thread.said_at or thread.created_at))
        cells = [thread.id, thread.name or "", thread.title, thread.profile, used]
        lines([[*cells, standing] if standing else cells], out)


def lines(rows: Sequence[Sequence[str]], out: TextIO) -> None:
    """Write a line a row, its cells between tabs."""
    out.writelines("\t".join(one_line(cell) for cell in row) + "\n" for row in rows)


def as_table(
    threads: Sequence[Thread],
    out: TextIO,
    environment: Mapping[str, str],
    now: float,
    standings: Sequence[str] | None = None,
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
    draw(headings, rows, out, environment)


def draw(
    headings: list[str], rows: list[list[str]], out: TextIO, environment: Mapping[str, str]
) -> None:
    """Draw a table; where there is little room the second column gives way, never the first."""
    from rich.table import Table  # only a terminal pays for it
    from rich.text import Text

    from asstctl.render._document import console_on

    console = console_on(out, environment)
    widest = max((len(row[0]) for row in rows), default=0)
    roomy = console.width >= widest + ROOM
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    first, *others = headings
    table.add_column(first, no_wrap=roomy, overflow="fold", min_width=widest if roomy else None)
    for number, heading in enumerate(others if roomy else ()):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=None if number else 1)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row[: len(table.columns)]))
    with console.capture() as captured:
        console.print(table)
    out.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())


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
        told.append(one_line(text[last:start]))
        told.append(one_line(text[start:end]), style="bold")
        last = end
    console = console_on(out, environment)
    with console.capture() as captured:
        console.print(Text(one_line(head), style="dim"), told, "", sep="\n", soft_wrap=True)
    out.write(captured.get())


def ago(seconds: float) -> str:
    """Return how long ago something was, in words."""
    for unit, size in (("day", DAY), ("hour", HOUR), ("min", MINUTE)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 and unit != 'min' else ''} ago"
    return "just now"


def pairs(found: Mapping[str, Any], out: TextIO) -> None:
    """Write facts as aligned lines, unset ones left out."""
    shown = {key: value for key, value in found.items() if value not in (None, "", {})}
    width = max(map(len, shown), default=0)
    for key, value in shown.items():
        text = json.dumps(value) if isinstance(value, dict | list) else str(value)
        line = f"{key:<{width}}  {text}"
        out.write(f"{one_line(line) if out.isatty() else line}\n")


def note(text: str, err: TextIO) -> None:
    """Write a fact beside the data, as one harmless line."""
    with suppress(OSError):  # nobody hears it: the data is what counts
        err.write(f"asstctl: {said(text)}\n")


def document(found: Mapping[str, Any], out: TextIO) -> None:
    """Write facts as one JSON object."""
    facts = {"schema": SCHEMA, **{key: value for key, value in found.items() if key != "schema"}}
    out.write(json.dumps(facts, indent=2, ensure_ascii=out.isatty()) + "\n")
