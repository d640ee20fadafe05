"""The way to a server: the environment's proxy and certificates."""

import os
import sys
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from asstctl._secrets import learn
from asstctl.credentials.keys import loopback
from asstctl.errors import ConfigError

if TYPE_CHECKING:
    import ssl


def proxy(parts: SplitResult) -> SplitResult | None:
    """Return the proxy that the environment has for a URL; this machine is reached without."""
    host = parts.hostname or ""
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if loopback(host) or not (named or sys.platform == "darwin"):
        return None
    from urllib.request import getproxies, proxy_bypass  # slow, and rarely needed

    proxies = getproxies()
    given = proxies.get(parts.scheme) or proxies.get("all")
    if not given or proxy_bypass(host):
        return None
    try:
        found = urlsplit(given if "://" in given else f"http://{given}")
        whole = found.scheme == "http" and found.hostname and found.port != 0
        told = f"{found.scheme}://{found.hostname or ''}"
    except ValueError:  # its words may hold the password
        whole, told = False, "of the environment"
    if not whole:
        raise ConfigError(
            f"can't set up a connection: the proxy {told} is not an http:// one",
            hint="look at the variables HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
        )
    return found


def proxy_header(by: SplitResult) -> dict[str, str]:
    """Return the header that a proxy's user and password make."""
    if not by.username:
        return {}
    learn(unquote(by.password or ""))
    pair = f"{unquote(by.username)}:{unquote(by.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def trust() -> "ssl.SSLContext":
    """Return the certificates to check with: those of the variables, else the system's own."""
    import ssl

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file or folder:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(file or None, folder or None)
            return context
    except OSError as error:
        raise ConfigError(
            f"can't set up a connection: {file or folder}: {error.strerror or error}".lower(),
            hint="look at the variables SSL_CERT_FILE and SSL_CERT_DIR",
        ) from error
    if sys.platform == "darwin":  # its certificates are in the keychain
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()
