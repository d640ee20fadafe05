"""The threads wire: Foundry's classic agents, Azure OpenAI's form, and compatible servers."""

from functools import partial

from asstctl import credentials
from asstctl.backends import World
from asstctl.backends.assistants.backend import Assistants
from asstctl.backends.meanings import MEANINGS
from asstctl.config.settings import Settings
from asstctl.errors import NotFoundError
from asstctl.wire.refusals import Refusal
from asstctl.wire.wire import Wire

RETIRED = {
    "api.openai.com": "its threads are gone; -p NAME chooses another server",
    ".openai.azure.com": "a Foundry project endpoint speaks it until 2027-03-31",
}
"""Hosts whose threads API ended, and what can still be done."""

NOT_FOUND = 404


def connect(settings: Settings, world: World) -> Assistants:
    """Return the backend of a profile; raises ConfigError that names all that it lacks."""
    signing = credentials.signing(settings, world.environment)
    missing: list[str] = []
    if settings.azure:
        missing = settings.unset("endpoint", "api_version", "assistant_id")
    if not signing and (settings.azure or settings.project):
        missing.append(credentials.whereabouts(settings))
    if missing:
        raise settings.missing(missing)
    endpoint = settings.place
    query = {}
    if settings.azure:
        endpoint = endpoint.removesuffix("/openai") + "/openai"
    if settings.azure or settings.project:
        query["api-version"] = settings.api_version or "v1"
    wire = Wire(
        endpoint,
        signing,
        settings.timeout,
        tell=world.tell,
        meanings=(partial(retired, settings.host), *MEANINGS),
        headers={"OpenAI-Beta": "assistants=v2"},
        query=query,
    )
    return Assistants(wire, world.store, settings)


def retired(host: str, refusal: Refusal) -> NotFoundError | None:
    """Return the error for a 404 of a host whose threads API ended; None for any other host."""
    ways = (way for name, way in RETIRED.items() if host.endswith(name))
    if refusal.status != NOT_FOUND or not (way := next(ways, None)):
        return None
    words = f"the threads API at {host} was retired on 2026-08-26"
    return NotFoundError(words, hint=way, status=NOT_FOUND)
