"""One reply on Responses, from the request to the end, whatever cuts in between."""

from collections.abc import Mapping
from contextlib import closing, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asstctl.backends.cancelling import CANCEL_SECONDS
from asstctl.backends.responses.held import held, holds, may_be_open, nobody_knows
from asstctl.backends.responses.keeper import Keeper
from asstctl.backends.responses.resource import poll, stopped
from asstctl.backends.responses.response import OPEN, Response
from asstctl.backends.stream import LEAVING, again, interruption, unanswered
from asstctl.errors import (
    AsstctlError,
    IncompleteError,
    StoppedError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import Notice, Stream
from asstctl.wire.pages import NO_PATH
from asstctl.wire.patience import Purpose, Seen, left_open
from asstctl.wire.requests import Request, at, get, post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from asstctl.model import Message

WHOLE = ("completed", "incomplete")
"""Statuses of a response that its thread goes on from."""

OPEN_ENDS = (IncompleteError, UnavailableError)
"""Errors after which the response may still be written, and is wanted."""


class Reply:
    """The reply to one prompt; `before` are its responses whose calls were answered.

    `response` is the last one, as far as it is known.
    """

    def __init__(
        self,
        wire: Wire,
        keeper: Keeper,
        response: Response,
        before: tuple[str, ...] = (),
    ) -> None:
        self._wire = wire
        self._keeper = keeper
        self._text = ""  # of the prompt
        self._found: list[Message] | None = None  # by a look: the prompt, and what follows it
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
        self._wire.calm()
        response = self.response
        self._text = str(body.get("input"))
        cut = False
        try:
            try:
                yield from self._read(post("/responses", body, self._keeper.purpose, self._look))
            except AsstctlError as error:
                if not self._is_cut(error):
                    raise
                yield Notice(f"{error.message}; asking for the rest")
            cut = not response.final
            if cut:
                yield from self._rest()
        except LEAVING as leaving:
            self._wire.hurry(CANCEL_SECONDS)
            self._abandon(interruption(leaving))
            raise
        except AsstctlError as error:
            if response.id is None and left_open(error):
                yield from self._go_on(error)
                return
            if response.id and not response.final and not isinstance(error, OPEN_ENDS):
                self._cancel()
            raise
        yield from self._ended(cut=cut)
        self._keeper.note(response.thread_id, response.items)

    def _is_cut(self, error: AsstctlError) -> bool:
        """Return whether a stream's error ends the stream, and not the reply.

        One that goes on in the background tells itself how it ended, whatever the stream says.
        """
        if self.response.id is None:
            return False
        goes_on = self.response.background and isinstance(error, UnavailableError)
        return goes_on or isinstance(error, IncompleteError)

    def _look(self) -> Seen:
        """Return whether the thread is known to hold the prompt, and remember its reply.

        It is where all that was there before is known, and one prompt alone is new, of this text.
        """
        with suppress(AsstctlError):
            new = self._keeper.unread(self.response.thread_id) or []
            asked = [n for n, message in enumerate(new) if message.role == "user"]
            if len(asked) == 1 and new[asked[0]].text == self._text:
                self._found = new[asked[0] :]
        return Seen.TAKEN if self._found else Seen.UNKNOWN

    def _go_on(self, error: AsstctlError) -> Stream:
        """Go on with what the thread holds of a reply; raises `error` without one."""
        thread_id = self.response.thread_id
        if self._found is None:
            self._look()
        said = [m.text for m in self._found or () if m.role == "assistant" and m.text]
        if said:
            yield Notice(f"{error.message}; the service took it")
            text = "\n\n".join(said)
            yield from again(thread_id, text, announced=self.response.announced)
            raise IncompleteError(
                f"whether this is the whole reply is not known: {error.message}",
                hint=f"asstctl threads history {thread_id} shows what comes",
            )
        if isinstance(error, IncompleteError):  # no word of a reply came
            error = UnansweredError(error.message, retryable=True)
        if self._found:
            error.hint = unanswered(thread_id)
        elif self._keeper.purpose is Purpose.COMPLETION:
            error.hint = "the thread goes on from before this prompt; it can be asked again"
        else:
            error.hint = nobody_knows(self.response, self._before)
        raise error

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
            elif cut and not held(self._keeper, self.response):
                yield Notice(self._left())
        cut_calls = response.waiting and response.status != "completed"
        if cut_calls and (failure := self._declined()):
            yield Notice(failure)
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
                if self.response.final:
                    batches.ending()

    def _note(self) -> None:
        if self.response.id and not self._noted:
            self._noted = True
            self._keeper.begun(self.response.thread_id, self.response.id)

    def _rest(self) -> Stream:
        """Resume a cut stream, else wait for the response's end and yield what is missing."""
        response = self.response
        if response.id is None:
            raise UnansweredError(f"{self._wire.host} closed the stream before a response began")
        path = at("responses", response.id)
        if response.background and response.number >= 0:
            with suppress(AsstctlError):  # a server that does not resume, or not any more
                yield from self._resumed(path)
            if response.final:
                return
        try:
            for look in poll(self._wire, response.id, self._wire.timeout):
                yield from response.facts(look)
                if response.final:
                    return
        except AsstctlError as error:
            if error.status not in NO_PATH:
                raise
            raise IncompleteError(
                f"{self.host} can't say how the response {response.id} ended: {error.message}"
            ) from error
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
        return Reply(self._wire, self._keeper, response, before)

    def _left(self) -> str:
        """Return what the thread holds of the prompt and its reply, in words."""
        return holds(self._wire, self._keeper, self.response, self._before)

    def decline(self, outputs: Mapping[str, str] = MappingProxyType({})) -> str:
        """Answer the calls, those without output with a refusal; return what was done.

        A thread with an open call takes no prompt.
        """
        return self._keeper.decline(self.response.thread_id, self.response.answers(outputs))

    def _declined(self) -> str | None:
        """Answer the calls with a refusal; return in words why they may be open all the same."""
        try:
            self.decline()
        except AsstctlError as error:
            return may_be_open(self.response.thread_id, error)
        return None

    def _abandon(self, left: BaseException) -> None:
        """Cancel a reply that is left; add to `left` a note of what the thread holds."""
        response = self.response
        if response.final and not response.waiting:
            return
        status, failure = "", None
        if response.waiting:
            failure = self._declined()
        else:
            status = self._cancel()
        if isinstance(left, KeyboardInterrupt | StoppedError):  # the user sees the note
            if failure:
                left.add_note(failure)
            goes_on = f"{response.id} could not be cancelled and goes on: threads unlock ends it"
            left.add_note(goes_on if status in OPEN else self._left())

    def _cancel(self) -> str:
        """Cancel the response where the service can; return its last status, "" where it can't.

        One that ended all the same is held.
        """
        response = self.response
        if not response.id or not response.background:
            return ""
        with suppress(AsstctlError):
            status = stopped(self._wire, response.id)
            if status in WHOLE:
                self._hold()
            return status
        return "in_progress"
