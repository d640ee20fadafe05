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
from asstctl.store import CHAIN, Store, new_id


class Chains:
    """Keeps threads as chains of responses; a Keeper."""

    def __init__(self, wire: Wire, store: Store, place: str, profile: str) -> None:
        self._wire = wire
        self._store = store
        self._place = place
        self._profile = profile
        self._asked: dict[str, tuple[str, int]] = {}  # by thread, what the last request names:
        # the response that it goes on from, and the place of the last message it takes along

    def new(self, metadata: Mapping[str, str]) -> str:
        """Make an empty chain and give its id."""
        thread_id = self.unused()
        self._remember(thread_id, metadata)
        return thread_id

    def unused(self) -> str:
        """Give the id of a chain that will exist once a response has begun in it."""
        return new_id(CHAIN.rstrip("_"))

    def _remember(self, thread_id: str, metadata: Mapping[str, str]) -> None:
        thread = Thread(thread_id, "responses", self._place, self._profile, metadata=metadata)
        self._store.remember(thread)

    def first(self, thread_id: str, text: str) -> dict[str, Any]:
        """Give what says the first prompt of a chain that does not exist yet."""
        self._asked[thread_id] = ("", 0)
        return {"input": text}

    def request(self, thread_id: str, text: str) -> dict[str, Any]:
        """Give what ties a prompt to its chain, and what was put there since the last one."""
        held = self._store.replies.held(self._place, thread_id)
        self._asked[thread_id] = (held[-1] if held else "", self._store.last_place(thread_id))
        kept = [items.spoken(message) for message in self._store.messages(thread_id)]
        prompt = {"type": "message", "role": "user", "content": text}
        tie = {"previous_response_id": held[-1]} if held else {}
        return {**tie, "input": [*kept, prompt] if kept else text}

    def following(self, thread_id: str, response_id: str) -> dict[str, Any]:
        """Give what ties a request to a response."""
        self._asked[thread_id] = (response_id, 0)
        return {"previous_response_id": response_id}

    def begun(self, thread_id: str, response_id: str) -> None:
        """Note a response, and with the first one that the chain exists."""
        after, sent = self._asked[thread_id]
        self._remember(thread_id, {})
        self._store.replies.begin(self._place, thread_id, response_id, after=after, sent=sent)

    def hold(self, thread_id: str, response_id: str) -> bool:
        """Go on from a response, unless the chain went on from another meanwhile."""
        return self._store.replies.hold(self._place, thread_id, response_id)

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
                if identity in seen:
                    continue
                if identity:
                    seen.add(identity)
                if message := items.message(item):
                    yield message

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Keep messages for the next prompt to take along."""
        self._store.append(thread_id, list(messages))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a chain's messages; raises NotFoundError where the index has no such chain."""
        return ThreadFacts(messages=sum(1 for _ in self.history(thread_id)))

    def decline(self, thread_id: str, answers: list[dict[str, Any]]) -> str:  # noqa: ARG002
        """Do nothing: a chain does not go on from a response with open calls."""
        return "the thread goes on from before this prompt"

    def delete(self, thread_id: str) -> str | None:
        """Delete every response that began in a chain and is still there."""
        for response_id in self._store.replies.all(self._place, thread_id):
            try:
                self._wire.call("DELETE", f"/responses/{response_id}")
            except NotFoundError:
                continue  # the server let go of it by itself
        return None
