"""The conversation of `asstctl config init`: what a profile needs is asked for, and tried."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import typer

from asstctl import config
from asstctl.commands import options
from asstctl.config import Config
from asstctl.config.settings import AZURE_KEY, OPENAI_KEY, Settings, about
from asstctl.config.values import parsed, unset
from asstctl.credentials.keys import loopback
from asstctl.errors import AsstctlError, AuthError, ConfigError, UnconnectedError
from asstctl.kind import Kind
from asstctl.offers import Server, servers
from asstctl.render import listing
from asstctl.render.terminal import said

T = TypeVar("T")

NONE = "-"
"""The answer that leaves a setting unset."""

MOST = 20
"""Choices that are shown with a number; others are typed."""

SECONDS = 15.0
"""How long a server may take to answer the test."""


def converse(values: dict[str, Any], name: str, invocation: options.Invocation) -> None:
    """Ask for what `values` lacks, add it, and try it; nothing is made on any server.

    Raises typer.Exit where settings that could not be tried are not to be written.
    """
    here = servers()
    if "backend" not in values:
        values["backend"] = backend(name, invocation.environment, here)
    kind = Kind(values["backend"])
    found = config.offers(invocation.environment, kind)
    if kind is Kind.LOCAL:
        found = {"endpoint": here[0].endpoint, **found} if here else found
    trial = Trial(name, invocation.environment)
    for key in kind.facts.needs:
        if key in values or not relevant(key, trial.settings(values)):
            continue
        offer = found.get(key) or usual(key, trial.settings(values), invocation.environment)
        if key == "endpoint":
            values[key] = reachable(trial, values, offer)
            continue
        choices = trial.choices(key, values) if key in CHOICES else {}
        if trial.refused and not values.get("api_key_env"):
            values["api_key_env"] = answer("api_key_env", {}, None)
            choices = trial.choices(key, values)
        values[key] = answer(key, choices, offer)
    if failure := trial.failure(values):
        listing.note(f"it could not be tried: {failure}", sys.stderr)
        if not typer.confirm("Write the profile all the same?", err=True):
            listing.note("nothing was written", sys.stderr)
            raise typer.Exit(1)


def reachable(trial: "Trial", values: dict[str, Any], offer: str | None) -> Any:
    """Ask for the endpoint, again where nothing answers there and it is not to be kept."""
    while True:
        found = answer("endpoint", {}, offer)
        error = trial.unconnected({**values, "endpoint": found}) if found else None
        if error is None:
            if found and found != offer:
                sys.stderr.write(f"  {said(found)}\n")  # it may have been completed
            return found
        sys.stderr.write(f"{said(error.message)}\n")
        if typer.confirm("Keep it all the same?", err=True):
            return found
        offer = found


def backend(name: str, environment: Mapping[str, str], here: Sequence[Server]) -> str:
    """Ask which backend is meant, each in one line with what is at hand for it."""
    hints = dict.fromkeys(Kind, "")
    hints[Kind.RESPONSES] = "" if unset(environment.get(OPENAI_KEY)) else f"{OPENAI_KEY} is set"
    if at_hand := config.offers(environment, Kind.ASSISTANTS).get("endpoint"):
        hints[Kind.ASSISTANTS] = f"the environment names {at_hand}"
    if here:
        hints[Kind.LOCAL] = f"{here[0].name} answers at {here[0].endpoint}"
    usual = next((k for k in (Kind.ASSISTANTS, Kind.RESPONSES) if hints[k]), Kind.LOCAL)
    usual = Kind(name) if name in config.BUILT_IN else usual
    rows = [f"{kind}: {kind.facts.about}" for kind in Kind]
    notes = [hints[kind] for kind in Kind]
    sys.stderr.write("What is to be connected?\n")
    return numbered(rows, list(Kind), list(Kind).index(usual) + 1, notes)


def numbered(
    rows: Sequence[str], values: Sequence[str], default: int, notes: Sequence[str] = ()
) -> str:
    """Show numbered lines and ask for one; return its value. The value itself is an answer too."""
    for number, row in enumerate(rows, 1):
        note = notes[number - 1] if notes else ""
        told = f"{said(row)}{f'  ({said(note)})' if note else ''}"
        listing.explained([(str(number), told)], sys.stderr)

    def read(text: str) -> str:
        if text.isdecimal() and 0 < int(text) <= len(values):
            return values[int(text) - 1]
        if text in values:
            return text
        raise ConfigError(f"a number from 1 to {len(values)} is wanted")

    return asked("Number", str(default), read)


def asked(question: str, default: str, read: Callable[[str], T]) -> T:
    """Ask until the answer can be read; nothing that was answered before is lost."""
    while True:
        text = typer.prompt(question, default=default, err=True).strip()
        try:
            return read(text)
        except ConfigError as error:
            sys.stderr.write(f"{said(error.message)}\n")


def answer(key: str, choices: Mapping[str, str], offer: str | None) -> Any:
    """Ask for one setting; None for the answer `-`. Choices have a word beside each value."""
    values = list(choices)
    default = offer or (values[0] if choices else NONE)
    for number, value in enumerate(values[:MOST], 1):
        sys.stderr.write(f"  {number}  {said(f'{value} {choices[value]}'.rstrip())}\n")
    if len(choices) > MOST:
        sys.stderr.write(f"  and {len(choices) - MOST} more, by name\n")

    def read(text: str) -> Any:
        if text == NONE:
            return None
        if text.isdecimal() and values and text not in values:
            if not 0 < int(text) <= len(values):
                raise ConfigError(f"a number from 1 to {len(values)} is wanted, or a name")
            text = values[int(text) - 1]
        return parsed(key, completed(text) if key == "endpoint" else text, "the answer")

    what = "number or name" if choices else f"{NONE} for none"
    told = about(key).partition(" or as a path")[0]
    return asked(f"{key} ({told}; {what})", default, read)


def completed(endpoint: str) -> str:
    """Return an endpoint with the scheme, and the path of a server on this machine, it lacks."""
    if "://" in endpoint:
        return endpoint
    host = endpoint.partition("/")[0].rpartition(":")[0] or endpoint.partition("/")[0]
    if not loopback(host.strip("[]")):
        return f"https://{endpoint}"
    return f"http://{endpoint}" if "/" in endpoint else f"http://{endpoint}/v1"


def relevant(key: str, settings: Settings) -> bool:
    """Return whether a setting is worth a question, after what was answered before."""
    match key:
        case "api_version":
            return settings.azure
        case "api_key_env":
            return bool(settings.endpoint) and not loopback(settings.host)
        case "agent":
            return settings.project
        case "model":
            return not settings.agent
        case _:
            return True


def usual(key: str, settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Return what most people answer: the usual endpoint, or the variable that holds a key."""
    if key == "endpoint":
        return settings.backend.facts.endpoint
    if key == "api_key_env":
        name = AZURE_KEY if settings.azure else OPENAI_KEY
        return None if unset(environment.get(name)) else name
    return None


