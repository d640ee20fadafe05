"""Threads as conversations that the server keeps."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from asstctl._json import objects
from asstctl.backends import CHUNK
from asstctl.backends.adding import Saying, add, saying
from asstctl.backends.content import dictionary
from asstctl.backends.responses import calls, items
from asstctl.backends.responses.input import asking
from asstctl.backends.responses.resource import read
from asstctl.events import Event, Prompt
from asstctl.model import Message, ThreadFacts, moment, texts
from asstctl.store.replies import Replies
from asstctl.wire.pages import chunks, ending, found, identity, pages
from asstctl.wire.patience import Purpose
from asstctl.wire.requests import at, delete, get, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.conversations.conversation_create_params import ConversationCreateParams
    from openai.types.conversations.item_create_params import ItemCreateParams
    from openai.types.responses.response_create_params import ResponseCreateParamsBase
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

    from asstctl.backends.carrying import Added


NEWEST = 10
"""Messages at a thread's end among which a turn is looked for: tools' turns come between."""


def blankless(said: Saying) -> Saying:
    """Return what a message says without its blanks, which some servers change."""
    return said[0], "".join(said[1].split())


class Conversations:
    """Keeps threads as conversations; a Keeper."""

    purpose = Purpose.ITEM

    def __init__(self, wire: Wire, replies: Replies, place: str) -> None:
        self._wire = wire
        self._replies = replies
        self._place = place
        self._known: dict[str, set[str]] = {}  # ids that were read, by thread

    def new(self, metadata: Mapping[str, str]) -> Generator[Event, None, str]:
        """Make an empty conversation and return its id."""
        body: ConversationCreateParams = {"metadata": dict(metadata)}
        made = yield from self._wire.ask(post("/conversations", body, Purpose.CREATION))
        self._known[identity(made)] = set()  # nothing is in it
        return identity(made)

    def request(self, thread_id: str, prompt: Prompt) -> "ResponseCreateParamsBase":
        """Return the part of a request that says a prompt; some refuse a conversation as object."""
        return {"conversation": thread_id, "input": asking(prompt)}

    def begun(self, thread_id: str, response_id: str) -> None:
        """Do nothing: the turn notes it."""

    def hold(self, thread_id: str, response_id: str) -> bool:
        """Do nothing: the server adds a response that completed."""
        return True

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a conversation, or the `last` ones, oldest first."""
        ids = []
        for message in self._read(thread_id, last):
            ids.append(message.id)
            yield message
        self._known.setdefault(thread_id, set()).update(ids)  # read to the thread's newest end

    def _read(self, thread_id: str, last: int | None) -> Iterator[Message]:
        path = at("conversations", thread_id, "items")
        if last is None:
            yield from self._messages(pages(self._wire, path))
            return
        newest = self._messages(pages(self._wire, path, newest_first=True))
        yield from ending(islice(newest, last))

    def newest(self, thread_id: str) -> list[Message]:
        """Return the last messages, without remembering that they were read."""
        return list(self._read(thread_id, NEWEST))

    def back_to(self, thread_id: str, call_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Return the newest items as far back as some calls, oldest first; all for no calls."""
        wanted, found = set(call_ids), []
        everything = not wanted
        for item in pages(self._wire, at("conversations", thread_id, "items"), newest_first=True):
            found.append(item)
            if calls.is_call(item):
                wanted.discard(calls.identity(item) or "")
            if not (everything or wanted):
                break
        return found[::-1]

    def note(self, thread_id: str, item_ids: Iterable[str]) -> None:
        """Remember items that were streamed."""
        if ids := set(item_ids):
            self._known.setdefault(thread_id, set()).update(ids)

    def unread(self, thread_id: str) -> list[Message] | None:
        """Return the messages newer than all that was read, by the ids of what was."""
        known = self._known.get(thread_id)
        return None if known is None else self._since(thread_id, known)

    def lacks(self, thread_id: str, response_id: str) -> bool:
        """Return whether nothing is newer than the reply before, in what was read or noted."""
        known = self._known.get(thread_id)
        before = self._before(thread_id, response_id) if known is None else known
        return self._since(thread_id, before) == []

    def _since(self, thread_id: str, known: set[str]) -> list[Message] | None:
        newest = self.newest(thread_id)
        after = [n for n, message in enumerate(newest, 1) if message.id in known]
        fresh = not known and thread_id in self._known and len(newest) < NEWEST
        return newest[after[-1] :] if after else newest if fresh else None

    def _before(self, thread_id: str, response_id: str) -> set[str]:
        """Return the ids of what the last reply said that we know of, before a response."""
        earlier = [i for i in self._replies.all(self._place, thread_id) if i != response_id]
        if not earlier:
            return set()
        return {
            str(item.get("id")) for item in objects(read(self._wire, earlier[-1]).get("output"))
        }

    def _messages(self, listed: Iterable[Mapping[str, Any]]) -> Iterator[Message]:
        return map(items.message, listed)

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return a conversation's object."""
        return found(self._wire.call(get(at("conversations", thread_id))))

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add at most CHUNK messages at the end of a conversation."""
        from asstctl.backends.carrying import Added
        from asstctl.backends.offering import offer
        from asstctl.backends.responses.writing import item

        def arrived(some: list[Message]) -> int | None:
            newer = self._newer(thread_id)()
            sent = [saying(items.message(dict(item(one)))) for one in some]
            if newer is None or [*map(blankless, newer)] != [*map(blankless, sent[: len(newer)])]:
                return None
            return len(newer)

        def send(some: list[Message]) -> Added:
            return self._add(thread_id, list(map(item, some)))

        return offer(messages, send, arrived)

    def _newer(self, thread_id: str) -> Callable[[], list[Saying] | None]:
        """Return a reading, made at each call, of what is there and not known by now."""
        before = self._known.get(thread_id)
        known = None if before is None else frozenset(before)
        path = at("conversations", thread_id, "items")

        def newer() -> list[Saying] | None:
            listed = pages(self._wire, path, newest_first=True, limit=CHUNK + 1)
            newest = list(islice(listed, CHUNK + 1))
            new = list(takewhile(lambda item: str(item.get("id")) not in (known or ()), newest))
            self.note(thread_id, (str(item.get("id")) for item in new))
            whole = known is not None and (len(new) < len(newest) or not known)
            return [saying(items.message(item)) for item in new[::-1]] if whole else None

        return newer

    def _add(self, thread_id: str, added: "list[ResponseInputItemParam]") -> "Added":
        """Add items; their ids are "" where the answer does not say them."""
        from asstctl.backends.carrying import Added

        body: ItemCreateParams = {"items": added}
        path = at("conversations", thread_id, "items")
        sent = [saying(items.message(dict(item))) for item in added]
        answer, unsure = add(self._wire, path, body, sent, self._newer(thread_id))
        ids = [str(item.get("id")) for item in objects(dictionary(answer).get("data"))]
        self.note(thread_id, ids)
        whole = len(ids) == len(added)
        return Added(ids if whole else [""] * len(added), unsure or not whole)

    def following(self, thread_id: str, response_id: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that goes on: the conversation holds the response."""
        return {"conversation": thread_id}

    def decline(self, thread_id: str, answers: "list[ResponseInputItemParam]") -> str:
        """Answer open calls with a refusal: a conversation with one takes no prompt."""
        for chunk in chunks(answers, CHUNK):
            self._add(thread_id, chunk)
        return "it was told so"

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a conversation; its messages are counted page by page."""
        conversation = self.thread(thread_id)
        return ThreadFacts(
            messages=sum(1 for _ in self.history(thread_id)),
            created_at=moment(conversation.get("created_at")),
            metadata=texts(conversation.get("metadata")),
        )

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete one item of a conversation."""
        self._wire.call(delete(at("conversations", thread_id, "items", message_id)))

    def delete(self, thread_id: str) -> str | None:
        """Delete a conversation; return what the service says it keeps of it."""
        self._wire.call(delete(at("conversations", thread_id)))
        return "the service deletes the conversation, and keeps its items until they expire"
