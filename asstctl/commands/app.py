"""How a command is declared: Typer, with plain help, shared options, and without its slow parts."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from asstctl.commands import WORDS
from asstctl.commands._coercion import ease
from asstctl.commands.options import Profile, usage

ALIASES = {"ls": "list", "rm": "delete", "mv": "rename"}
"""Names that shells have for some commands."""


def readable(parameters: Any) -> Any:
    """Return parameters whose arguments stand in the help as people type them."""
    for parameter in parameters:
        if parameter.param_type_name == "argument" and parameter.metavar:
            name = parameter.metavar
            usage = name if parameter.required or name.startswith("[") else f"[{name}]"
            parameter.display_type_rich = lambda ctx: ""  # noqa: ARG005 - Typer gives it
            parameter._usage_display_name = lambda usage=usage: usage  # noqa: SLF001 - the same
    return parameters


class Placed:
    """Notes on an error of the command line which command it belongs to."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the words of a command; raises typer's errors."""
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc]
        except Exception as error:
            if hasattr(error, "format_message") and getattr(error, "ctx", None) is None:
                vars(error)["ctx"] = ctx
            raise


class Command(Placed, TyperCommand):
    """A command that reads its words without pydantic."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, `--help` among them."""
        return readable(ease(super().get_params(ctx)))


class Group(Placed, TyperGroup):
    """A word with commands below it; on its own it shows its help."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, `--help` among them."""
        return ease(super().get_params(ctx))

    def get_command(self, ctx: Any, name: str) -> Any:
        """Return the command of a name, or of what shells call it."""
        return super().get_command(ctx, name) or super().get_command(ctx, ALIASES.get(name, name))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what each command does, whole."""
        with formatter.section("Commands"):
            found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
            formatter.write_dl([(n, c.get_short_help_str(LONGEST)) for n, c in found])


LONGEST = 400
"""Characters of a command's line in a list of commands."""


class App(typer.Typer):
    """Commands in one module; each takes `--profile` without being told."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            **{"cls": Group, "add_completion": False, "rich_markup_mode": None, **settings}
        )

    def command(
        self, name: str | None = None, *, examples: Sequence[str] = (), **settings: Any
    ) -> Callable[[Any], Any]:
        """Declare a command; its function's docstring is its help, unless `help` is given.

        The help ends with the `examples`, command lines without `asstctl`.
        """
        if examples:
            lines = "".join(f"\n  asstctl {example}" for example in examples)
            settings["epilog"] = f"\b\nExamples:{lines}"
        register = super().command(name, **{"cls": Command, **settings})

        def declare(function: Any) -> Any:
            register(taking(function, {"profile": (Profile, None)}))
            return function

        return declare


def words(name: str, about: str) -> App:
    """Return the app of a word with commands below it, which shows its help on its own."""
    app = App(name=name, help=about, invoke_without_command=True)

    @app.callback()
    def alone(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            usage(ctx)

    return app


def word(name: str) -> App:
    """Return the app of a word after `asstctl`."""
    return words(name, WORDS[name])


def taking(
    function: Callable[..., Any],
    options: Mapping[str, tuple[Any, Any]],
    **made: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a command that takes more options than its function's own.

    `options` are annotations and defaults by name. The function does not get them. For each
    NAME=make in `made` it gets NAME=make(**values of all options); callbacks read the others.
    """
    own = [p for name, p in inspect.signature(function).parameters.items() if name not in made]
    more = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )
        for name, (annotation, default) in options.items()
    ]

    @wraps(function)
    def command(**values: Any) -> Any:
        given = {name: values.pop(name) for name in options}
        return function(**values, **{name: make(**given) for name, make in made.items()})

    signature = inspect.Signature([*(p.replace(kind=p.KEYWORD_ONLY) for p in own), *more])
    command.__signature__ = signature  # type: ignore[attr-defined]
    return command
