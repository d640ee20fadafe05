"""Our own threads, answered by a chat-completions server or by the embedded model."""

from asstctl.backends import World
from asstctl.backends.local.backend import Local, Model
from asstctl.backends.local.server import Server
from asstctl.config.settings import Settings


def connect(settings: Settings, world: World) -> Local:
    """Return the backend of a profile: a server where `endpoint` is set, else the engine."""

    def model() -> Model:
        shape = settings.shape()
        if settings.endpoint:
            return Server(settings, world, shape)
        from asstctl.backends.local.engine import Engine  # the extra `local` may be missing

        inherited = settings.childrens(world.environment)
        return Engine(settings.model, world.data / "models", inherited, shape)

    return Local(world.store, model, settings)
