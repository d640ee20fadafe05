"""One prompt on Responses and its reply, from the request to the end, whatever cuts in between."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Any, Protocol

from asstctl.backends._lists import found, looks
from asstctl.backends._response import FINAL, Response
from asstctl.backends._wire import Wire, interruption
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    StoppedError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import Message, Notice, Prompt, Stream, ThreadFacts

CANCEL_SECONDS = 15.0
"""How long a cancelled response may take to end."""

WHOLE = ("completed", "incomplete")
"""Statuses of a response that its thread goes on from."""

RESUMES = 3
"""How often a cut stream is taken up again before the response itself is asked for."""


class Keeper(Protocol):
    """How a server keeps threads."""

    def new(self, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and give its id."""

    def request(self, thread_id: str, text: str) -> dict[str, Any]:
        """Give the part of a request that says `text` to a thread."""

    def held(self, thread_id: str, response_id: str) -> None:
        """Take note that a thread goes on from a response."""

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first."""

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread."""

    def facts(self, thread_id: str) -> ThreadFacts:
        """Say what is known of a thread."""

    def following(self, thread_id: str, response_id: str) -> dict[str, Any]:
        """Give the part of a request that goes on from a response of a thread."""

    def decline(self, thread_id: str, answers: list[dict[str, Any]]) -> str:
        """See that a thread with open calls takes prompts again; says what was done."""

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread; gives what the service keeps of it."""


class Replies:
    """The responses of a server, looked at and cancelled by id."""

    def __init__(
        self,
        wire: Wire,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._sleep = sleep

    def get(self, response_id: str) -> dict[str, Any]:
        """Give a response object."""
        return found(self._wire.call("GET", f"/responses/{response_id}"))

    def looks(self, response_id: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Give a response object again and again, for so many seconds."""
        return looks(lambda: self.get(response_id), seconds, self._clock, self._sleep)

    def settled(self, response_id: str, seconds: float) -> str:
        """Wait for a response's end; gives its last status."""
        status = ""
        for look in self.looks(response_id, seconds):
            status = str(look.get("status"))
            if status in FINAL:
                break
        return status

    def cancelled(self, response_id: str) -> str:
        """Cancel a response; gives its last status, for which there is a time limit."""
        with suppress(AsstctlError):  # it may have ended by itself
            self._wire.call("POST", f"/responses/{response_id}/cancel", {})
        return self.settled(response_id, CANCEL_SECONDS)


class Turn:
    """One prompt to a thread, and its reply. `begun` is told the response's id as it is known."""

    def __init__(
        self,
        wire: Wire,
        keeper: Keeper,
        response: Response,
        prompt: Prompt,
        begun: Callable[[str, str], None],
        before: tuple[str, ...] = (),
    ) -> None:
        self._wire = wire
        self._keeper = keeper
        self._replies = Replies(wire)
        self._prompt = prompt
        self._begun = begun
        self._before = before  # the responses of this turn whose calls were answered
        self._noted = False
        self.response = response

    def reply(self, body: Any) -> Stream:
        """Ask for a reply and stream it; a cut stream is completed from what the service holds.

        Leaving early, by whatever way, cancels the response and waits for its end.
        """
        response = self.response
        cut = False
        try:
            try:
                yield from self._stream("POST", "/responses", body)
            except IncompleteError as error:
                if response.id is None:
                    raise UnansweredError(error.message, retryable=True) from error
                yield Notice(f"{error.message}; asking for the rest")
            cut = not response.final
            if cut:
                yield from self._rest()
        except (GeneratorExit, KeyboardInterrupt, StoppedError) as leaving:
            self._abandon(leaving)
            raise
        except UnansweredError as error:
            error.hint = self._holds()
            raise
        if response.status in WHOLE and not response.waiting:
            for reply_id in (*self._before, str(response.id)):
                self._keeper.held(response.thread_id, reply_id)
        if cut and not self._held():
            yield Notice(self._holds())
        yield from response.end()

    def _stream(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Stream:
        """Read a stream to its end, or to where it is cut; the response is noted as it begins."""
        with closing(self._wire.events(method, path, body, query)) as batches:
            for batch in batches:
                for event in self.response.read(batch):
                    self._note()
                    yield event
                self._note()

    def _note(self) -> None:
        if self.response.id and not self._noted:
            self._noted = True
            self._begun(self.response.thread_id, self.response.id)

    def _rest(self) -> Stream:
        """Take up a cut stream again, else wait for the response's end and give what is missing."""
        response = self.response
        if response.id is None:
            raise UnansweredError(f"{self._wire.host} closed the stream before a response began")
        path = f"/responses/{response.id}"
        for _ in range(RESUMES if response.background and response.place >= 0 else 0):
            response.resume()
            query = {"stream": "true", "starting_after": str(response.place)}
            try:
                yield from self._stream("GET", path, query=query)
            except (UnavailableError, IncompleteError) as error:
                yield Notice(f"{error.message}; asking for the rest")
            except AsstctlError:
                break  # a server that does not resume
            if response.final:
                return
        for look in self._replies.looks(response.id, self._wire.timeout):
            yield from response.facts(look)
            if response.final:
                return
        kind = IncompleteError if response.shown else UnavailableError
        raise kind(
            f"the response {response.id} is still {response.status} after {self._wire.timeout:g} s",
            hint=f"asstctl threads recover {response.thread_id} fetches the reply later",
            retryable=True,
        )

    def next(self) -> "Turn":
        """Give the turn in which the calls of this one are answered."""
        response = Response(self.response.thread_id, announced=True)
        before = (*self._before, str(self.response.id))
        return Turn(self._wire, self._keeper, response, self._prompt, self._begun, before)

    def decline(self) -> str:
        """Answer the calls with a refusal, for a thread with an open call takes no prompt."""
        return self._keeper.decline(self.response.thread_id, self.response.answers({}))

    def _abandon(self, leaving: BaseException) -> None:
        """Cancel the response of a reply that nobody wants any more, and say what is left of it."""
        response = self.response
        if response.final and not response.waiting:
            return
        with suppress(AsstctlError):
            if response.waiting:
                self.decline()
            if response.id and response.background:
                status = self._replies.cancelled(response.id)
                if status in WHOLE:  # it ended before it was cancelled
                    self._keeper.held(response.thread_id, response.id)
            told = interruption(leaving)
            if isinstance(told, KeyboardInterrupt | StoppedError):  # there is somebody to tell
                told.add_note(self._holds())

    def _held(self) -> bool:
        """Say whether the thread holds the reply, by the ids of what was streamed."""
        newest = self._newest()
        return bool(newest) and newest[-1].id in self.response.items

    def _holds(self) -> str:
        """Say what the thread holds of the prompt and its reply."""
        thread_id = self.response.thread_id
        try:
            newest = self._newest()
        except AsstctlError as error:
            return f"what {thread_id} holds is not known: {error.message}"
        match newest:
            case [*_, Message(id=identity, text=text)] if identity in self.response.items:
                return f"{thread_id} holds the prompt, and {len(text)} characters of the reply"
            case [*_, Message(role="user", text=self._prompt.text)]:
                return f"{thread_id} holds the prompt, and no reply"
        return f"{thread_id} does not hold this prompt: it goes on from before it"

    def _newest(self) -> list[Message]:
        return list(self._keeper.history(self.response.thread_id, 1))
