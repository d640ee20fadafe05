"""Keys in the system's keyring."""

from urllib.parse import urlsplit

from asstctl.config.settings import Settings
from asstctl.credentials.keys import LONGEST_REASON, clean, missing_extra
from asstctl.errors import ConfigError

SERVICE = "asstctl"
"""The name of the service under which keys stand there."""


def _account(settings: Settings) -> str:
    """Return a key's name in the keyring, by profile and origin: another origin never gets it."""
    parts = urlsplit(settings.endpoint or "")
    return f"{settings.profile} {parts.scheme}://{parts.netloc}"


def kept(settings: Settings) -> str:
    """Return the profile's key; raises ConfigError where the keyring has none."""
    found: str | None = _keyring("get_password", SERVICE, _account(settings))
    if found is None:
        raise ConfigError(
            f"the keyring has no key for {_account(settings)}",
            hint=f"{settings.command} config key set",
        )
    return found


def keep(settings: Settings, key: str) -> None:
    """Store the profile's key; raises ConfigError."""
    if not settings.endpoint:
        raise settings.missing(settings.unset("endpoint"))
    first = "api_key_env" if settings.api_key_env else "api_key_command"
    if settings.api_key_env or settings.api_key_command:
        raise ConfigError(
            f"{first} is set, and comes before the keyring",
            hint=f"{settings.command} config unset {first}",
        )
    if settings.auth != "key":
        raise ConfigError(f'auth is "{settings.auth}", which uses no key')
    _keyring("set_password", SERVICE, _account(settings), clean(key, "stdin"))


def discard(settings: Settings) -> None:
    """Delete the profile's key; raises ConfigError where there is none."""
    if _keyring("get_password", SERVICE, _account(settings)) is None:
        raise ConfigError(f"the keyring has no key for {_account(settings)}")
    _keyring("delete_password", SERVICE, _account(settings))


def _keyring(verb: str, *words: str) -> str | None:
    try:
        import keyring  # 0.16 s, for this alone
    except ImportError as error:
        raise missing_extra("keyring", "a key in the system's keyring") from error
    try:
        found: str | None = getattr(keyring, verb)(*words)
    except Exception as error:  # backends raise whatever their systems raise
        reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise ConfigError(
            f"the system's keyring can't be used: {reason}",
            hint="api_key_env or api_key_command do without",
        ) from error
    return found
