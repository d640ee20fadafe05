"""One reply on Responses, from the request to the end, whatever cuts in between."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Protocol

from asstctl.backends.responses.resource import cancelled, poll
from asstctl.backends.responses.response import OPEN, Response
from asstctl.backends.stream import interruption
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    StoppedError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import Notice, Stream
from asstctl.model import Message, ThreadFacts
from asstctl.wire.requests import Request, get, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

WHOLE = ("completed", "incomplete")
"""Statuses of a response that its thread goes on from."""

OPEN_ENDS = (IncompleteError, UnavailableError)
"""Errors after which the response may still be written, and is wanted."""

NEWEST = 10
"""Messages at a thread's end among which a turn is looked for: tools' turns come between."""


class Keeper(Protocol):
    """How a server keeps threads."""

    def request(self, thread_id: str, text: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that says `text` to a thread."""

    def following(self, thread_id: str, response_id: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that goes on from a response of a thread."""

    def begun(self, thread_id: str, response_id: str, *, late: bool) -> None:
        """Note a response that begins, so that it can be found again.

        `late`: RunStarted was yielded before its id was known, so only this call can note it.
        """

    def hold(self, thread_id: str, response_id: str) -> bool:
        """Note that a thread goes on from a response; return whether it does."""

    def decline(self, thread_id: str, answers: "list[ResponseInputItemParam]") -> str:
        """Make a thread with open calls take prompts again; return what was done."""

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first."""

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread."""

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a thread."""

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread; return what the service keeps of it."""


class Reply:
    """The reply to one prompt; `before` are its responses whose calls were answered.

    `response` is the last one, as far as it is known.
    """

    def __init__(
        self,
        wire: Wire,
        keeper: Keeper,
        response: Response,
        text: str,
        before: tuple[str, ...] = (),
    ) -> None:
        self._wire = wire
        self._keeper = keeper
        self._text = text
        self._before = before
        self._noted = False
        self.response = response

    @property
    def host(self) -> str:
        """The server's name."""
        return self._wire.host

    def taken(self) -> bool:
        """Return whether the service is known to have taken the prompt."""
        return self.response.id is not None

    def stream(self, body: Mapping[str, object]) -> Stream:
        """Ask for a reply and stream it; a cut stream is completed from what the service holds.

        Leaving early, by whatever way, cancels the response and waits for its end.
        """
        response = self.response
        cut = False
        try:
            try:
                yield from self._read(post("/responses", body, self.taken))
            except IncompleteError as error:
                if response.id is None:
                    raise UnansweredError(error.message, retryable=True) from error
                yield Notice(f"{error.message}; asking for the rest")
            cut = not response.final
            if cut:
                yield from self._rest()
        except (GeneratorExit, KeyboardInterrupt, StoppedError) as leaving:
            self._abandon(interruption(leaving))
            raise
        except AsstctlError as error:
            if isinstance(error, UnansweredError):
                error.hint = self._holds()
            elif response.id and not response.final and not isinstance(error, OPEN_ENDS):
                self._cancel()
            raise
        yield from self._ended(cut=cut)

    def recover(self, found: Mapping[str, Any]) -> Stream:
        """Stream the reply of a response that was begun before, whole, once it has ended."""
        self._noted = True
        yield from self.response.facts(found)
        if not self.response.final:
            yield from self._rest()
        yield from self._ended(cut=True)

    def _ended(self, *, cut: bool) -> Stream:
        """Note what a final status means for the thread, and yield the claim that it makes."""
        response = self.response
        if response.status in WHOLE and not response.waiting:
            if not self._hold():
                yield Notice(f"{response.thread_id} went on meanwhile, and without this turn")
            elif cut and not self._held():
                yield Notice(self._holds())
        if response.waiting and response.status != "completed":
            self._decline_quietly()
        yield from response.end()

    def _hold(self) -> bool:
        replies = (*self._before, str(self.response.id))
        return all(self._keeper.hold(self.response.thread_id, reply) for reply in replies)

    def _read(self, request: Request) -> Stream:
        """Read a stream to its end, or to where it is cut; the response is noted as it begins."""
        with closing((yield from self._wire.stream(request))) as batches:
            for batch in batches:
                for event in self.response.read(batch):
                    self._note()
                    yield event
                self._note()

    def _note(self) -> None:
        if self.response.id and not self._noted:
            self._noted = True
            late = self.response.announced
            self._keeper.begun(self.response.thread_id, self.response.id, late=late)

    def _rest(self) -> Stream:
        """Resume a cut stream, else wait for the response's end and yield what is missing."""
        response = self.response
        if response.id is None:
            raise UnansweredError(f"{self._wire.host} closed the stream before a response began")
        path = f"/responses/{response.id}"
        if response.background and response.number >= 0:
            with suppress(AsstctlError):  # a server that does not resume, or not any more
                yield from self._resumed(path)
            if response.final:
                return
        for look in poll(self._wire, response.id, self._wire.timeout):
            yield from response.facts(look)
            if response.final:
                return
        kind = IncompleteError if response.shown else UnavailableError
        raise kind(
            f"the response {response.id} is still {response.status} after {self._wire.timeout:g} s",
            hint=f"asstctl threads recover {response.thread_id} fetches the reply later",
            retryable=True,
        )

    def _resumed(self, path: str) -> Stream:
        """Read the stream again from where it was cut, until the response ends."""
        response, patience = self.response, self._wire.patience()
        while not response.final:
            response.resume()
            query = {"stream": "true", "starting_after": str(response.number)}
            try:
                yield from self._read(get(path, query))
            except IncompleteError as error:
                yield from patience.rest(error)
            else:
                if not response.final:
                    cut = IncompleteError(f"{self.host} closed the stream early")
                    yield from patience.rest(cut)

    def next(self) -> "Reply":
        """Return the reply in which the calls of this one are answered."""
        response = Response(self.response.thread_id, announced=True)
        before = (*self._before, str(self.response.id))
        return Reply(self._wire, self._keeper, response, self._text, before)

    def decline(self) -> str:
        """Answer the calls with a refusal, for a thread with an open call takes no prompt."""
        return self._keeper.decline(self.response.thread_id, self.response.answers({}))

    def _decline_quietly(self) -> None:
        with suppress(AsstctlError):  # a worse error is raised next
            self.decline()

    def _abandon(self, left: BaseException) -> None:
        """Cancel a reply that is left; add to `left` a note of what the thread holds."""
        response = self.response
        if response.final and not response.waiting:
            return
        if response.waiting:
            self._decline_quietly()
            status = ""
        else:
            status = self._cancel()
        if isinstance(left, KeyboardInterrupt | StoppedError):  # the user sees the note
            goes_on = f"{response.id} could not be cancelled and goes on: threads unlock ends it"
            left.add_note(goes_on if status in OPEN else self._holds())

    def _cancel(self) -> str:
        """Cancel the response where the service can; return its last status, "" where it can't.

        One that ended all the same is held.
        """
        response = self.response
        if not response.id or not response.background:
            return ""
        with suppress(AsstctlError):
            status = cancelled(self._wire, response.id)
            if status in WHOLE:
                self._hold()
            return status
        return "in_progress"

    def _held(self) -> bool:
        """Return whether the thread is seen to hold the reply, by the ids of what was streamed."""
        with suppress(AsstctlError):
            return any(message.id in self.response.items for message in self._newest())
        return False

    def _holds(self) -> str:
        """Return what the thread holds of the prompt and its reply, in words."""
        thread_id = self.response.thread_id
        if self.response.id is None:
            look = f"asstctl threads history {thread_id} shows it"
            return f"whether {thread_id} will hold this prompt is not known yet; {look}"
        try:
            newest = self._newest()
        except AsstctlError as error:
            return f"what {thread_id} holds is not known: {error.message}"
        reply = [message for message in newest if message.id in self.response.items]
        if reply:
            told = sum(len(message.text) for message in reply)
            return f"{thread_id} holds the prompt, and {told} characters of the reply"
        last = next((n for n, m in enumerate(reversed(newest)) if m.role == "user"), None)
        after = newest[len(newest) - last :] if last is not None else []
        said = last is not None and newest[-1 - last].text == self._text
        if said and not any(message.text for message in after):
            return f"{thread_id} ends with this prompt, and holds no reply to it"
        return f"{thread_id} does not hold this prompt: it goes on from before it"

    def _newest(self) -> list[Message]:
        return list(self._keeper.history(self.response.thread_id, NEWEST))
