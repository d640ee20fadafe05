"""An error, written in one line."""

import json
import re
import shlex
from contextlib import suppress
from traceback import format_exception
from typing import TextIO

from asstctl._secrets import struck
from asstctl.errors import AsstctlError, UnconfiguredError
from asstctl.render.terminal import harmless, said

TYPED = re.compile(r"\basstctl (?=-|(?:ask|chat|threads|models|assistants|config|doctor|help)\b)")
"""Where a text names a command to type."""


def write(
    error: Exception, err: TextIO, *, as_json: bool, traceback: bool = False, file: str = ""
) -> int:
    """Write an error in one line, and its hint in one more; return the exit code it leaves.

    `file`: the settings file that was named with --config.
    """
    ours = error if isinstance(error, AsstctlError) else foreign(error)
    ours.message, hint = retyped(ours.message, file), retyped(ours.hint or "", file)
    ours.hint = hint or None
    with suppress(OSError):  # where nobody hears it, the exit code still tells
        if traceback:
            err.writelines(harmless(struck(line)) for line in format_exception(error))
        if as_json:
            err.write(struck(json.dumps(ours.facts())) + "\n")
        else:
            err.write(f"asstctl: {said(ours.message)}\n")
            if isinstance(ours, UnconfiguredError):
                err.writelines(f"  {said(retyped(choice, file))}\n" for choice in ours.choices)
            elif ours.hint:
                err.write(f"hint: {said(ours.hint)}\n")
        err.flush()
    return ours.exit_code


def retyped(text: str, file: str) -> str:
    """Return a text whose commands read the settings file that was named, "" for none."""
    return TYPED.sub(lambda _: f"asstctl --config {shlex.quote(file)} ", text) if file else text


def foreign(error: Exception) -> AsstctlError:
    """Return our form of an error of the command line's parser, or of a fault of our own."""
    if hasattr(error, "format_message"):  # typer's
        message = error.format_message().rstrip(".")
        ctx = getattr(error, "ctx", None)
        path = ctx.command_path if ctx else "asstctl"
        hint = f"try: {path} --help"
        if message.startswith("No such command") and path == "asstctl":
            hint = f'{hint}, or: asstctl ask "..."'
        elif message.startswith("Got unexpected extra argument") and path.endswith(" ask"):
            hint = 'a prompt of several words stands in quotes: asstctl ask "..."'
        ours = AsstctlError(message[:1].lower() + message[1:], hint=hint)
        ours.exit_code = getattr(error, "exit_code", 2)
        return ours
    if isinstance(error, OSError) and error.strerror:
        return AsstctlError(f"{error.filename or 'the output'}: {error.strerror.lower()}")
    words = str(error) or "no message"
    return AsstctlError(
        f"unexpected {type(error).__name__}: {words}",
        hint="asstctl --debug ... shows where; it is a fault of asstctl, worth a report",
    )
