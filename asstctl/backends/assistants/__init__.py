"""The threads wire: Foundry's classic agents, Azure OpenAI's form, and compatible servers."""

from functools import partial

from asstctl import credentials
from asstctl.backends import World
from asstctl.backends.assistants.backend import Assistants
from asstctl.backends.assistants.retirement import retirement, way_out
from asstctl.backends.meanings import MEANINGS
from asstctl.config.settings import Settings
from asstctl.errors import NotFoundError
from asstctl.wire.refusals import Refusal
from asstctl.wire.wire import Wire

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
    if refusal.status != NOT_FOUND or not (way := way_out(host)):
        return None
    return NotFoundError(retirement(host), hint=way, status=NOT_FOUND)
