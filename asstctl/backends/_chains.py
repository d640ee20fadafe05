"""Threads as chains of responses, where the server keeps responses and no conversations.

Each response names the one before it. The index keeps their ids, and messages that were put into
a chain by hand until a prompt takes them along.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

from asstctl.backends import _items as items
from asstctl.backends._lists import found, pages
from asstctl.backends._wire import Wire
from asstctl.errors import NotFoundError
from asstctl.events import Message, Thread, ThreadFacts
from asstctl.store import Store, new_id

PREFIX = "chain_"
"""How the ids of chains begin: they are ours."""


class Chains:
    """Keeps threads as chains of responses; a Keeper."""

    def __init__(self, wire: Wire, store: Store, place: str, profile: str) -> None:
        self._wire = wire
        self._store = store
        self._place = place
        self._profile = profile

    def new(self, metadata: Mapping[str, str]) -> str:
        """Make an empty chain and give its id."""
        thread_id = new_id(PREFIX.rstrip("_"))
        thread = Thread(thread_id, "responses", self._place, self._profile, metadata=metadata)
        self._store.remember(thread)
        return thread_id

    def request(self, thread_id: str, text: str) -> dict[str, Any]:
        """Give what ties a prompt to its chain, and what was put there since the last one."""
        kept = [items.spoken(message) for message in self._store.messages(thread_id)]
        prompt = {"type": "message", "role": "user", "content": text}
        body: dict[str, Any] = {"input": [*kept, prompt] if kept else text}
        if held := self._store.replies.held(self._place, thread_id):
            body["previous_response_id"] = held[-1]
        return body

    def held(self, thread_id: str, response_id: str) -> None:
        """Go on from a response: with it the server has what was put into the chain."""
        self._store.replies.hold(self._place, thread_id, response_id)
        self._store.clear(thread_id)

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a chain, or the `last` ones, oldest first.

        A response that the server has let go of is one message with the status `gone`.
        """
        kept = list(self._store.messages(thread_id))
        held = self._store.replies.held(self._place, thread_id)
        if last is None:
            yield from self._told(held)
            yield from kept
        else:
            yield from [*self._told(held[-last:]), *kept][-last:]

    def _told(self, held: list[str]) -> Iterator[Message]:
        """Give the messages of responses; an input may tell again what came before."""
        seen: set[str] = set()
        for response_id in held:
            try:
                response = found(self._wire.call("GET", f"/responses/{response_id}"))
                asked = list(pages(self._wire, f"/responses/{response_id}/input_items"))
            except NotFoundError:
                yield Message(response_id, "assistant", (), status="gone")
                continue
            for item in (*asked, *(response.get("output") or ())):
                identity = str(item.get("id") or "")
                message = items.message(item) if identity not in seen else None
                seen.add(identity or response_id)
                if message:
                    yield message

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Keep messages for the next prompt to take along."""
        self._store.append(thread_id, list(messages))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a chain's messages."""
        return ThreadFacts(messages=sum(1 for _ in self.history(thread_id)))

    def following(self, thread_id: str, response_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Give what ties a request to a response."""
        return {"previous_response_id": response_id}

    def decline(self, thread_id: str, answers: list[dict[str, Any]]) -> str:  # noqa: ARG002
        """Do nothing: a chain does not go on from a response with open calls."""
        return "the thread goes on from before this prompt"

    def delete(self, thread_id: str) -> str | None:
        """Delete every response of a chain that is still there."""
        self._store.count(thread_id)
        for response_id in self._store.replies.held(self._place, thread_id):
            try:
                self._wire.call("DELETE", f"/responses/{response_id}")
            except NotFoundError:
                continue  # the server let go of it by itself
        return None
