"""Words of the command line into values, without pydantic.

Typer 0.29 builds a pydantic adapter for every parameter at every parse, which costs more than the
rest of a quick command: 15 times bare Python, where this is 7. Typer's own classes stay in charge;
only the object that it would lazily put into a parameter's `_runtime_param` is put there before.
Where Typer changes that, its own slower way is taken, and a test fails.
"""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

KINDS = {str: "text", bool: "yes or no", int: "a whole number", float: "a number", Path: "a path"}


class Coercion:
    """Turns one parameter's words into values of `kind`; a list where `many`."""

    def __init__(self, kind: type, *, many: bool) -> None:
        self._kind = kind
        self._many = many

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """Return the value; raises typer.BadParameter for words that are none."""
        if value is None:
            return () if self._many else None
        if self._many:
            return [self._one(word, param, ctx) for word in value]
        return self._one(value, param, ctx)

    def _one(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        if isinstance(value, self._kind):
            return self._bounded(value, param, ctx)
        try:
            return self._bounded(self._kind(value), param, ctx)
        except ValueError:
            raise typer.BadParameter(
                f"{value!r} is not {self._wanted()}", ctx=ctx, param=param
            ) from None

    def _wanted(self) -> str:
        if issubclass(self._kind, Enum):
            return f"one of {', '.join(str(member.value) for member in self._kind)}"
        return KINDS[self._kind]

    def _bounded(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        least, most = getattr(param, "min", None), getattr(param, "max", None)
        if least is not None and value < least:
            raise typer.BadParameter(f"{value} is less than {least}", ctx=ctx, param=param)
        if most is not None and value > most:
            raise typer.BadParameter(f"{value} is more than {most}", ctx=ctx, param=param)
        return value


def ease(parameters: Sequence[Any]) -> Sequence[Any]:
    """Return the parameters; those of plain kinds get their coercion, others keep Typer's."""
    for parameter in parameters:
        descriptor = getattr(parameter, "type_descriptor", None)
        annotation = getattr(descriptor, "annotation", None)
        many = get_origin(annotation) is list
        kind = get_args(annotation)[0] if many else annotation
        if kind in KINDS or (isinstance(kind, type) and issubclass(kind, Enum)):
            parameter._runtime_param = Coercion(kind, many=many)  # noqa: SLF001 - see above
    return parameters
