"""Ways to connect that are at hand: keys in the environment, and servers on this machine."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

from asstctl._record import record
from asstctl.config.settings import AZURE_KEY, OPENAI_KEY, VENDOR_VARIABLES
from asstctl.config.values import unset
from asstctl.errors import AsstctlError, UnconfiguredError
from asstctl.wire.pages import models
from asstctl.wire.wire import Wire

PORTS: Mapping[int, str] = {
    11434: "Ollama",
    8080: "llama-server",
    1234: "LM Studio",
    8000: "vLLM",
    4000: "LiteLLM",
}
"""The ports on which servers for one machine usually listen, and those servers' names."""

SECONDS = 0.5
"""How long a server on this machine may take to answer."""


@record
class Server:
    """A chat-completions server on this machine, and the names of its models."""

    name: str
    endpoint: str
    models: tuple[str, ...]


def servers() -> list[Server]:
    """Return the servers that answer on the usual ports of this machine, all asked at once."""
    with ThreadPoolExecutor(len(PORTS)) as asked:
        return [found for found in asked.map(_server, PORTS) if found]


def _server(port: int) -> Server | None:
    wire = Wire(f"http://127.0.0.1:{port}/v1", None, SECONDS, tell=lambda _: None)
    with suppress(AsstctlError), closing(wire):
        return Server(PORTS[port], f"http://localhost:{port}/v1", tuple(models(wire)))
    return None


def unconfigured(environment: Mapping[str, str]) -> UnconfiguredError:
    """Return the error of a command for which no server was ever chosen: it names the choices."""
    return UnconfiguredError(
        "nothing is set up yet; asstctl config init asks for what is needed, or:",
        choices=list(_choices(environment)),
    )


def _choices(environment: Mapping[str, str]) -> Iterator[str]:
    first = f"set {OPENAI_KEY}, then" if unset(environment.get(OPENAI_KEY)) else "the key is set"
    yield (f"OpenAI: {first}: asstctl config init --no-input --backend responses --model gpt-5")
    variables = [names[0] for names in VENDOR_VARIABLES.values()]
    yield f"a server of assistants: set {', '.join((*variables, AZURE_KEY))}"
    for server in servers()[:1]:
        model = f" --model {server.models[0]}" if server.models else ""
        yield (
            f"{server.name} on this machine: asstctl config init --no-input --backend local"
            f" --endpoint {server.endpoint}{model}"
        )
    yield 'no server: asstctl -p local ask "Hello" answers from a small model, embedded'
