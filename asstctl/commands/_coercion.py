"""Words of the command line into values, without pydantic.

Typer 0.29 builds a pydantic adapter for every parameter at every parse, which costs more than all
else that a quick command does: 15 times bare Python, where this is 7. Typer's own classes stay in
charge; only what it would lazily put into a parameter's `_runtime_param` is put there before. A
test fails when Typer changes that.
"""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

KINDS = {str: "text", bool: "yes or no", int: "a whole number", float: "a number", Path: "a path"}


class Coercion:
    """What turns one parameter's words into values of `kind`; a list where `many`."""

    def __init__(self, kind: type, *, many: bool) -> None:
        self._kind = kind
        self._many = many

    def coerce(self, value: Any, param: Any, ctx: typer.Context) -> Any:
        """Give the value; raises typer.BadParameter where it is not one."""
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
        if param.min is not None and value < param.min:
            raise typer.BadParameter(f"{value} is less than {param.min}", ctx=ctx, param=param)
        if param.max is not None and value > param.max:
            raise typer.BadParameter(f"{value} is more than {param.max}", ctx=ctx, param=param)
        return value


def ease(parameters: Sequence[Any]) -> Sequence[Any]:
    """Give parameters of plain kinds their coercion, and give them back; others keep Typer's."""
    for parameter in parameters:
        annotation = parameter.type_descriptor.annotation
        many = get_origin(annotation) is list
        kind = get_args(annotation)[0] if many else annotation
        if kind in KINDS or (isinstance(kind, type) and issubclass(kind, Enum)):
            parameter._runtime_param = Coercion(kind, many=many)  # noqa: SLF001 - see above
    return parameters