CHOICES = ("model", "assistant_id", "agent")
"""Settings whose values a server can list."""


class Trial:
    """Asks the server of a profile that is not written yet, with GETs alone."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._environment = environment
        self._heard: tuple[str, Settings, Mapping[str, str]] | None = None  # the newest list
        self._answered = False  # what was asked for the profile itself
        self.refused = False  # the server wants another key, or one

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Return the settings as far as they were answered."""
        named = {key: value for key, value in values.items() if value is not None}
        named["timeout"] = SECONDS
        return Config(Path(), {self._name: named}, self._environment, {}, self._name).settings()

    def choices(self, key: str, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what a server has for a setting, nothing where it can't say."""
        try:
            found = self._listed(key, values)
        except AsstctlError as error:
            self.refused = isinstance(error, AuthError)
            if values.get("endpoint"):
                listing.note(f"no list to choose from: {error.message}", sys.stderr)
            return {}
        self._answered = True
        return found

    def unconnected(self, values: Mapping[str, Any]) -> AsstctlError | None:
        """Return the error of an endpoint where nothing answers, None where something does."""
        try:
            self._listed("model", values)
        except UnconnectedError as error:
            return error
        except AsstctlError:
            pass
        return None

    def failure(self, values: Mapping[str, Any]) -> str:
        """Return why the server could not be asked anything, "" where it answered."""
        kind = Kind(values["backend"])
        if self._answered or (kind.facts.kept_here and not values.get("endpoint")):
            return ""
        if kind.facts.endpoint_needed and not values.get("endpoint"):
            return "there is no endpoint"
        key = "assistant_id" if kind is Kind.ASSISTANTS else "model"
        try:
            self._listed(key, values)
        except AsstctlError as error:
            return error.message
        return ""

    def _listed(self, key: str, values: Mapping[str, Any]) -> Mapping[str, str]:
        from asstctl.backends import World, connect
        from asstctl.store.store import Store

        settings = self.settings(values)
        if self._heard and self._heard[:2] == (key, settings):
            return self._heard[2]
        world = World(Store(None), self._environment, Path(), lambda _: None)
        with closing(connect(settings, world)) as backend:
            if key == "model":
                found = dict.fromkeys(backend.models(), "") if settings.endpoint else {}
            else:
                found = {a.id: a.name for a in backend.assistants()}
        self._heard = key, settings, found
        return found
