"""`asstctl doctor`: is all well, and what to do."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from asstctl.commands import WORDS, options
from asstctl.commands.app import App
from asstctl.diagnosis import Check, checks, without_settings
from asstctl.errors import AsstctlError
from asstctl.render import listing
from asstctl.render.failure import retyped
from asstctl.render.terminal import said

app = App()

SIGNS = {"ok": "ok", "warning": "!!", "failed": "no"}
"""The sign before a check, by its state."""


@app.command(help=WORDS["doctor"], examples=["doctor", "doctor --ask"])
def doctor(
    ctx: typer.Context,
    ask: Annotated[
        bool, typer.Option("--ask", help="Say one prompt too, and delete its thread.")
    ] = False,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
) -> None:
    """Check settings, key, server, store and completion."""
    invocation = options.invocation(ctx)
    done: list[Check] = []
    with ExitStack() as opened:
        for found in looked_at(invocation, opened, ask=ask):
            check = replace(found, hint=found.hint and retyped(found.hint, invocation.file))
            done.append(check)
            if output is options.Facts.TEXT:
                sys.stdout.write(f"{drawn(check)}\n")
                sys.stdout.flush()
    if output is options.Facts.JSON:
        listing.document({"checks": [as_json(check) for check in done]}, sys.stdout)
    if broken := [check.error for check in done if check.error]:
        raise typer.Exit(broken[0].exit_code)


def looked_at(invocation: options.Invocation, opened: ExitStack, *, ask: bool) -> Iterator[Check]:
    """Yield the checks; where the settings can't be read, those that need none."""
    try:
        session = opened.enter_context(invocation.session())
    except AsstctlError as error:
        yield from without_settings(error, invocation.environment, Path.home())
    else:
        yield from checks(session, Path.home(), ask=ask)


def drawn(check: Check) -> str:
    """Return a check as lines: its state and text, its details, and what to do."""
    lines = [f"{SIGNS[check.state]}  {check.name}: {said(check.text)}"]
    lines += [f"      {said(detail)}" for detail in check.details]
    lines += [f"      try: {said(check.hint)}"] if check.hint else []
    return "\n".join(lines)


def as_json(check: Check) -> dict[str, object]:
    """Return a check as a JSON object."""
    return {
        "name": check.name,
        "state": check.state,
        "text": said(check.text),
        "hint": check.hint and said(check.hint),
        "details": [said(detail) for detail in check.details],
    }
