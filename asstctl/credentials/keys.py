"""Keys and tokens, and how requests are signed with them."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from asstctl._installed import adding
from asstctl._secrets import learn
from asstctl.errors import ConfigError


class Signing:
    """How requests are signed: `header` with a key or token behind `prefix`.

    `fetch` returns the key. Where `renewable`, a refused one may be fetched again: tokens expire.
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
        """Return the header; raises what fetching the key raises."""
        return {self._header: self._prefix + self.key}

    def renew(self) -> bool:
        """Fetch the key again after it was refused; return whether it is another one."""
        if not self._renewable:
            return False
        refused, self._key = self._key, None
        return self.key != refused


class Tokens(Signing):
    """Signs with Entra's tokens, which azure-identity fetches again before they expire."""

    def __init__(self, fetch: Callable[[], str]) -> None:
        super().__init__("Authorization", "Bearer ", fetch)

    @property
    def key(self) -> str:
        """The token that is valid now."""
        token = self._fetch()
        learn(token)
        return token


def clean(found: str, source: str) -> str:
    """Return a key without blanks around it; raises ConfigError for one no header can carry."""
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigError(f"the key from {source} is not one word of ASCII")
    learn(found)
    return found


def private(endpoint: str) -> bool:
    """Return whether nobody between here and `endpoint` can read: https, or this machine."""
    parts = urlsplit(endpoint)
    return parts.scheme == "https" or loopback(parts.hostname or "")


def loopback(host: str) -> bool:
    """Return whether `host` is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


LONGEST_REASON = 300
"""Characters of a library's reasons that one line takes."""


def missing_extra(extra: str, what: str) -> ConfigError:
    """Return the error for a package that is not installed."""
    return ConfigError(
        f"{what} needs the extra {extra!r}",
        hint=f"install it with: {adding(extra)}",
    )
