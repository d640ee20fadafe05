"""Keys and tokens: where they come from, and which origin may see which."""

import subprocess
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from asstctl.config import DEFAULT_PROFILE, Settings, unset
from asstctl.errors import AuthError, ConfigError

COMMAND_SECONDS = 30
"""How long `api_key_command` may take."""

OPENAI_HOST = "api.openai.com"

AZURE_KEY = "AZURE_OPENAI_API_KEY"
OPENAI_KEY = "OPENAI_API_KEY"

SERVICE = "asstctl"
"""Under which keys stand in the system's keyring."""

FOUNDRY_SCOPE = "https://ai.azure.com/.default"
AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
"""What a token of Entra is for: Foundry and the v1 API, or a resource's older API."""


class Signing:
    """How requests say who sends them: `header` with a key or token behind `prefix`.

    `fetch` gives the key. Where `renewable`, a refused one may be fetched again: tokens end.
    """

    def __init__(
        self, header: str, prefix: str, fetch: Callable[[], str], *, renewable: bool = False
    ) -> None:
        self._header = header
        self._prefix = prefix
        self._fetch = fetch
        self._renewable = renewable
        self._key: str | None = None

    @property
    def key(self) -> str:
        """The key; raises what fetching it raises."""
        if self._key is None:
            self._key = self._fetch()
        return self._key

    def headers(self) -> dict[str, str]:
        """Give the header; raises what fetching the key raises."""
        return {self._header: self._prefix + self.key}

    def renew(self) -> bool:
        """Fetch the key again after it was refused; says whether another one came."""
        if not self._renewable:
            return False
        refused, self._key = self._key, None
        return self.key != refused


class Tokens(Signing):
    """Signs with Entra's tokens, which azure-identity fetches again before they end."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        super().__init__("Authorization", "Bearer ", fetch)

    @property
    def key(self) -> str:
        """The token that holds now."""
        return self._fetch()


def signing(settings: Settings, environment: Mapping[str, str]) -> Signing | None:
    """Give how to sign what goes to the profile's endpoint, None where nothing is set.

    The profile's own ways come first; a vendor's variable goes only to the vendor. Raises
    ConfigError where the key can't be had or would cross a network in the clear, AuthError
    where the command fails.
    """
    if settings.auth == "entra":
        found: Signing | None = Tokens(_entra(settings))
    else:
        found = _key(settings, environment)
    if found and settings.endpoint and not private(settings.endpoint):
        raise ConfigError(
            f"no key is sent over plain http to {urlsplit(settings.endpoint).hostname}",
            hint="use https, or an endpoint on this machine",
        )
    return found


def _key(settings: Settings, environment: Mapping[str, str]) -> Signing | None:
    """Give how to sign with a key, which is fetched at once."""
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
            return clean(_printed(settings.api_key_command), settings.api_key_command[0])
        if settings.api_key_keyring:
            return clean(_kept(settings), "the keyring")
        return clean(str(key), "the environment")

    header, prefix = ("api-key", "") if settings.azure_key else ("Authorization", "Bearer ")
    found = Signing(header, prefix, fetch, renewable=bool(settings.api_key_command))
    found.headers()
    return found


def clean(found: str, source: str) -> str:
    """Give a key without blanks around it; raises ConfigError for what no header can carry."""
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigError(f"the key from {source} is not one word of ASCII")
    return found


def whereabouts(settings: Settings) -> str:
    """Say where the profile's key can be set."""
    vendor = AZURE_KEY if settings.azure else OPENAI_KEY if openai(settings) else ""
    variable = f"variable {vendor}, or: " if vendor else ""
    return f"key ({variable}{_config(settings)} set api_key_env VARIABLE)"


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
    found = None
    if settings.azure_key:
        found = environment.get(AZURE_KEY)
    elif openai(settings) or settings.origins.get("endpoint") == "OPENAI_BASE_URL":
        found = environment.get(OPENAI_KEY)
    return None if unset(found) else found


