"""Our own threads, answered by a chat-completions server or by the embedded model."""

from asstctl.backends import World
from asstctl.backends.local.backend import Local, Model
from asstctl.backends.local.server import Server
from asstctl.config.settings import Settings


def connect(settings: Settings, world: World) -> Local:
    """Return the backend of a profile: a server where `endpoint` is set, else the engine."""

    def model() -> Model:
        if settings.endpoint:
            return Server(settings, world)
        from asstctl.backends.local.engine import Engine  # the extra `local` may be missing

        return Engine(settings.model, world.data / "models", settings.childrens(world.environment))

    return Local(world.store, model, settings)
