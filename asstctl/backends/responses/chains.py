"""Threads as chains of responses, where the server keeps responses and no conversations.

Each response names the one before it. The store keeps their ids, and messages that were put into
a chain by hand until a prompt takes them along.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from asstctl.backends.responses import items
from asstctl.backends.responses.resource import inputs
from asstctl.errors import AsstctlError, NotFoundError
from asstctl.events import Notice
from asstctl.model import Message, ThreadFacts
from asstctl.store.messages import new_id
from asstctl.store.store import Store
from asstctl.store.turns import Link
from asstctl.wire.pages import NO_PATH, found, objects
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import Request, at, delete, get
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

CHAIN = "chain_"
"""How the ids of chains begin."""

CONVERSATIONS = "conversations"
REPLIES = "replies can be had again"
"""The names of abilities in the store's table."""


class Chains:
    """Keeps threads as chains of responses; a Keeper."""

    purpose = Purpose.COMPLETION

    def __init__(self, wire: Wire, store: Store, place: str) -> None:
        self._wire = wire
        self._store = store
        self._replies = store.replies
        self._place = place
        self._links: dict[str, Link] = {}  # by response, those that began here
        self._asked: dict[str, tuple[str, int]] = {}
        # by thread, the response that the last request goes on from, and the position of the
        # last kept message that it takes along

    @property
    def kept(self) -> bool | None:
        """Whether the server keeps the replies of chains; None: not known yet."""
        return self._store.abilities.has(self._place, REPLIES)

    def note_kept(self, *, has: bool) -> None:
        """Remember whether the server keeps the replies of chains."""
        self._store.abilities.note(self._place, REPLIES, has=has)

    def keeps(self, response_id: str) -> bool | None:
        """Ask, and remember, whether a reply that has just ended can be had again."""
        once = Request("GET", at("responses", response_id), attempts=1)
        try:
            has = found(self._wire.call(once)).get("id") == response_id
        except AsstctlError as error:
            if error.status not in (*NO_PATH, 400, 500):  # a gateway says 500 for what it lacks
                return None
            has = False
        self.note_kept(has=has)
        return has

    def unused(self) -> str:
        """Return the id of a chain that will exist once a response has begun in it."""
        return new_id(CHAIN.rstrip("_"))

    def first(self, thread_id: str, text: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that says the first prompt of a chain."""
        self._asked[thread_id] = ("", 0)
        return {"input": text}

    def request(self, thread_id: str, text: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that says `text`, after the messages put there since."""
        key = (thread_id, self._place)
        held = self._replies.held(self._place, thread_id)
        self._asked[thread_id] = (held[-1] if held else "", self._store.messages.last(key))
        said: list[ResponseInputItemParam] = [
            items.spoken(message) for message in self._store.messages.of(key)
        ]
        body: ResponseCreateParamsBase = {"input": text}
        if said:
            body["input"] = [*said, {"type": "message", "role": "user", "content": text}]
        if held:
            body["previous_response_id"] = held[-1]
        return body

    def following(self, thread_id: str, response_id: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that goes on from a response."""
        self._asked[thread_id] = (response_id, 0)
        return {"previous_response_id": response_id}

    def begun(self, thread_id: str, response_id: str) -> None:
        """Note a response that begins, if it follows another one or kept messages."""
        link = Link(self._place, thread_id, response_id, *self._asked[thread_id])
        self._links[response_id] = link
        if link.after or link.sent:
            at = (self._place, thread_id, response_id)
            with suppress(AsstctlError):  # a held store: `hold` notes it in any case
                self._replies.begin(*at, after=link.after, sent=link.sent, seconds=0)

    def hold(self, thread_id: str, response_id: str) -> bool:
        """Continue the chain from a response; return False if another was first.

        A response that is held proves that the server has no conversations.
        """
        link = self._links.get(response_id) or Link(self._place, thread_id, response_id)
        held, beside = self._store.turns.hold(link, self._proved)
        if beside:
            note = f"the store is locked: this reply is noted in {beside} until it is free"
            self._wire.tell(Notice(note))
        return held

    def _proved(self) -> None:
        """Remember that the server has no conversations."""
        if self._store.abilities.has(self._place, CONVERSATIONS) is None:
            self._store.abilities.note(self._place, CONVERSATIONS, has=False)

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a chain, or the `last` ones, oldest first.

        A response that the server no longer has is one message with the status `gone`.
        """
        kept = list(self._store.messages.of((thread_id, self._place)))
        held = self._replies.held(self._place, thread_id)
        if last is None:
            yield from self._said(held)
            yield from kept
        else:
            yield from [*self._said(held[-last:]), *kept][-last:]

    def _said(self, held: list[str]) -> Iterator[Message]:
        """Yield the messages of responses; an input may repeat earlier ones."""
        seen: set[str] = set()
        for response_id in held:
            whole = get(at("responses", response_id))
            begun = self._wire.begin(whole)  # both are on their way at once
            try:
                asked = inputs(self._wire, response_id)
                response = found(self._wire.call(whole, begun))
            except NotFoundError:
                if begun:
                    begun.close()
                yield Message(response_id, "assistant", (), status="gone")
                continue
            for item in (*asked, *objects(response.get("output"))):
                identity = str(item.get("id") or "")
                if identity in seen:
                    continue
                if identity:
                    seen.add(identity)
                if message := items.message(item):
                    yield message

    def newest(self, thread_id: str) -> list[Message]:
        """Return the messages of the last response, and those that are kept."""
        return list(self.history(thread_id, 1))

    def note(self, thread_id: str, item_ids: Iterable[str]) -> None:
        """Do nothing: a chain knows what it goes on from."""

    def since(self, thread_id: str, response_id: str | None) -> list[Message]:
        """Return what a response said if the chain goes on from it; else nothing is new."""
        held = self._replies.held(self._place, thread_id)
        return list(self._said([response_id])) if response_id and response_id in held else []

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Keep messages for the next prompt to take along."""
        self._store.messages.append((thread_id, self._place), list(messages))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a chain's messages; raises NotFoundError where the index has no such chain."""
        return ThreadFacts(messages=sum(1 for _ in self.history(thread_id)))

    def decline(self, thread_id: str, answers: "list[ResponseInputItemParam]") -> str:
        """Do nothing: a chain does not go on from a response with open calls."""
        return "the thread goes on from before this prompt"

    def delete(self, thread_id: str) -> str | None:
        """Delete every response that began in a chain and is still there."""
        for response_id in self._replies.all(self._place, thread_id):
            try:
                self._wire.call(delete(at("responses", response_id)))
            except NotFoundError:
                continue  # the server deleted it by itself
        return None
