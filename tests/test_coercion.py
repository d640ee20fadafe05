"""Our reading of words agrees with Typer's own, and Typer still takes it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.main import get_command

from asstctl.commands._coercion import Coercion, ease


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def command(seen):
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command()
    def words(
        text: Annotated[str | None, typer.Argument()] = None,
        number: Annotated[int, typer.Option(min=1)] = 3,
        share: Annotated[float | None, typer.Option()] = None,
        flag: Annotated[bool, typer.Option("--flag")] = False,
        colour: Annotated[Colour | None, typer.Option()] = None,
        path: Annotated[list[Path] | None, typer.Option()] = None,
        name: Annotated[list[str] | None, typer.Option()] = None,
    ):
        seen.append((text, number, share, flag, colour, path or [], name or []))

    return get_command(app)


def run(line, *, eased):
    seen = []
    made = command(seen)
    if eased:
        ease(made.params)
    try:
        with made.make_context("words", list(line)) as ctx:
            if eased:
                assert all(isinstance(p._runtime_param, Coercion) for p in made.params)
            made.invoke(ctx)
    except typer.TyperException as error:
        return error.exit_code
    return seen


@pytest.mark.parametrize(
    "line",
    [
        [], ["x"], ["--number", "5"], ["--number", "x"], ["--number", "0"], ["--share", "0.5"],
        ["--share", "x"], ["--flag"], ["--colour", "red"], ["--colour", "green"], ["--colour", "RED"],
        ["--path", "a", "--path", "b"], ["--name", "a", "--name", "b", "x"], ["--nope"], ["a", "b"],
        ["--", "--flag"],
    ],
)  # fmt: skip
def test_a_line_means_the_same_with_and_without_pydantic(line):
    assert run(line, eased=True) == run(line, eased=False)


@pytest.mark.parametrize(
    "change",
    [
        "import asstctl.commands._coercion as c; c.getattr = lambda o, n, d=None: d if n == 'type_descriptor' else getattr(o, n, d)",
        "import asstctl.commands._coercion as c; c.KINDS.clear()",
    ],
    ids=["no descriptor of types", "no kind that is known"],
)
def test_where_typer_changes_its_own_slower_way_is_taken(home, server, change):
    home.use_server(server)
    code = f"{change}; from asstctl.__main__ import run; run()"
    home.arguments = lambda *words: [sys.executable, "-c", code, *words]
    assert home.run("ask", "--typing-delay", "0", "Hello")[0] == "You said: Hello (1)\n"
    assert "should be a valid integer" in home.run("ask", "--typing-delay", "x", "Hello", code=2)[1]
