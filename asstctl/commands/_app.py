"""How a command is declared: Typer, with plain help and without its slow parts."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from asstctl.commands._coercion import ease


class Command(TyperCommand):
    """A command that reads its words without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        """Give the parameters, `--help` among them."""
        return ease(super().get_params(ctx))


class Group(TyperGroup):
    """A word with commands below it; on its own it shows its help."""

    def get_params(self, ctx: Any) -> Any:
        """Give the parameters, `--help` among them."""
        return ease(super().get_params(ctx))


class App(typer.Typer):
    """Commands in one module."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            **{"cls": Group, "add_completion": False, "rich_markup_mode": None, **settings}
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Declare a command; a function's docstring is its help."""
        return super().command(name, **{"cls": Command, **settings})
