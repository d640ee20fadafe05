"""Keys: where they come from, and which origin may see which."""

import subprocess
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from asstctl.config import DEFAULT_PROFILE, Settings, unset
from asstctl.errors import AuthError, ConfigError

COMMAND_SECONDS = 30
"""How long `api_key_command` may take."""

OPENAI_HOST = "api.openai.com"

AZURE_KEY = "AZURE_OPENAI_API_KEY"


def key(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Give the key for the profile's endpoint, None where none is set.

    The profile's own `api_key_env` or `api_key_command` comes first; a vendor's variable goes
    only to the vendor. Raises ConfigError where the key can't be had or would cross a network
    in the clear, AuthError where the command fails.
    """
    if settings.api_key_env:
        found = environment.get(settings.api_key_env)
        if unset(found):
            raise ConfigError(f"the variable {settings.api_key_env} (api_key_env) is not set")
    elif settings.api_key_command:
        found = _printed(settings.api_key_command)
    else:
        found = _vendors(settings, environment)
    found = found and clean(found, settings)
    if found and settings.endpoint and not private(settings.endpoint):
        raise ConfigError(
            f"no key is sent over plain http to {urlsplit(settings.endpoint).hostname}",
            hint="use https, or an endpoint on this machine",
        )
    return found


def clean(found: str, settings: Settings) -> str:
    """Give a key without blanks around it; raises ConfigError for what no header can carry."""
    found = found.strip()
    if not found.isascii() or not found.isprintable() or " " in found:
        source = settings.api_key_env or (settings.api_key_command or ["the environment"])[0]
        raise ConfigError(f"the key from {source} is not one word of ASCII")
    return found


def whereabouts(settings: Settings) -> str:
    """Say where the profile's key can be set."""
    variable = f"variable {AZURE_KEY}, or: " if settings.azure else ""
    name = "" if settings.profile == DEFAULT_PROFILE else f" -p {settings.profile}"
    return f"key ({variable}asstctl{name} config set api_key_env VARIABLE)"


def private(endpoint: str) -> bool:
    """Say whether what is sent to `endpoint` stays unread: https, or this machine."""
    parts = urlsplit(endpoint)
    return parts.scheme == "https" or loopback(parts.hostname or "")


def loopback(host: str) -> bool:
    """Say whether `host` is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _vendors(settings: Settings, environment: Mapping[str, str]) -> str | None:
    host = urlsplit(settings.endpoint or "").hostname or ""
    found = None
    if settings.backend != "local" and settings.azure:
        found = environment.get(AZURE_KEY)
    elif host == OPENAI_HOST or settings.origins.get("endpoint") == "OPENAI_BASE_URL":
        found = environment.get("OPENAI_API_KEY")
    return None if unset(found) else found


def _printed(command: list[str]) -> str:
    """Give the first line that `command` prints; its stderr tells why it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=COMMAND_SECONDS, check=False, errors="replace"
        )
    except OSError as error:
        raise ConfigError(f"can't run api_key_command {command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise AuthError(
            f"api_key_command {command[0]} took more than {COMMAND_SECONDS} s"
        ) from error
    if done.returncode or not done.stdout.strip():
        said = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise AuthError(f"api_key_command {command[0]} failed: {said[0]}")
    return done.stdout.strip().splitlines()[0]
