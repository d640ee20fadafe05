"""`asstctl assistants`: the assistants, or agents, that a server keeps."""

import sys
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import word
from asstctl.render import listing

app = word("assistants")


@app.command("list")
def list_(
    ctx: typer.Context,
    output: Annotated[options.Listing | None, options.JsonOutput] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print ids alone.")] = False,
) -> None:
    """List the assistants of the profile's server."""
    with options.invocation(ctx).session() as session:
        from asstctl.wire.pages import readable

        found, broken = readable(session.assistants())
        rows = [[a.id, a.name, a.model] for a in found]
        form = options.list_form(output)
        if quiet:
            listing.lines([[a.id] for a in found], sys.stdout)
        elif form is options.Listing.JSON:
            listing.document({"assistants": [dict(a.facts) for a in found]}, sys.stdout)
        elif form is options.Listing.TSV:
            listing.lines(rows, sys.stdout)
        else:
            listing.draw(["ID", "NAME", "MODEL"], rows, sys.stdout, session.environment)
        if broken:
            raise broken
        if not found:
            sys.stderr.write("asstctl: the server has no assistants\n")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Which; none: the profile's own.")
    ] = None,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
) -> None:
    """Show one assistant, as the server describes it."""
    with options.invocation(ctx).session() as session:
        facts = session.assistant(name).facts
        if output is options.Facts.JSON:
            listing.document(facts, sys.stdout)
        else:
            listing.pairs(facts, sys.stdout)
