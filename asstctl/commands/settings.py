"""`asstctl config`: write, show and change settings."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from asstctl import config, credentials, settings_file
from asstctl.backends import Kind
from asstctl.commands import _options as options
from asstctl.commands._app import App
from asstctl.config import SETTINGS, Settings
from asstctl.errors import ConfigError
from asstctl.render import listing

app = App(
    name="config",
    invoke_without_command=True,
    help="Write, show and change settings.",
)

NEEDS = {
    Kind.ASSISTANTS: ("endpoint", "api_version", "assistant_id", "api_key_env"),
    Kind.RESPONSES: ("endpoint", "model", "agent", "instructions", "api_key_env"),
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
    api_key_env: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="The variable that holds the key.")
    ] = None,
    auth: Annotated[
        str | None, typer.Option(metavar="HOW", help="How to sign in: key or entra.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="The Foundry agent that replies.")
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
    name = name or invocation.written_profile
    given = {
        "backend": backend,
        "endpoint": endpoint,
        "api_version": api_version,
        "assistant_id": assistant_id,
        "api_key_env": api_key_env,
        "auth": auth,
        "agent": agent,
        "model": model,
        "instructions": instructions,
    }
    values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if not force:
        settings_file.check_absent(path, name)
    if sys.stdin.isatty() and not no_input:
        asked(values, name, invocation)
    values["backend"] = str(values.get("backend") or config.backend_of(name))
    for setting, value in values.items():
        if value is not None:
            config.checked(setting, value, "the command line")
    if values["backend"] == Kind.ASSISTANTS and not values.get("endpoint"):
        raise ConfigError(
            "the backend assistants needs an --endpoint", hint="or try: --backend local"
        )
    settings_file.init(path, name, values, force=force)
    sys.stderr.write(f"asstctl: wrote the profile {name!r} to {path}\n")


def asked(values: dict[str, Any], name: str, invocation: options.Invocation) -> None:
    """Ask for what is not in `values` yet, offering what the environment has; - is none."""
    if "backend" not in values:
        usual = Kind.LOCAL if name == Kind.LOCAL else Kind.ASSISTANTS
        values["backend"] = typer.prompt("Backend", default=usual, type=Kind, err=True)
    backend = Kind(values["backend"])
    found = config.offers(invocation.environment, backend)
    for key in NEEDS[backend]:
        if key not in values:
            question = f"{key} ({SETTINGS[key].metadata['about']}; - for none)"
            said = typer.prompt(question, default=found.get(key, "-"), err=True)
            values[key] = None if said == "-" else config.parsed(key, said, "the answer")
            if values[key]:
                config.checked(key, values[key], "the answer")


def target(invocation: options.Invocation) -> Path:
    """Say which file is to be written: it need not be there yet."""
    return invocation.config or config.usual_path(invocation.environment)


@app.command()
def show(
    ctx: typer.Context,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Show the settings in force."""
    found = options.invocation(ctx).load().settings()
    facts: dict[str, Any] = {"profile": found.profile}
    for key in SETTINGS:
        facts[key] = getattr(found, key)
        if origin and output is options.Facts.JSON:
            facts[key] = {"value": facts[key], "origin": found.origins[key]}
        elif origin and facts[key] is not None:
            facts[key] = f"{facts[key]}  ({found.origins[key]})"
    if output is options.Facts.JSON:
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
    sys.stdout.write(f"{printed(value)}\n")


def printed(value: Any) -> str:
    """Give a value in the form in which `config set` takes it."""
    if isinstance(value, bool | dict) or (isinstance(value, list) and isinstance(value[0], dict)):
        return json.dumps(value)
    return shlex.join(value) if isinstance(value, list) else str(value)


@app.command("set")
def set_(
    ctx: typer.Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What to set it to.")],
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Write one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    if key == "backend" and value not in list(Kind):
        raise ConfigError(f"no backend {value!r}", hint=f"there are: {', '.join(Kind)}")
    settings_file.set_value(target(invocation), invocation.written_profile, key, value)


@app.command()
def unset(
    ctx: typer.Context,
    key: Key,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Remove one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    settings_file.unset_value(target(invocation), invocation.written_profile, key)


key_app = App(name="key", invoke_without_command=True, help="Keep a key in the system's keyring.")
app.add_typer(key_app)


@key_app.callback()
def key(ctx: typer.Context) -> None:
    """Keep a key in the system's keyring."""
    if ctx.invoked_subcommand is None:
        options.usage(ctx)


@key_app.command("set")
def key_set(
    ctx: typer.Context,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Put the profile's key into the system's keyring: typed unseen, or piped in."""
    invocation = options.invocation(ctx)
    found = invocation.load().settings()
    said = typed_unseen(f"Key for {found.endpoint}: ") if sys.stdin.isatty() else sys.stdin.read()
    if not said.strip():
        raise ConfigError("no key was given", hint="type it, or pipe it in")
    credentials.keep(found, said)
    path = target(invocation)
    settings_file.set_value(path, invocation.written_profile, "api_key_keyring", "true")
    sys.stderr.write(f"asstctl: the keyring holds the key for {found.endpoint}\n")


def typed_unseen(question: str) -> str:
    """Ask on the terminal; it echoes nothing from before the question shows."""
    from getpass import getpass

    try:
        return getpass(question)
    except EOFError:
        return ""


@key_app.command("delete")
def key_delete(
    ctx: typer.Context,
    profile: options.Profile = None,  # noqa: ARG001 - its callback remembers it
) -> None:
    """Take the profile's key out of the system's keyring."""
    invocation = options.invocation(ctx)
    found = invocation.load().settings()
    credentials.discard(found)
    path = target(invocation)
    if found.api_key_keyring and found.origins["api_key_keyring"] == str(path):
        settings_file.unset_value(path, invocation.written_profile, "api_key_keyring")
    sys.stderr.write(f"asstctl: the keyring no longer holds a key for {found.endpoint}\n")


@app.command("path")
def path_(ctx: typer.Context) -> None:
    """Print where the settings file is."""
    sys.stdout.write(f"{target(options.invocation(ctx))}\n")
