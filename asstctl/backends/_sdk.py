"""The vendor's client, for what is not urgent: it takes 0.6 to 1.0 s to load."""

from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from asstctl.backends._wire import Wire, reason
from asstctl.credentials import loopback
from asstctl.errors import AsstctlError


def client(wire: Wire, transport: httpx2.Client) -> openai.OpenAI:
    """Give the vendor's client for the endpoint of a wire, which signs as that does."""
    common: Any = {
        "base_url": wire.endpoint,
        "http_client": transport,
        "max_retries": 0,
        "default_headers": wire.headers,
    }
    signed = wire.signed()
    if key := signed.get("api-key"):
        version = wire.query["api-version"]
        return openai.AzureOpenAI(api_key=key, api_version=version, **common)
    key = signed.get("Authorization", "").removeprefix("Bearer ")
    return openai.OpenAI(api_key=key or "none", default_query=wire.query, **common)


def delete(wire: Wire, path: str) -> Any:
    """Delete what is at `path` and give the server's answer; raises AsstctlError."""
    here = loopback(urlsplit(wire.endpoint).hostname or "")  # a proxy would carry it elsewhere
    with httpx2.Client(timeout=wire.timeout, trust_env=not here) as transport:
        try:
            return client(wire, transport).delete(path, cast_to=object)
        except openai.APIStatusError as error:
            response = error.response
            if location := response.headers.get("location"):
                wire.redirected(response.request.url.raw_path.decode(), location)
            raise wire.failure(
                response.status_code, response.reason_phrase, response.headers, response.content
            ) from error
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
                raise wire.unconnected(error) from error
            raise wire.unanswered(error) from error
        except (openai.APIError, ValueError) as error:
            raise AsstctlError(f"{wire.host}: {reason(error)}") from error
