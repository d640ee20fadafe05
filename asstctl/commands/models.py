"""`asstctl models`: the models that a profile's server, or this machine, has."""

import sys
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import word
from asstctl.render import listing

app = word("models")


@app.command("list", examples=["models list -q"])
def list_(
    ctx: typer.Context,
    output: Annotated[options.Listing | None, options.JsonOutput] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print names alone.")] = False,
) -> None:
    """List the models of the profile's server, the profile's own marked."""
    with options.invocation(ctx).session() as session:
        own = session.settings(None).model
        found = session.models()
        rows = [[name, "the profile's" if name == own else ""] for name in found]
        form = options.list_form(output)
        if quiet:
            listing.lines([[name] for name in found], sys.stdout)
        elif form is options.Listing.JSON:
            models = [{"id": name, "chosen": name == own} for name in found]
            listing.document({"models": models}, sys.stdout)
        elif form is options.Listing.TSV:
            listing.lines(rows, sys.stdout)
        else:
            listing.draw(["MODEL", ""], rows, sys.stdout, session.environment)
        if not found:
            listing.note("the server has no models", sys.stderr)