def openai(settings: Settings) -> bool:
    """Say whether the endpoint is OpenAI's own."""
    return urlsplit(settings.endpoint or "").hostname == OPENAI_HOST


def _printed(command: list[str]) -> str:
    """Give the first line that `command` prints; its stderr tells why it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,  # what is piped in is the prompt
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
            errors="replace",
        )
    except (OSError, ValueError) as error:  # a NUL in a word is a ValueError
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"can't run api_key_command {command[0]!r}: {reason}") from error
    except subprocess.TimeoutExpired as error:
        raise AuthError(
            f"api_key_command {command[0]} took more than {COMMAND_SECONDS} s"
        ) from error
    if done.returncode or not done.stdout.strip():
        said = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise AuthError(f"api_key_command {command[0]} failed: {said[0]}")
    return done.stdout.strip().splitlines()[0]


# Entra


def _entra(settings: Settings) -> Callable[[], str]:
    """Give what fetches tokens for the profile's endpoint; raises ConfigError without the extra."""
    try:
        import logging

        from azure.core.exceptions import AzureError  # 0.25 s, for this alone
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider
    except ImportError as error:
        raise missing_extra("azure", 'auth = "entra"') from error
    logging.getLogger("azure").addHandler(logging.NullHandler())  # its reasons are told below
    old = settings.azure and settings.backend == "assistants"
    scope = AZURE_SCOPE if old else FOUNDRY_SCOPE
    try:
        provider = get_bearer_token_provider(DefaultAzureCredential(), scope)
    except ValueError as error:  # of a variable that azure-identity reads
        raise ConfigError(f"can't sign in with Entra: {error}") from error

    def fetch() -> str:
        try:
            return provider()
        except (AzureError, ValueError) as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            lines = lines or [type(error).__name__]
            reason = next((line for line in lines if line.startswith("AzureCli")), lines[0])
            raise AuthError(
                f"no token from Entra: {reason[:LONGEST_REASON]}",
                hint="az login signs in; az account show says who is",
            ) from error

    return fetch


LONGEST_REASON = 300
"""Characters of a library's reasons that one line takes."""


def missing_extra(extra: str, what: str) -> ConfigError:
    """Give the error for a package that is not installed."""
    return ConfigError(
        f"{what} needs the extra {extra!r}",
        hint=f"install it with: python -m pip install 'asstctl[{extra}]'",
    )


# The system's keyring


def _account(settings: Settings) -> str:
    """Name a key in the keyring by profile and origin: another origin never gets it."""
    parts = urlsplit(settings.endpoint or "")
    return f"{settings.profile} {parts.scheme}://{parts.netloc}"


def _kept(settings: Settings) -> str:
    found: str | None = _keyring("get_password", SERVICE, _account(settings))
    if found is None:
        raise ConfigError(
            f"the keyring has no key for {_account(settings)}", hint=f"{_config(settings)} key set"
        )
    return found


def _config(settings: Settings) -> str:
    name = "" if settings.profile == DEFAULT_PROFILE else f" -p {settings.profile}"
    return f"asstctl{name} config"


def keep(settings: Settings, key: str) -> None:
    """Put the profile's key into the system's keyring; raises ConfigError."""
    if not settings.endpoint:
        raise settings.missing(settings.unset("endpoint"))
    first = "api_key_env" if settings.api_key_env else "api_key_command"
    if settings.api_key_env or settings.api_key_command:
        raise ConfigError(
            f"{first} is set, and comes before the keyring",
            hint=f"{_config(settings)} unset {first}",
        )
    if settings.auth != "key":
        raise ConfigError(f'auth is "{settings.auth}", which uses no key')
    _keyring("set_password", SERVICE, _account(settings), clean(key, "stdin"))


def discard(settings: Settings) -> None:
    """Take the profile's key out of the system's keyring; raises ConfigError."""
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
