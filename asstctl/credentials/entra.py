"""Tokens of Entra, through azure-identity."""

from collections.abc import Callable

from asstctl.config.settings import Settings
from asstctl.credentials.keys import LONGEST_REASON, missing_extra
from asstctl.errors import AuthError, ConfigError
from asstctl.kind import FOUNDRY_SCOPE


def tokens(settings: Settings) -> Callable[[], str]:
    """Return a function that returns a token; raises ConfigError without the extra `azure`."""
    try:
        import logging

        from azure.core.exceptions import AzureError  # 0.25 s, for this alone
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider
    except ImportError as error:
        raise missing_extra("azure", 'auth = "entra"') from error
    logging.getLogger("azure").addHandler(logging.NullHandler())  # its reasons are told below
    scope = settings.backend.facts.azure_scope if settings.azure else FOUNDRY_SCOPE
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
