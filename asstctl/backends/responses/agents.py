"""A Foundry project's agents. Shapes as in azure-ai-projects: a name, versions, a definition."""

from collections.abc import Iterator, Mapping
from typing import Any

from asstctl.backends.stream import understood
from asstctl.model import Assistant
from asstctl.wire.pages import found, pages
from asstctl.wire.requests import at, get
from asstctl.wire.wire import Wire


class Agents:
    """The agents of the project that `wire` speaks to."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def all(self) -> Iterator[Assistant]:
        """Yield every agent."""
        return map(agent, pages(self._wire, "/agents"))

    def one(self, name: str) -> Assistant:
        """Return an agent by name; raises NotFoundError."""
        return agent(found(self._wire.call(get(at("agents", name)))))


def agent(facts: Mapping[str, Any]) -> Assistant:
    """Return an agent, at its newest version."""
    with understood():
        latest = (facts.get("versions") or {}).get("latest") or facts
        definition = latest.get("definition") or {}
        name = str(facts.get("name") or facts.get("id") or "")
        return Assistant(name, name, str(definition.get("model") or ""), facts)
