"""Markdown drawn while it is written looks like Markdown drawn at once."""

import io
import random
import re

import pytest
from rich.console import Console, ConsoleDimensions

from asstctl.render import _screen
from asstctl.render._document import ansi, blocks, rows
from tests.terminal import Screen as PtyScreen
from tests.terminal import Terminal

WORDS = [
    "alpha",
    "beta",
    "**gamma**",
    "`delta`",
    "*eps*",
    "zeta",
    "[link](http://x.y)",
    "汉字",
    "emoji🙂",
    "naïve",
    "<b>word</b>",
    "&amp;",
    "~~old~~",
]


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
        lambda: "\n".join("- " + words(r, 30) for _ in range(r.randint(1, 40))),
        lambda: "\n".join(f"{i}. {words(r, 20)}" for i in range(1, r.randint(2, 30))),
        lambda: (
            "```python\n"
            + "\n".join(f"x = {i}" if i % 5 else "" for i in range(r.randint(0, 70)))
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
        lambda: words(r, 500),
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
    monkeypatch.setattr(_screen, "terminal_height", lambda _: rows_)
    environment = {"TERM": "xterm-256color", "COLUMNS": str(columns), "COLORTERM": "truecolor"}
    screen = _screen.Screen(out, environment, clock=lambda: 0.0)  # so that it draws every time
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
@pytest.mark.parametrize("seed", range(5))
def test_a_streamed_document_stands_on_the_terminal_as_if_printed_whole(seed, columns, monkeypatch):
    r = random.Random(f"{seed} {columns}")
    text = document(r)
    got = shown(streamed(text, columns, 30, r, monkeypatch), columns, 30)
    want = shown(at_once(text, columns), columns, 30)
    assert got == want


@pytest.mark.parametrize("seed", range(4))
def test_a_window_resized_while_streaming_loses_and_doubles_no_word(seed, monkeypatch):
    r = random.Random(seed)
    paragraphs = [
        "\n".join(f"{p}.{s:02} word{p}x{s:02} **bold{p}x{s:02}** 汉字{p}x{s:02}" for s in range(40))
        for p in range(6)
    ]
    text = "\n\n".join(paragraphs) + "\n\n" + "\n".join(f"- item{n} of the list" for n in range(40))
    terminal = Terminal(100, 30)
    size = [100, 30]
    seen = [0]

    def sometimes_resize(screen, out):
        terminal.feed(out.getvalue()[seen[0] :].replace("\n", "\r\n").encode())
        seen[0] = len(out.getvalue())
        if r.random() < 0.05:
            size[:] = r.choice([60, 80, 100, 140]), r.choice([12, 30, 50])
            terminal.reflow(*size)

    monkeypatch.setattr(_screen.Screen, "_measure", lambda self: (size[0], size[1]))
    monkeypatch.setattr(Console, "size", property(lambda self: ConsoleDimensions(*size)))
    out = streamed(text, 100, 30, r, monkeypatch, sometimes_resize)
    terminal.feed(out[seen[0] :].replace("\n", "\r\n").encode())
    shown_text = "".join(terminal.text().split())
    for p in range(6):
        for s in range(40):
            assert shown_text.count(f"{p}.{s:02}word{p}x{s:02}") == 1, terminal.text()
            assert shown_text.count(f"bold{p}x{s:02}") == 1
            assert shown_text.count(f"汉字{p}x{s:02}") == 1
    for n in range(40):
        assert terminal.text().count(f"item{n} of") == 1


def test_a_table_longer_than_the_screen_is_drawn_whole_once(monkeypatch):
    text = (
        "| a | b |\n|---|---|\n"
        + "".join(f"| row{n} | {'x' * (n % 30)} |\n" for n in range(100))
        + "\nend\n"
    )
    got = shown(streamed(text, 80, 20, random.Random(1), monkeypatch), 80, 20)
    assert got == shown(at_once(text, 80), 80, 20)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "word",
        "`" * 500,
        "```",
        "```\n```\n",
        "> " * 200 + "x",
        "*" * 300,
        "[" * 300 + "](x)",
        "- " * 100,
        "\t\n\t",
        "|" * 50 + "\n" + "|-" * 50,
        "1. a\n1. b\n7. c",
        "a\n=",
        "a\n-\nb",
        "<details>\n<summary>x</summary>\n</details>",
        "[x]: http://y\n\n[x]",
        "&#27;[31m &#x202e;",
        "![alt](http://i)",
        "```py\n\n\nx = 1\n\n\n```\nafter",
        "- a\n\n  b\n- c\n\nafter",
        "~~~\n```\n~~~",
    ],
)
def test_odd_documents_stream_as_they_print(text, monkeypatch):
    for seed in range(3):
        got = shown(streamed(text, 60, 20, random.Random(seed), monkeypatch), 60, 20)
        assert got == shown(at_once(text, 60), 60, 20)


def test_what_markdown_would_hide_stays_visible():
    text = at_once(
        "<b>html</b> &amp; ![alt](http://i)\n\n[x]: http://y\n\n<div>\nblock\n</div>\n\n1. a\n1. b\n",
        80,
    )
    for visible in ("<b>html</b>", "&amp;", "alt", "http://i", "[x]: http://y", "<div>", "block"):
        assert visible in text
    assert text.count("1. ") == 2


