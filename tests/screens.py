"""What a user sees, from real runs in a terminal: `python -m tests.screens`.

Writes docs/pictures/NAME.svg, and the same screens as text at three widths.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from html import escape
from pathlib import Path

from tests.conftest import Home
from tests.servers import ChatServer, Reply, ThreadsServer
from tests.terminal import Screen

FOLDER = Path(__file__).parent.parent / "docs/pictures"

WIDTHS = (60, 100, 160)

ANSWERS = {
    "Why is the sky blue?": (
        "Air scatters **blue** light more than red: *Rayleigh scattering*.\n\n"
        "- it grows with the fourth power of the frequency\n- so blue wins, from every side\n\n"
        "```python\ndef scattered(wavelength):\n    return 1 / wavelength**4\n```\n"
    ),
    "And at sunset?": "The light takes a longer way, and only red is left.",
}

COLOURS = {
    "default": "#d0d0d0",
    "black": "#6b6b6b",
    "red": "#f07178",
    "green": "#98c379",
    "brown": "#e5c07b",
    "blue": "#82aaff",
    "magenta": "#c792ea",
    "cyan": "#56b6c2",
    "white": "#ffffff",
}

CELL, LINE = 8.4, 18


class Server(ChatServer):
    def answer(self, request):
        if request.method == "GET":
            return super().answer(request)
        said = request.body["messages"][-1]["content"]
        return Reply(ANSWERS.get(said, f"You said: {said}"))


Row = list[tuple[str, str, bool, bool]]
"""Pieces of a row: the text, its colour, whether it is bold, whether it is reversed."""


def rows_of(screen: Screen) -> list[Row]:
    """The rows of a screen, the blank ones at its end left out."""
    buffers = [
        *screen.screen.history.top,
        *(screen.screen.buffer[y] for y in range(screen.screen.lines)),
    ]
    found = []
    for line in buffers:
        row: Row = []
        for x in range(screen.screen.columns):
            cell = line[x]
            style = (cell.fg, cell.bold, cell.reverse)
            if row and row[-1][1:] == style:
                row[-1] = (row[-1][0] + cell.data, *style)
            else:
                row.append((cell.data, *style))
        found.append(row)
    while found and not text_of(found[-1]):
        found.pop()
    return found


def text_of(row: Row) -> str:
    return "".join(piece[0] for piece in row).rstrip()


def svg(rows: list[Row], columns: int) -> str:
    """A picture of rows, each text at its column, so that no font can move it."""
    width, height = columns * CELL + 24, len(rows) * LINE + 24
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}"'
        f' viewBox="0 0 {width:.0f} {height}" font-family="ui-monospace, Menlo, Consolas,'
        ' DejaVu Sans Mono, monospace" font-size="14">'
    )
    lines = [head, f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1b1d23"/>']
    for number, row in enumerate(rows):
        column = 0
        for text, colour, bold, reverse in row:
            start, column = column, column + len(text)
            if not text.strip() and not reverse:
                continue
            x, y = 12 + start * CELL, 12 + (number + 1) * LINE - 5
            if reverse:
                lines.append(
                    f'<rect x="{x:.1f}" y="{y - 13}" width="{len(text) * CELL:.1f}" height="{LINE}"'
                    ' fill="#d0d0d0"/>'
                )
            fill = "#1b1d23" if reverse else coloured(colour)
            weight = ' font-weight="bold"' if bold else ""
            lines.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{len(text) * CELL:.1f}" fill="{fill}"'
                f'{weight} xml:space="preserve">{escape(text)}</text>'
            )
    return "\n".join([*lines, "</svg>\n"])


def coloured(name: str) -> str:
    """A colour as SVG has it; pyte spells one of the bright ones wrongly."""
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return COLOURS[re.sub("^b[rf]ight", "", name)]


Steps = Callable[[Screen], None]


class Shots:
    """Screens of one width, in one home."""

    def __init__(self, home: Home, columns: int) -> None:
        self.home = home
        self.columns = columns
        self.found: dict[str, list[Row]] = {}

    def take(self, name: str, *words: str, steps: Steps | None = None, **env: str) -> None:
        """Run a command in a terminal, and add what stands there in the end."""
        with Screen(self.home, *words, columns=self.columns, rows=40, **env) as screen:
            if steps:
                steps(screen)
            screen.end()
            typed = " ".join(f'"{word}"' if " " in word else word for word in words)
            line: Row = [
                ("$ ", "green", True, False),
                (f"asstctl {typed}".rstrip(), "white", False, False),
            ]
            self.found[name] = [*self.found.get(name, []), line, *rows_of(screen)]


def chat(screen: Screen) -> None:
    screen.wait_for_prompt()
    for line, shown in (("Why is the sky blue?", "wavelength**4"), ("/help", "// says a slash")):
        screen.type(f"{line}\r")
        screen.wait_for(shown)
        screen.wait_for_prompt()
    screen.type("/quit\r")


def connect(endpoint: str) -> Steps:
    def steps(screen: Screen) -> None:
        for asked, answer in (
            ("Number [", "3"),
            ("endpoint (", endpoint),
            ("model (", "1"),
            ("instructions (", "Be brief."),
        ):
            screen.wait_for(asked)
            screen.type(f"{answer}\r")

    return steps


def shots(columns: int) -> dict[str, list[Row]]:
    """All screens at a width."""
    with ExitStack() as running:
        home = Home(Path(running.enter_context(tempfile.TemporaryDirectory())))
        server = running.enter_context(Server())
        threads = running.enter_context(ThreadsServer())
        found = Shots(home, columns)
        found.take("first-minute")
        found.take("first-minute", "ask", "Hello")
        found.take(
            "config-init", "config", "init", steps=connect(server.origin.removeprefix("http://"))
        )
        found.take("chat", "chat", steps=chat)
        home.run("threads", "rename", "@last", "sky")
        for prompt in (
            "And at sunset?",
            "A prompt that is long enough to be cut in a narrow window",
        ):
            home.run("ask", prompt)
        with home.config.open("a") as file:
            lines = "".join(f'{k} = "{v}"\n' for k, v in threads.settings.items())
            file.write(f"[profiles.work]\n{lines}")
        home.environment["MY_KEY"] = "canary"
        home.run("-p", "work", "ask", "Hello from a server of threads")
        found.take("threads", "threads", "list", "--size")
        found.take("threads", "threads", "search", ["red", "OR", "scatters"][0])
        found.take("threads", "threads", "show", "sky")
        found.take("doctor", "doctor", SHELL="/bin/bash")
        found.take("doctor", "-p", "work", "doctor", SHELL="/bin/bash")
        return {
            name: [tidy(row, home, server) for row in rows] for name, rows in found.found.items()
        }


def tidy(row: Row, home: Home, server: ChatServer) -> Row:
    """A row without what only this run has: the folder, the ports."""
    ports = re.compile(r"127\.0\.0\.1:\d+|localhost:\d+")

    def said(text: str) -> str:
        text = text.replace(str(home.path), "~")
        return ports.sub("localhost:8080", text)

    return [(said(text), *style) for text, *style in row]  # type: ignore[misc]


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for columns in WIDTHS:
        found = shots(columns)
        told = [f"== {name}\n" + "\n".join(map(text_of, rows)) for name, rows in found.items()]
        (FOLDER / f"screens-{columns}.txt").write_text("\n\n".join(told) + "\n", "utf-8")
        for name, rows in found.items() if columns == 100 else ():
            (FOLDER / f"{name}.svg").write_text(svg(rows, columns), "utf-8")
        print(f"{columns} columns: {', '.join(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
