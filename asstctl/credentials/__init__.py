"""Where the key for a profile's endpoint comes from, and which origin may see it."""

import re
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

from asstctl._secrets import learn
from asstctl.config.settings import AZURE_KEY, OPENAI_KEY, Settings
from asstctl.config.values import unset
from asstctl.credentials.keys import Signing, Tokens, clean, private
from asstctl.errors import AuthError, ConfigError

TOKEN = re.compile(r"(?=[\w+/.=-]*\d)[\w+/.=-]{16,}")
"""A word that may be a key: what a failing `api_key_command` says is struck out by its looks."""

COMMAND_SECONDS = 30
"""How long `api_key_command` may take."""


def signing(settings: Settings, environment: Mapping[str, str]) -> Signing | None:
    """Return how to sign requests to the profile's endpoint, None where nothing is set.

    The profile's own ways come first; a vendor's variable goes only to the vendor. Raises
    ConfigError where the key can't be had or would cross a network in the clear, AuthError
    where the command fails.
    """
    if settings.auth == "entra":
        from asstctl.credentials import entra  # most profiles sign in with keys

        found: Signing | None = Tokens(entra.tokens(settings))
    else:
        found = _key(settings, environment)
    if found and settings.endpoint and not private(settings.endpoint):
        raise ConfigError(
            f"no key is sent over plain http to {urlsplit(settings.endpoint).hostname}",
            hint="use https, or an endpoint on this machine",
        )
    return found


def _key(settings: Settings, environment: Mapping[str, str]) -> Signing | None:
    """Return how to sign with a key, which is fetched at once."""
    if settings.api_key_env:
        key = environment.get(settings.api_key_env)
        if unset(key):
            raise ConfigError(f"the variable {settings.api_key_env} (api_key_env) is not set")
    elif settings.api_key_command or settings.api_key_keyring:
        key = None
    elif not (key := _vendors(settings, environment)):
        return None

    def fetch() -> str:
        if settings.api_key_env:
            return clean(str(key), f"the variable {settings.api_key_env}")
        if settings.api_key_command:
            command = settings.program(settings.api_key_command)
            return clean(_printed(command, settings.childrens(environment)), command[0])
        if settings.api_key_keyring:
            from asstctl.credentials import keyring  # for this one source of keys

            return clean(keyring.kept(settings), "the keyring")
        return clean(str(key), "the environment")

    header, prefix = ("api-key", "") if settings.azure_key else ("Authorization", "Bearer ")
    found = Signing(header, prefix, fetch, renewable=bool(settings.api_key_command))
    found.headers()
    return found


def whereabouts(settings: Settings) -> str:
    """Return where the profile's key can be set, for an error's text."""
    vendor = AZURE_KEY if settings.azure else OPENAI_KEY if settings.openai else ""
    variable = f"variable {vendor}, or: " if vendor else ""
    return f"key ({variable}{settings.command} config set api_key_env VARIABLE)"


def _vendors(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Return the key in the vendor's own variable, None where the endpoint is not the vendor's."""
    found = None
    if settings.azure_key:
        found = environment.get(AZURE_KEY)
    elif settings.openai or settings.origins.get("endpoint") == "OPENAI_BASE_URL":
        found = environment.get(OPENAI_KEY)
    return None if unset(found) else found


def _printed(command: list[str], environment: Mapping[str, str]) -> str:
    """Return the first line that `command` prints; its stderr tells why it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,  # piped input is the prompt
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
            errors="replace",
            env=environment,
        )
    except (OSError, ValueError) as error:  # a NUL in a word is a ValueError
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"can't run api_key_command {command[0]!r}: {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise AuthError(
            f"api_key_command {command[0]} took more than {COMMAND_SECONDS} s"
        ) from error
    if done.returncode or not done.stdout.strip():
        for line in done.stdout.splitlines():
            learn(line.strip())
        said = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise AuthError(f"api_key_command {command[0]} failed: {TOKEN.sub('***', said[0])}")
    return done.stdout.strip().splitlines()[0]
