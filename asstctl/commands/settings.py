"""`asstctl config`: write, show and change settings."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from asstctl import config
from asstctl.backends import Kind
from asstctl.commands import _options as options
from asstctl.commands._app import App
from asstctl.commands.threads import Facts
from asstctl.config import DEFAULT_PROFILE, SETTINGS, Settings
from asstctl.errors import ConfigError
from asstctl.render import listing

app = App(
    name="config",
    invoke_without_command=True,
    help="Write, show and change settings.",
)

NEEDS = {
    Kind.ASSISTANTS: ("endpoint", "api_version", "assistant_id"),
    Kind.LOCAL: ("endpoint", "model", "instructions"),
}
"""What `config init` asks for, by backend."""

Key = Annotated[str, typer.Argument(metavar="KEY", help=f"One of: {', '.join(SETTINGS)}.")]


@app.callback()
def settings(ctx: typer.Context) -> None:
    """Write, show and change settings."""
    if ctx.invoked_subcommand is None:
        options.usage(ctx)


@app.command()
def init(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The profile to write; none: the default."),
    ] = None,
    backend: Annotated[
        Kind | None, typer.Option(help=SETTINGS["backend"].metadata["about"])
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="The server's base URL.")
    ] = None,
    api_version: Annotated[
        str | None, typer.Option(metavar="V", help="Azure's api-version.")
    ] = None,
    assistant_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The assistant that replies.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The model that replies.")] = None,
    instructions: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is told first.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Do not ask; flags alone.")] = False,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write a profile: asks for what its backend needs, or takes it from flags."""
    invocation = options.invocation(ctx)
    path = target(invocation)
    name = name or invocation.profile or DEFAULT_PROFILE
    given = {
        "backend": backend,
        "endpoint": endpoint,
        "api_version": api_version,
        "assistant_id": assistant_id,
        "model": model,
        "instructions": instructions,
    }
    values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if not force:
        config.check_absent(path, name)
    if sys.stdin.isatty() and not no_input:
        asked(values, invocation)
    values["backend"] = str(values.get("backend") or config.backend_of(name))
    config.init(path, name, values, force=force)
    sys.stderr.write(f"asstctl: wrote the profile {name!r} to {path}\n")


def asked(values: dict[str, Any], invocation: options.Invocation) -> None:
    """Ask for what is not in `values` yet, offering what the environment has."""
    if "backend" not in values:
        values["backend"] = typer.prompt("Backend", default=Kind.LOCAL, type=Kind, err=True)
    found = config.load(None, None, invocation.environment).offers()
    for key in NEEDS[Kind(values["backend"])]:
        if key not in values:
            about = SETTINGS[key].metadata["about"]
            values[key] = typer.prompt(
                f"{key} ({about}; empty for none)", default=found.get(key, ""), err=True
            )


def target(invocation: options.Invocation) -> Path:
    """Say which file is to be written: it need not be there yet."""
    return invocation.config or config.usual_path(invocation.environment)


@app.command()
def show(
    ctx: typer.Context,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
    output: Annotated[Facts, options.JsonOutput] = Facts.TEXT,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Show the settings in force."""
    found = options.invocation(ctx).load().settings()
    facts: dict[str, Any] = {"profile": found.profile}
    for key in SETTINGS:
        facts[key] = getattr(found, key)
        if origin and output is Facts.JSON:
            facts[key] = {"value": facts[key], "origin": found.origins[key]}
        elif origin and facts[key] is not None:
            facts[key] = f"{facts[key]}  ({found.origins[key]})"
    if output is Facts.JSON:
        listing.document(facts, sys.stdout)
    else:
        listing.pairs(facts, sys.stdout)


@app.command()
def get(
    ctx: typer.Context,
    key: Key,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Print the value in force of one setting."""
    config.check_key(key)
    found: Settings = options.invocation(ctx).load().settings()
    value = getattr(found, key)
    if value is None:
        raise ConfigError(f"{key} is not set", hint=f"asstctl config set {key} VALUE")
    sys.stdout.write(f"{value}\n")


@app.command("set")
def set_(
    ctx: typer.Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What to set it to.")],
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    config.set_value(target(invocation), invocation.profile or DEFAULT_PROFILE, key, value)


@app.command()
def unset(
    ctx: typer.Context,
    key: Key,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Remove one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    config.unset_value(target(invocation), invocation.profile or DEFAULT_PROFILE, key)


@app.command("path")
def path_(ctx: typer.Context) -> None:
    """Print where the settings file is."""
    sys.stdout.write(f"{target(options.invocation(ctx))}\n")
