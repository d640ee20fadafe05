"""A prompt, posted to a conversation, or to a chain where the server has no conversations."""

from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from asstctl._ids import CHAIN
from asstctl.backends.cancelling import CANCEL_SECONDS
from asstctl.backends.responses import calls
from asstctl.backends.responses.asking import Asking
from asstctl.backends.responses.chains import CONVERSATIONS, Chains
from asstctl.backends.responses.conversations import Conversations
from asstctl.backends.responses.held import may_be_open
from asstctl.backends.responses.keeper import Keeper
from asstctl.backends.responses.reply import WHOLE, Reply
from asstctl.backends.responses.resource import read
from asstctl.backends.responses.response import Response
from asstctl.backends.stream import interruption, unanswered
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError, ConfigError, NotFoundError, StoppedError
from asstctl.events import Event, Notice, Prompt, RunFinished, RunStarted, Stream
from asstctl.model import count
from asstctl.store.store import Store
from asstctl.wire.pages import NO_PATH
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase


class Prompting:
    """Posts prompts to one server, and streams the replies."""

    def __init__(self, wire: Wire, store: Store, settings: Settings) -> None:
        self._wire = wire
        self._settings = settings
        self._place = settings.place
        self._abilities = store.abilities
        self._replies = store.replies
        self._asking = Asking(settings, store.abilities)
        self._conversations = Conversations(wire, store.replies, settings.place)
        self._chains = Chains(wire, store, settings.place)
        self._waiting: Reply | None = None  # its calls lack answers

    def keeper(self, thread_id: str) -> Keeper:
        """Return the way in which a thread is kept."""
        return self._chains if thread_id.startswith(CHAIN) else self._conversations

    def reply(self, thread_id: str, *, announced: bool = False) -> Reply:
        """Return a reply of a thread, before it has begun."""
        response = Response(thread_id, announced=announced)
        return Reply(self._wire, self.keeper(thread_id), response)

    def conversation(self, metadata: Mapping[str, str]) -> Generator[Event, None, str | None]:
        """Make a conversation and return its id; None where the server has no such thing."""
        if self._abilities.has(self._place, CONVERSATIONS) is False:
            return None
        try:
            return (yield from self._conversations.new(metadata))
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            return None

    def new_chain(self) -> str:
        """Return the id of a chain that will exist once a response has begun in it."""
        return self._chains.unused()

    def to_new_thread(self, prompt: Prompt) -> Stream:
        """Make a thread with the prompt in it, and stream the reply."""
        thread_id = yield from self.conversation({})
        if thread_id:
            yield RunStarted(thread_id)
            said = self._conversations.request(thread_id, prompt)
            yield from self._asked(self.reply(thread_id, announced=True), said)
            return
        thread_id = self.new_chain()
        yield from self._to_chain(thread_id, prompt)

    def to_old_thread(self, thread_id: str, prompt: Prompt) -> Stream:
        """Post a prompt to a thread, and stream the reply."""
        if thread_id.startswith(CHAIN):
            yield from self._to_chain(thread_id, prompt)
        else:
            said = self._conversations.request(thread_id, prompt)
            yield from self._asked(self.reply(thread_id), said)

    def _to_chain(self, thread_id: str, prompt: Prompt) -> Stream:
        """Ask in a chain; where the server keeps no replies, what is kept here goes along."""
        told = self._chains.kept is not None
        said = self._chains.request(thread_id, prompt)
        reply = self.reply(thread_id)
        if self._chains.kept is False:
            self._demand_kept()
            if not told:
                yield Notice(f"{self._wire.host} keeps no replies: what is kept here is sent along")
        try:
            yield from self._tried(reply, said)
        except AsstctlError as error:
            refused = error.status in (400, 404, 422) and "previous" in error.message.lower()
            if reply.taken() or not refused or "previous_response_id" not in said:
                raise
            self._demand_kept()
            yield Notice(
                f"{self._wire.host} no longer has the reply before: what is kept of the thread is"
                " sent along"
            )
            yield from self._tried(self.reply(thread_id), self._chains.whole(thread_id, prompt))

    def _tried(self, reply: Reply, said: "ResponseCreateParamsBase") -> Stream:
        """Ask in a chain, and find out once whether the server keeps the replies of chains."""
        with closing(self._asked(reply, said)) as events:
            for event in events:
                ended = self._chains.kept is None and isinstance(event, RunFinished)
                if ended and self._chains.keeps(str(reply.response.id)) is False:
                    yield Notice(
                        f"{self._wire.host} keeps no replies: what is kept here will be sent along"
                    )
                yield event

    def _demand_kept(self) -> None:
        """Raise ConfigError where nothing is kept that could be sent along."""
        if not self._settings.keeps:
            raise ConfigError(
                f"{self._wire.host} keeps no replies, and the profile {self._settings.profile!r}"
                " keeps none here: keep is false",
                hint=f"{self._settings.command} config unset keep",
            )

    def _asked(self, reply: Reply, said: "ResponseCreateParamsBase") -> Stream:
        yield from self._asking.ask(reply, said)
        self._waiting = reply if reply.response.waiting else None

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls of the last response, and stream what follows."""
        last, self._waiting = self._waiting, None
        if last is None:
            return
        thread_id = last.response.thread_id
        said = self.keeper(thread_id).following(thread_id, str(last.response.id))
        said["input"] = last.response.answers(outputs)
        following = last.next()
        try:
            yield from self._asked(following, said)
        except BaseException as leaving:
            if following.response.status not in WHOLE:
                _add(leaving, self._answered_all_the_same(last, outputs, following))
            raise

    def _answered_all_the_same(
        self, last: Reply, outputs: Mapping[str, str], following: Reply
    ) -> str:
        """Leave no call of a reply open though nothing whole followed its answers.

        Return in words what became of them, "" where there is nothing to say.
        """
        thread_id = last.response.thread_id
        if thread_id.startswith(CHAIN):  # a chain goes on from before
            return "" if following.taken() else f"the calls are given up: {last.decline()}"
        self._wire.hurry(CANCEL_SECONDS)
        try:
            still = self._open(thread_id, last.response.waiting)
            if not still:
                return "" if following.taken() else unanswered(thread_id)
            last.response.waiting = still
            last.decline(outputs)
        except AsstctlError as error:
            return may_be_open(thread_id, error)
        return f"{thread_id} holds the answers to the calls, and no reply to them"

    def _open(
        self, thread_id: str, waiting: Mapping[str, Mapping[str, Any]], *, everything: bool = False
    ) -> dict[str, Mapping[str, Any]]:
        """Return the calls that a conversation holds no answer to, by id; `waiting` are some.

        It is read as far back as those, or `everything` of it.
        """
        raws = self._conversations.back_to(thread_id, () if everything else waiting)
        there = {call: item for call, item in waiting.items() if calls.is_open(call, raws)}
        return {**calls.unanswered(raws), **there}

    def decline_open(self, thread_id: str) -> str | None:
        """Answer calls that a conversation ends with, and that nobody answered, with a refusal.

        Return what was done, None where no call is open.
        """
        if thread_id.startswith(CHAIN):  # a chain does not go on from open calls
            return None
        reply = self.reply(thread_id, announced=True)
        if last := self._replies.last(self._place, thread_id):
            with suppress(NotFoundError):
                list(reply.response.facts(read(self._wire, last)))
        still = self._open(thread_id, reply.response.waiting, everything=True)
        if not still:
            return None
        reply.response.waiting = still
        return f"{count(len(still), 'open call')}: {reply.decline()}"

    def decline(self) -> str | None:
        """Abandon the calls of the last response."""
        last, self._waiting = self._waiting, None
        return last.decline() if last else None


def _add(leaving: BaseException, words: str) -> None:
    """Add words, if any, to the hint of an error, or to the note of what left a reply early."""
    if not words:
        return
    if isinstance(leaving, AsstctlError):
        leaving.hint = "; ".join(filter(None, (leaving.hint, words)))
    elif isinstance(found := interruption(leaving), KeyboardInterrupt | StoppedError):
        found.add_note(words)
