"""Markdown drawn while it is written looks like Markdown drawn at once."""

import io
import random
import re

import pytest
from rich.console import Console

from asstctl.render import markdown
from asstctl.render._document import ansi, blocks, rows
from tests.terminal import Terminal

WORDS = "alpha beta **gamma** `delta` *eps* zeta [link](http://x.y) 汉字 emoji🙂 naïve <b>word</b> &amp; ~~old~~".split()


class Screen(io.StringIO):
    """A terminal's file, whose size can be changed."""

    def isatty(self):
        return True

    def fileno(self):
        raise OSError


def words(r, most):
    return " ".join(r.choice(WORDS) for _ in range(r.randint(1, most)))


def document(r):
    kinds = [
        lambda: "#" * r.randint(1, 4) + " " + words(r, 4),
        lambda: words(r, 120),
        lambda: "\n".join("- " + words(r, 30) for _ in range(r.randint(1, 60))),
        lambda: "\n".join(f"{i}. {words(r, 20)}" for i in range(1, r.randint(2, 30))),
        lambda: (
            "```python\n"
            + "\n".join("x = %d" % i if i % 5 else "" for i in range(r.randint(0, 70)))
            + "\n```"
        ),
        lambda: (
            "~~~\n"
            + "\n".join("\t" * (i % 3) + words(r, 5) for i in range(r.randint(1, 9)))
            + "\n~~~"
        ),
        lambda: (
            "| a | b |\n|---|--:|\n"
            + "\n".join(f"| {i} | {words(r, 3)} |" for i in range(r.randint(1, 40)))
        ),
        lambda: "\n".join("> " + words(r, 12) for _ in range(r.randint(1, 5))),
        lambda: "---",
        lambda: words(r, 900),
        lambda: "Title here\n==========",
        lambda: (
            f"- one\n  - two {words(r, 5)}\n    - three\n- four\n\n  more of four {words(r, 9)}\n\n  ```\n  code\n  ```"
        ),
        lambda: "    indented code\n\n    more of it",
        lambda: "1. one\n\n2. two\n\n   - nested\n\n7. seven",
        lambda: "* star\n\n- dash\n\n+ plus",
    ]
    parts = [r.choice(kinds)() for _ in range(r.randint(2, 7))]
    return r.choice(["\n\n", "\n\n", "\n"]).join(parts) + r.choice(["\n", ""])


def at_once(text, columns):
    console = Console(
        file=io.StringIO(), force_terminal=True, width=columns, color_system="truecolor"
    )
    lines = []
    for block in blocks(text):
        if drawn := ansi(console, rows(console, block)):
            lines += ([""] if lines else []) + drawn
    return "\n".join(lines) + "\n"


def streamed(text, columns, rows_, r, monkeypatch, after_piece=lambda screen, out: None):
    out = Screen()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(markdown, "terminal_height", lambda _: rows_)
    screen = markdown.Screen(
        out, {"TERM": "xterm-256color", "COLUMNS": str(columns), "COLORTERM": "truecolor"}
    )
    start = 0
    while start < len(text):
        size = r.choice((1, 3, 8, 40, 400))
        screen.feed(text[start : start + size])
        start += size
        after_piece(screen, out)
    screen.end()
    return out.getvalue()


def shown(data, columns, rows_):
    terminal = Terminal(columns, rows_)
    terminal.feed(data.replace("\n", "\r\n").encode())
    return terminal.lines()


@pytest.mark.parametrize("columns", [60, 100, 160])
@pytest.mark.parametrize("seed", range(12))
def test_a_streamed_document_stands_on_the_terminal_as_if_printed_whole(seed, columns, monkeypatch):
    r = random.Random(f"{seed} {columns}")
    text = document(r)
    got = shown(streamed(text, columns, 30, r, monkeypatch), columns, 30)
    want = shown(at_once(text, columns), columns, 30)
    assert got == want
