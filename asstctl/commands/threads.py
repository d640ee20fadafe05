"""`asstctl threads`: make, list, show, read, move, rename and delete threads."""

import sys
import time
from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from asstctl.commands import (
    _backing,
    _carrying,
    _deleting,
    _exporting,
    _fetching,
    _history,
    _searching,
    options,
)
from asstctl.commands._reply import ReplyOutput
from asstctl.commands._when import since_when
from asstctl.commands.app import word
from asstctl.errors import AsstctlError, ConfigError
from asstctl.kind import Kind
from asstctl.model import Thread, count
from asstctl.render import listing, renderer
from asstctl.session import Session
from asstctl.store.filters import Filter
from asstctl.store.index import is_name

app = word("threads")


app.add_typer(_history.app)
app.add_typer(_fetching.app)
app.add_typer(_deleting.app)
app.add_typer(_exporting.app)
app.add_typer(_carrying.app)
app.add_typer(_searching.app)
app.add_typer(_backing.app)


@app.command(examples=["threads new --name sky --metadata project=weather"])
def new(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name it.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="Note a fact; may be repeated.")
    ] = None,
) -> None:
    """Make an empty thread and print its id."""
    noted = {}
    for fact in metadata or []:
        key, equals, value = fact.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{fact!r} is not of the form K=V", param_hint="--metadata")
        noted[key] = value
    with options.invocation(ctx).session() as session:
        thread = session.new_thread(checked_name(name), noted)
        listing.lines([[thread.id]], sys.stdout)


def checked_name(name: str | None) -> str | None:
    """Return a name; raises ConfigError for one that could be another kind of reference."""
    if name is not None and not is_name(name):
        raise ConfigError(
            f"{name!r} is no name for a thread", hint="a name is no id, no @place and no option"
        )
    return name


@app.command(
    "list",
    examples=["threads list --since 1w --name sky", "threads list -o json --fields id,title"],
)
def list_(
    ctx: typer.Context,
    remote: Annotated[
        bool, typer.Option("--remote", help="Ask the server, and mark what is new.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=options.MOST, help="At most so many.")
    ] = 50,
    output: Annotated[options.Listing | None, options.JsonOutput] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print ids alone.")] = False,
    fields: options.Fields = None,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="Used since T: a date, or an age: 2h, 3d, 1w.")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="WORD", help="With this in the name, the title or the id.")
    ] = "",
    backend: Annotated[Kind | None, typer.Option(help="Of this backend.")] = None,
    size: Annotated[
        bool, typer.Option("--size", help="Show how much of each thread is kept here.")
    ] = False,
) -> None:
    """List the threads that asstctl knows, the one used last first."""
    start = since_when(since, datetime.now().astimezone()) if since else 0.0
    only = Filter(backend=backend.value if backend else "", since=start, word=name)
    if remote and only != Filter():
        raise typer.BadParameter("it narrows the index, and --remote asks the server")
    with options.invocation(ctx).session() as session:
        standings: list[str] | None = None
        broken: AsstctlError | None = None
        if remote:
            from asstctl.standing import remote_threads

            pairs, broken = remote_threads(session, limit)
            found, standings = [t for t, _ in pairs], [s for _, s in pairs]
        else:
            found = session.threads(limit, only)
        kept = [session.store.messages.size(thread.key) for thread in found] if size else None
        form = options.list_form(output, fields)
        if quiet:
            listing.lines([[thread.id] for thread in found], sys.stdout)
        elif form is options.Listing.JSON:
            rows = options.narrowed(listing.rows(found, standings, kept), fields)
            listing.document({"threads": rows}, sys.stdout)
        elif form is options.Listing.TSV:
            listing.as_tsv(found, sys.stdout, standings, kept)
        else:
            listing.as_table(found, sys.stdout, session.environment, time.time(), standings, kept)
        if broken:
            raise broken
        if not found and only == Filter():
            sys.stderr.write('asstctl: no threads yet; asstctl ask "..." makes one\n')
        elif not found:
            sys.stderr.write("asstctl: no thread fits\n")
        elif not remote and len(found) == limit and (more := session.count(only) - limit):
            listing.note(f"{count(more, 'thread')} more: --limit N shows them", sys.stderr)


def tokens(session: Session, thread: Thread) -> dict[str, int] | None:
    """Return the tokens of the turns that are kept of a thread, None where none says any."""
    store = session.store
    asked, written = store.runs.tokens(store.messages.number(thread.key))
    return {"prompt": asked, "completion": written} if asked or written else None


@app.command()
def show(
    ctx: typer.Context,
    reference: options.Named,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
) -> None:
    """Show one thread's facts."""
    with options.invocation(ctx).session() as session:
        thread = session.known_thread(reference)
        found = session.holder(thread).facts(thread.id)
        facts = {
            **listing.facts(thread),
            "metadata": {**thread.metadata, **found.metadata},
            "messages": found.messages,
            "active_run": found.active_run,
            "tokens": tokens(session, thread),
        }
        if output is options.Facts.JSON:
            listing.document(facts, sys.stdout)
        else:
            listing.pairs(facts, sys.stdout)


@app.command()
def add(
    ctx: typer.Context,
    thread_id: Annotated[str, typer.Argument(metavar="ID", help="The id, whole.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name it.")] = None,
) -> None:
    """Adopt a thread that was made elsewhere, if it is there."""
    with options.invocation(ctx).session() as session:
        thread = session.adopt(thread_id, checked_name(name), said=True)
        listing.note(f"added {thread.id} ({thread.title or 'empty'})", sys.stderr)


@app.command()
def unlock(
    ctx: typer.Context,
    reference: options.Named,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the run, do not cancel it.")
    ] = False,
) -> None:
    """End the run that locks a thread, so that it takes prompts again."""
    with options.invocation(ctx).session() as session:
        thread = session.known_thread(reference)
        listing.note(session.unlock(thread, wait=wait), sys.stderr)


@app.command()
def recover(
    ctx: typer.Context,
    reference: options.Named,
    output: ReplyOutput = None,
) -> None:
    """Fetch the last reply again, whole: after a cut, or from another machine."""
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.known_thread(reference)
        render = renderer(output, sys.stdout, session.environment)
        with closing(session.recover(thread)) as reply:
            render(reply, invocation)


@app.command(examples=["threads rename @last sky"])
def rename(
    ctx: typer.Context,
    reference: options.Named,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
) -> None:
    """Name a thread; the name can be used in place of its id."""
    with options.invocation(ctx).session() as session:
        thread = session.known_thread(reference)
        session.store.index.rename(thread, checked_name(name) or name)
