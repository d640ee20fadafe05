"""Threads as chains of responses, where the server keeps responses and no conversations.

Each response names the one before it. The store keeps their ids, and messages that were put into
a chain by hand until a prompt takes them along.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asstctl._ids import CHAIN
from asstctl._json import objects
from asstctl.backends.responses import items
from asstctl.backends.responses.input import asking
from asstctl.backends.responses.resource import inputs
from asstctl.errors import AsstctlError, NotFoundError, UnsupportedError
from asstctl.events import Notice, Prompt
from asstctl.model import Message, ThreadFacts
from asstctl.parts import File, Image, ToolResult
from asstctl.store.messages import new_id
from asstctl.store.store import Store
from asstctl.store.turns import Link
from asstctl.wire.pages import NO_PATH, SERVER_ERROR, found
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import Request, at, delete, get
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

    from asstctl.backends.carrying import Added

CONVERSATIONS = "conversations"
REPLIES = "replies can be had again"
DOUBTED = "a reply could not be had once"
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
        self._asked: dict[str, str] = {}  # by thread, what the last request goes on from

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
            if error.status not in (*NO_PATH, 400, SERVER_ERROR) or self._is_first(error):
                return None
            has = False
        self.note_kept(has=has)
        return has

    def _is_first(self, error: AsstctlError) -> bool:
        """Return whether a 500 is the first to the question, and note it.

        Gateways say 500 for what they lack, and anybody may once.
        """
        abilities = self._store.abilities
        if error.status != SERVER_ERROR or abilities.has(self._place, DOUBTED):
            return False
        abilities.note(self._place, DOUBTED, has=True)
        return True

    def unused(self) -> str:
        """Return the id of a chain that will exist once a response has begun in it."""
        return new_id(CHAIN.rstrip("_"))

    def request(self, thread_id: str, prompt: Prompt) -> "ResponseCreateParamsBase":
        """Return the part of a request that says a prompt, after the messages put there since.

        Where the server can't know what was said before, all that is kept goes along.
        """
        held = self._replies.held(self._place, thread_id)
        self._asked[thread_id] = held[-1] if held else ""
        if held and self.kept is None:
            self.keeps(held[-1])
        if not held or self.kept is False:
            return self.whole(thread_id, prompt)
        since: list[Message] = []
        for message in self._kept(thread_id):
            if message.run == held[-1]:
                since.clear()
            elif not message.run:
                since.append(message)
        body = _input(since, prompt)
        body["previous_response_id"] = held[-1]
        return body

    def whole(self, thread_id: str, prompt: Prompt) -> "ResponseCreateParamsBase":
        """Return the part of a request that says all that is kept of a thread, and a prompt."""
        held = set(self._replies.held(self._place, thread_id))
        kept = (m for m in self._kept(thread_id) if not m.run or m.run in held)
        return _input(map(self._at_hand, kept), prompt)

    def _at_hand(self, message: Message) -> Message:
        """Return a message with the contents of files that no server has, as data URLs."""
        if not any(isinstance(part, Image | File) for part in message.parts):
            return message
        from asstctl.store.lifting import held

        files = self._store.files
        parts = tuple(held(part, files.contents) for part in message.parts)
        return replace(message, parts=parts)

    def _kept(self, thread_id: str) -> list[Message]:
        """Return what is kept of a thread; nothing of a new one."""
        try:
            return list(self._store.messages.of((thread_id, self._place), raw=True))
        except NotFoundError:
            return []

    def following(self, thread_id: str, response_id: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that goes on from a response."""
        self._asked[thread_id] = response_id
        return {"previous_response_id": response_id}

    def begun(self, thread_id: str, response_id: str) -> None:
        """Note a response that begins, if it follows another one."""
        link = Link(self._place, thread_id, response_id, self._asked[thread_id])
        self._links[response_id] = link
        if link.after:
            at = (self._place, thread_id, response_id)
            with suppress(AsstctlError):  # a held store: `hold` notes it in any case
                self._replies.begin(*at, after=link.after, seconds=0)

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

        A response that the server no longer has is what is kept of it, else one message with the
        status `gone`.
        """
        turns: dict[str, list[Message]] = {}  # by run; a message of none is a turn of its own
        for number, message in enumerate(self._kept(thread_id)):
            turns.setdefault(message.run or f"{number}", []).append(message)
        held = self._replies.held(self._place, thread_id)
        wanted: list[str | Message] = [run for run in held if run not in turns]
        for name, kept in turns.items():
            wanted += [name] if name in held else kept if name.isdecimal() else []
        if last is None:
            yield from self._said(wanted, turns)
        else:
            yield from list(self._said(wanted[-last:], turns))[-last:]

    def _said(
        self, wanted: Iterable[str | Message], turns: Mapping[str, list[Message]]
    ) -> Iterator[Message]:
        """Yield messages, and those of responses; an input may repeat earlier ones."""
        seen: set[str] = set()
        for one in wanted:
            found = [one] if isinstance(one, Message) else self._turn(one, turns.get(one, []))
            for message in found:
                if not message.id or message.id not in seen:
                    seen.add(message.id)
                    yield message

    def _turn(self, response_id: str, kept: list[Message]) -> list[Message]:
        """Return the messages of one response, as the server has them, else as they are kept."""
        if kept and self.kept is False:
            return kept
        whole = get(at("responses", response_id))
        begun = None if kept else self._wire.begin(whole)  # both are on their way at once
        try:
            asked = [] if kept else self._inputs(response_id)
            if begun and not asked:
                begun.close()
                begun = None
            response = found(self._wire.call(whole, begun))
        except NotFoundError:
            if begun:
                begun.close()
            return kept or [Message(response_id, "assistant", (), status="gone")]
        listed = map(items.message, (*asked, *objects(response.get("output"))))
        said = [replace(message, run=response_id) for message in listed]
        if not kept:
            return said
        there = {message.id for message in said}
        ours = [m for m in kept if m.id not in there and (m.id or asks(m))]
        return ours + said

    def _inputs(self, response_id: str) -> list[dict[str, Any]]:
        """Return what a response was asked with, nothing where the server does not say it."""
        try:
            return inputs(self._wire, response_id)
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            return []

    def newest(self, thread_id: str) -> list[Message]:
        """Return the messages of the last response, and those that are kept."""
        return list(self.history(thread_id, 1))

    def note(self, thread_id: str, item_ids: Iterable[str]) -> None:
        """Do nothing: a chain knows what it goes on from."""

    def unread(self, thread_id: str) -> None:
        """Return None: a chain does not go on from a response that has no id."""

    def lacks(self, thread_id: str, response_id: str) -> bool:
        """Return whether the chain does not go on from a response."""
        return response_id not in self._replies.held(self._place, thread_id)

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return {}: a chain is known here alone."""
        return {}

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Keep messages for the next prompt to take along."""
        from asstctl.backends.carrying import Added

        return Added(self._store.messages.append((thread_id, self._place), messages))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Count a chain's messages; raises NotFoundError where the index has no such chain."""
        return ThreadFacts(messages=sum(1 for _ in self.history(thread_id)))

    def decline(self, thread_id: str, answers: "list[ResponseInputItemParam]") -> str:
        """Do nothing: a chain does not go on from a response with open calls."""
        return "the thread goes on from before this prompt"

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Raise UnsupportedError: a chain's responses go as a whole."""
        raise UnsupportedError(
            f"{self._wire.host} can't delete one message of a chain",
            hint="--kept deletes it here alone",
        )

    def delete(self, thread_id: str) -> str | None:
        """Delete every response that began in a chain and is still there."""
        for response_id in self._replies.all(self._place, thread_id):
            try:
                self._wire.call(delete(at("responses", response_id)))
            except NotFoundError:
                continue  # the server deleted it by itself
        return None


def asks(said: Message) -> bool:
    """Return whether a message is a part of what a response was asked with."""
    return said.role == "user" or any(isinstance(part, ToolResult) for part in said.parts)


def _input(said: Iterable[Message], prompt: Prompt) -> "ResponseCreateParamsBase":
    """Return the part of a request that says messages, and then a prompt."""
    from asstctl.backends.responses.writing import again, spoken, whole_calls  # few

    kept = list(said)
    answered = whole_calls(kept)
    before = [item for message in kept for item in again(message, answered)]
    if not before:
        return {"input": asking(prompt)}
    return {"input": [*before, spoken(prompt.message)]}
