"""The values of settings: of which type each is, and how it is read from text."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from asstctl.config.settings import SETTINGS
from asstctl.errors import ConfigError
from asstctl.kind import Kind

CHOICES: Mapping[str, tuple[str, ...]] = {
    "auth": ("key", "entra"),
    "truncation": ("auto", "disabled"),
}
"""The settings that are one of a few words."""

VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""A name of the environment."""

LONGEST_TIMEOUT = 86_400
"""Seconds: a day."""

WORDS = list[str] | None
"""The type of settings that are lists of words."""


def unset(value: Any) -> bool:
    """Return whether a value counts as not given: None, empty, or a sample's `<insert ...>`."""
    return value is None or value == "" or (isinstance(value, str) and value.startswith("<insert"))


def checked(key: str, value: Any, source: str) -> Any:
    """Return `value` as the setting's type; raises ConfigError that names the source."""
    if key == "endpoint" and isinstance(value, str):
        check_endpoint(value, source)
    if key == "backend":
        return _backend(value, source)
    if key == "api_key_env":
        return _variable(value, source)
    kind = SETTINGS[key].type
    if key in CHOICES:
        wanted, fits = f"one of {', '.join(CHOICES[key])}", value in CHOICES[key]
    elif kind is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        wanted = f"a number of more than 0, and at most {LONGEST_TIMEOUT}"
        fits = number and 0 < value <= LONGEST_TIMEOUT
    elif kind is bool:
        wanted, fits = "true or false", isinstance(value, bool)
    elif kind == WORDS:
        wanted, fits = "a list of words, like ['pass', 'work/key']", _list_of(str, value)
    elif key == "tools":
        wanted = 'a list like [{type = "web_search"}], or tables like [tools.NAME] with a command'
        tables = isinstance(value, dict) and all(map(_tool, value.values()))
        fits = (_list_of(dict, value) or tables) and _is_json(value)
    else:
        wanted, fits = "text", isinstance(value, str)
    if not fits:
        raise ConfigError(f"{key} in {source} must be {wanted}, not {value!r}")
    return float(value) if kind is float else value


def _backend(value: Any, source: str) -> Kind:
    try:
        return Kind(value)
    except ValueError:
        raise ConfigError(
            f"no backend {value!r} (in {source})", hint=f"there are: {', '.join(Kind)}"
        ) from None


def _variable(value: Any, source: str) -> str:
    """Return the name of a variable; what is none may be the key itself, and is not shown."""
    if isinstance(value, str) and VARIABLE.fullmatch(value):
        return value
    raise ConfigError(f"api_key_env in {source} must be the name of a variable")


def _tool(table: Any) -> bool:
    """Return whether a tool's table is valid: its command, confirm, timeout and env."""
    if not isinstance(table, dict) or not table:
        return False
    seconds, command = table.get("timeout", 1), table.get("command", ["true"])
    timed = isinstance(seconds, int | float) and 0 < seconds <= LONGEST_TIMEOUT
    asks = isinstance(table.get("confirm", True), bool)
    return _list_of(str, command) and _list_of(str, table.get("env", ["PATH"])) and asks and timed


def _is_json(value: Any) -> bool:
    """Return whether JSON has a form for a value: it has none for TOML's dates and infinities."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, kind) for v in value)


def check_endpoint(endpoint: str, source: str) -> None:
    """Raise ConfigError for a non-URL, or a URL with a query, fragment or password."""
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not endpoint.isprintable() or " " in endpoint:
        raise ConfigError(
            f"the endpoint {endpoint!r} in {source} is no address that begins with http:// or https://",
            hint="it looks like https://host/v1",
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"the endpoint {endpoint!r} in {source} ends in a query or a fragment")
    if parts.username or parts.password:
        raise ConfigError(
            f"the endpoint in {source} holds a password",
            hint="keys come from api_key_env or api_key_command",
        )


def parsed(key: str, text: str, source: str) -> Any:
    """Read a setting from what was typed or exported; raises ConfigError."""
    kind = SETTINGS[key].type
    value: Any = text
    try:
        if kind is float:
            with suppress(ValueError):  # the error below names the type
                value = float(text)
        elif kind is bool:
            value = {"true": True, "false": False}.get(text.lower(), text)
        elif kind == WORDS:
            import shlex  # only for this one kind of setting

            value = json.loads(text) if text.lstrip().startswith("[") else shlex.split(text)
        elif key == "tools":
            value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{key} in {source}: {str(error).lower()}") from None
    return checked(key, value, source)


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known word, None where nothing is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else None


def check_key(key: str, where: str = "") -> None:
    """Raise ConfigError, with a suggestion, unless there is a setting of this name."""
    if key == "api_key":
        raise ConfigError(
            f"no setting {key!r}{where}: keys do not belong into the file",
            hint="api_key_env names the variable that holds it, api_key_command prints it",
        )
    if key == "profile":
        raise ConfigError(f"no setting {key!r}{where}", hint="a profile's table is [profiles.NAME]")
    if key not in SETTINGS:
        raise ConfigError(
            f"no setting {key!r}{where}",
            hint=suggestion(key, SETTINGS) or f"there are: {', '.join(SETTINGS)}",
        )
