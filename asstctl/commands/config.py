"""`asstctl config`: write, show and change settings."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from asstctl import config
from asstctl.commands import options
from asstctl.commands.app import taking, word, words
from asstctl.config import file
from asstctl.config.settings import SETTINGS, command, described
from asstctl.config.values import check_key, checked
from asstctl.errors import ConfigError
from asstctl.kind import Kind
from asstctl.render import listing

app = word("config")

INIT = {
    "backend": Annotated[Kind | None, typer.Option(help=described("backend"))],
    **{
        key: Annotated[str | None, typer.Option(metavar=metavar, help=described(key))]
        for key, metavar in {
            "endpoint": "URL",
            "api_version": "V",
            "assistant_id": "ID",
            "api_key_env": "VARIABLE",
            "auth": "HOW",
            "agent": "NAME",
            "model": "M",
            "instructions": "TEXT",
        }.items()
    },
}
"""The settings that `config init` takes as options."""

Key = Annotated[str, typer.Argument(metavar="KEY", help=f"One of: {', '.join(SETTINGS)}.")]


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def initial(command: Any) -> Any:
    """Return a command that takes settings as options; they come as its argument `values`."""
    return taking(command, {key: (option, None) for key, option in INIT.items()}, values=_given)


@app.command(
    examples=[
        "config init",
        "config init home --backend local --endpoint localhost:8080",
        "config init gpt --no-input --backend responses --model gpt-5",
    ]
)
@initial
def init(
    ctx: typer.Context,
    values: dict[str, Any],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The profile to write; none: the default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Do not ask; flags alone.")] = False,
) -> None:
    """Write a profile: asks for the settings that its backend needs, or takes them from flags."""
    invocation = options.invocation(ctx)
    path = target(invocation)
    name = name or invocation.written_profile
    if not force:
        file.check_absent(path, name)
    if values.get("endpoint"):
        from asstctl.commands._connecting import completed  # the other words do without

        values["endpoint"] = completed(str(values["endpoint"]))
    if sys.stdin.isatty() and not no_input:
        from asstctl.commands._connecting import converse  # scripts do without

        converse(values, name, invocation)
    backend = Kind(values.get("backend") or config.backend_of(name))
    values["backend"] = backend.value
    for setting, value in values.items():
        if value is not None:
            checked(setting, value, "the command line")
    if backend.facts.endpoint_needed and not values.get("endpoint"):
        raise ConfigError(
            f"the backend {backend} needs an --endpoint", hint="or try: --backend local"
        )
    file.init(path, name, values, force=force)
    listing.note(f"wrote the profile {name!r} to {path}", sys.stderr)
    if backend is Kind.ASSISTANTS and not values.get("assistant_id"):
        listing.note(f"to ask it: {command(name)} config set assistant_id VALUE", sys.stderr)
    if sys.stdin.isatty() and not no_input:
        sys.stderr.write(f'try: {command(name)} ask "Hello"\n')


def target(invocation: options.Invocation) -> Path:
    """Return the file to write; it need not be there yet."""
    return invocation.config or config.usual_path(invocation.environment)


@app.command()
def show(
    ctx: typer.Context,
    origin: Annotated[
        bool, typer.Option("--origin", help="Say where each value comes from.")
    ] = False,
    output: Annotated[options.Facts, options.JsonOutput] = options.Facts.TEXT,
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
) -> None:
    """Print the value in force of one setting."""
    check_key(key)
    found = options.invocation(ctx).load().settings()
    value = getattr(found, key)
    if value is None:
        raise ConfigError(f"{key} is not set", hint=f"{found.command} config set {key} VALUE")
    sys.stdout.write(f"{printed(value)}\n")


def printed(value: Any) -> str:
    """Return a value in the form in which `config set` takes it."""
    if isinstance(value, bool | dict) or (isinstance(value, list) and isinstance(value[0], dict)):
        return json.dumps(value)
    return shlex.join(value) if isinstance(value, list) else str(value)


@app.command("set", examples=["config set model llama3.2"])
def set_(
    ctx: typer.Context,
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What to set it to.")],
) -> None:
    """Write one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    file.set_value(target(invocation), invocation.written_profile, key, value)


@app.command()
def unset(
    ctx: typer.Context,
    key: Key,
) -> None:
    """Remove one setting; comments and order stay."""
    invocation = options.invocation(ctx)
    file.unset_value(target(invocation), invocation.written_profile, key)


key_app = words("key", "Keep a key in the system's keyring.")
app.add_typer(key_app)


@key_app.command("set")
def key_set(
    ctx: typer.Context,
) -> None:
    """Put the profile's key into the system's keyring: typed unseen, or piped in."""
    invocation = options.invocation(ctx)
    found = invocation.load().settings()
    said = typed_unseen(f"Key for {found.endpoint}: ") if sys.stdin.isatty() else sys.stdin.read()
    if not said.strip():
        raise ConfigError("no key was given", hint="type it, or pipe it in")
    from asstctl.credentials import keyring  # config's other words do without

    keyring.keep(found, said)
    path = target(invocation)
    file.set_value(path, invocation.written_profile, "api_key_keyring", "true")
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
) -> None:
    """Delete the profile's key from the system's keyring."""
    invocation = options.invocation(ctx)
    found = invocation.load().settings()
    from asstctl.credentials import keyring  # the same

    keyring.discard(found)
    path = target(invocation)
    if found.api_key_keyring and found.origins["api_key_keyring"] == str(path):
        file.unset_value(path, invocation.written_profile, "api_key_keyring")
    sys.stderr.write(f"asstctl: the keyring no longer holds a key for {found.endpoint}\n")


@app.command()
def edit(ctx: typer.Context) -> None:
    """Open the settings file in $EDITOR; what is no settings file is not written."""
    from asstctl.commands._editor import edited  # config's other words do without

    invocation = options.invocation(ctx)
    path = target(invocation)
    text = old = file.text_of(path)
    while True:
        text = edited(text, ".toml", invocation.environment)
        if text == old:
            listing.note("nothing was changed", sys.stderr)
            return
        try:
            file.replace(path, text)
        except ConfigError as error:
            listing.note("; ".join(filter(None, (error.message, error.hint))), sys.stderr)
            if not typer.confirm("Edit it again?", default=True, err=True):
                listing.note("nothing was written", sys.stderr)
                raise typer.Exit(error.exit_code) from None
        else:
            return


@app.command("path")
def path_(ctx: typer.Context) -> None:
    """Print where the settings file is."""
    sys.stdout.write(f"{target(options.invocation(ctx))}\n")
