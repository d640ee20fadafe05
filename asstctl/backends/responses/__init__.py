"""Conversations + Responses: OpenAI, Foundry projects, Azure OpenAI resources, compatible servers.

A thread is a conversation; where the server has none it is a chain of responses.
"""

from asstctl import credentials
from asstctl.backends import World
from asstctl.backends.responses.backend import Responses, lacking
from asstctl.config.settings import Settings


def connect(settings: Settings, world: World) -> Responses:
    """Return the backend of a profile; raises ConfigError that names all that it lacks."""
    signing = credentials.signing(settings, world.environment)
    if not signing and (settings.azure or settings.project or settings.openai):
        raise settings.missing([*lacking(settings), credentials.whereabouts(settings)])
    return Responses(signing, world, settings)