CONTROLS = [
    chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x202A, 0x202E, 0x2066, 0x2069, 0x200F)
]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_no_control_sequence_of_any_family_reaches_the_terminal_however_it_is_cut(
    size, monkeypatch
):
    evil = (
        "a"
        + "b".join(c for c in CONTROLS if c not in "\n\t")
        + "\x1b]52;c;QUFB\x07\x1b[2J\x1bPq\x1b\\ &#27;[2J"
    )
    out = Screen()
    monkeypatch.setattr(_screen, "terminal_height", lambda _: 20)
    screen = _screen.Screen(
        out, environment={"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}, clock=lambda: 0.0
    )
    for start in range(0, len(evil), size):
        screen.feed(evil[start : start + size])
    screen.end()
    left = re.sub("\x1b\\[\\?2026[hl]|\x1b\\[[0-9]*[AJ]|\r|\x1b\\[[0-9;]*m", "", out.getvalue())
    assert not [c for c in left if c in CONTROLS and c not in "\n\t"]


def bytes_for(count, monkeypatch):
    text = "".join(f"word{n} " if n % 80 else f"\n\nparagraph {n} " for n in range(count))
    out = Screen()
    monkeypatch.setattr(_screen, "terminal_height", lambda _: 30)
    screen = _screen.Screen(out, environment={"TERM": "xterm", "COLUMNS": "100"}, clock=lambda: 0.0)
    for start in range(0, len(text), 40):
        screen.feed(text[start : start + 40])
    screen.end()
    return len(out.getvalue()) / len(text)


def test_the_bytes_written_grow_with_the_answer_and_no_faster(monkeypatch):
    small, large = bytes_for(300, monkeypatch), bytes_for(2400, monkeypatch)
    assert large < small * 1.1
    assert large < 1.6


def looks(text, monkeypatch):
    """How much Markdown was parsed for one text, in characters."""
    from asstctl.render import _draft

    parsed = [0]

    def counting(source):
        parsed[0] += len(source)
        return blocks(source)

    monkeypatch.setattr(_draft, "blocks", counting)
    streamed(text, 100, 30, random.Random(1), monkeypatch)
    return parsed[0] / len(text)


def test_one_endless_paragraph_is_not_quadratic_work(monkeypatch):
    short, long = looks("word " * 3_000, monkeypatch), looks("word " * 24_000, monkeypatch)
    assert long < short * 2


def test_a_reply_on_a_terminal_is_drawn_and_term_dumb_gets_the_text(home, server):
    from tests.servers import Reply
    from tests.terminal import Screen as Tty

    home.use_server(server)
    server.replies += [Reply("**bold** and `code`\n\n- item")] * 4
    with Tty(home, "ask", "x") as tty:
        tty.end()
        assert "bold and code" in tty.text()
        assert b"\x1b[1m" in tty.raw
    with Tty(home, "ask", "x", NO_COLOR="1") as tty:
        tty.end()
        assert "bold and code" in tty.text()
        assert not re.search(rb"\x1b\[[0-9;]*3[0-9]m", tty.raw)
    with Tty(home, "ask", "x", TERM="dumb") as tty:
        tty.end()
        assert b"\x1b" not in tty.raw
        assert "**bold**" in tty.text()
    with Tty(home, "ask", "x", "-o", "plain") as tty:
        tty.end()
        assert b"\x1b" not in tty.raw


def test_markdown_into_a_pipe_is_drawn_without_moving_and_coloured_only_by_force(home, server):
    from tests.servers import Reply

    home.use_server(server)
    server.replies += [Reply("**bold**\n\n- item\n")] * 2
    assert home.run("ask", "-o", "markdown", "x")[0] == "bold\n\n • item\n"
    out = home.run("ask", "-o", "markdown", "x", FORCE_COLOR="1")[0]
    assert "\x1b[1mbold" in out
    assert "\x1b[?2026h" not in out


def test_the_unfinished_line_of_a_code_fence_is_code_and_no_markdown():
    from asstctl.render._document import console_on, solid
    from asstctl.render._draft import Draft

    draft = Draft(console_on(io.StringIO(), {"TERM": "xterm"}))
    draft.feed("```python\n# no heading, *no* emphasis")
    done, tail = draft.look()
    assert [solid(row).rstrip() for row in done + tail] == ["# no heading, *no* emphasis"]


def test_the_rows_of_code_on_a_terminal_are_that_code(home, server):
    from tests.servers import Reply

    code = "def f(x):\n    if x:\n\n        return [1,\n                2]\n\nprint(f(1))"
    home.use_server(server)
    server.replies.append(Reply(f"So:\n\n```python\n{code}\n```\n\nDone."))
    with PtyScreen(home, "ask", "x", columns=60) as screen:
        screen.end()
        lines = screen.lines()
    first = lines.index("def f(x):")
    assert "\n".join(lines[first : first + 7]) == code
