"""Threads as conversations that the server keeps."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from asstctl.backends import _items as items
from asstctl.backends._lists import chunks, found, identity, pages
from asstctl.backends._objects import moment, texts
from asstctl.backends._wire import Wire
from asstctl.events import Message, ThreadFacts
from asstctl.store import Store

CHUNK = 20
"""Items that the wire takes in one request."""


class Conversations:
    """Keeps threads as conversations; a Keeper."""

    def __init__(self, wire: Wire, store: Store, place: str) -> None:
        self._wire = wire
        self._store = store
        self._place = place

    def new(self, metadata: Mapping[str, str]) -> str:
        """Make an empty conversation and give its id."""
        return identity(self._wire.call("POST", "/conversations", {"metadata": dict(metadata)}))

    def request(self, thread_id: str, text: str) -> dict[str, Any]:
        """Give what ties a prompt to its conversation: its id; as an object some refuse it."""
        return {"conversation": thread_id, "input": text}

    def begun(self, thread_id: str, response_id: str) -> None:
        """Note a response, so that it can be found again."""
        self._store.replies.begin(self._place, thread_id, response_id)

    def hold(self, thread_id: str, response_id: str) -> bool:  # noqa: ARG002 - a Keeper's signature
        """Do nothing: the server adds a response that completed."""
        return True

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a conversation, or the `last` ones, oldest first."""
        if last is None:
            yield from self._messages(pages(self._wire, f"/conversations/{thread_id}/items"))
            return
        listed = pages(self._wire, f"/conversations/{thread_id}/items", newest_first=True)
        yield from reversed(list(islice(self._messages(listed), last)))

    def _messages(self, listed: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
        return (message for item in listed if (message := items.message(item)))

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a conversation, CHUNK a request."""
        for chunk in chunks(messages, CHUNK):
            self._add(thread_id, [items.spoken(message) for message in chunk])

    def _add(self, thread_id: str, added: list[dict[str, Any]]) -> None:
        self._wire.call("POST", f"/conversations/{thread_id}/items", {"items": added})

    def following(self, thread_id: str, response_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Give what ties a request to the conversation: it holds the response already."""
        return {"conversation": thread_id}

    def decline(self, thread_id: str, answers: list[dict[str, Any]]) -> str:
        """Answer open calls with a refusal: a conversation with one takes no prompt."""
        for chunk in chunks(answers, CHUNK):
            self._add(thread_id, chunk)
        return "it was told so"

    def facts(self, thread_id: str) -> ThreadFacts:
        """Say what is known of a conversation; its messages are counted page by page."""
        conversation = found(self._wire.call("GET", f"/conversations/{thread_id}"))
        return ThreadFacts(
            messages=sum(1 for _ in self.history(thread_id)),
            created_at=moment(conversation.get("created_at")),
            metadata=texts(conversation.get("metadata")),
        )

    def delete(self, thread_id: str) -> str | None:
        """Delete a conversation; gives what the service says it keeps of it."""
        self._wire.call("DELETE", f"/conversations/{thread_id}")
        return "the service deletes the conversation, and keeps its items until they expire"
