"""`asstctl threads backup` and `restore`: all that is kept here, as one file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from asstctl.commands import options
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, ConfigError
from asstctl.model import count
from asstctl.render import listing
from asstctl.store.store import FILE

app = App()


@app.command()
def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write all that is kept here, files too, to one zip."""
    from asstctl.store.backup import back_up

    with options.invocation(ctx).session() as session:
        if file.is_dir():
            raise AsstctlError(f"{file} is a folder")
        if file.exists() and not force:
            raise ConfigError(f"{file} is there already", hint="--force overwrites it")
        threads = session.store.index.count()
        if not (session.data / FILE).exists():
            raise ConfigError("there is no store yet", hint='asstctl ask "..." makes one')
        files = back_up(session.data / FILE, file)
    listing.note(f"{count(threads, 'thread')} and {count(files, 'file')} are in {file}", sys.stderr)


@app.command()
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A zip that backup wrote.")],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Put a backup into the place of what is kept here, which stays beside it."""
    from asstctl.store.backup import put_back

    with options.invocation(ctx).session() as session:
        path = session.data / FILE
        if not file.is_file():
            raise AsstctlError(f"there is no file {file}")
        if path.exists() and not yes:
            if not sys.stdin.isatty():
                raise ConfigError("it replaces what is kept here", hint="add -y")
            if not typer.confirm("Replace what is kept here by the backup?", err=True):
                raise typer.Exit(1)
        before = put_back(path, file)
    told = f"; what was kept before is in {before}" if before else ""
    listing.note(f"restored from {file}{told}", sys.stderr)
