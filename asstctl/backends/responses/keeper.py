"""The two ways in which servers of Responses keep threads, as one protocol."""

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from asstctl.events import Prompt
from asstctl.model import Message, ThreadFacts
from asstctl.wire.patience import Purpose

if TYPE_CHECKING:
    from openai.types.responses.response_create_params import ResponseCreateParamsBase
    from openai.types.responses.response_input_item_param import ResponseInputItemParam

    from asstctl.backends.carrying import Added


class Keeper(Protocol):
    """How a server keeps threads."""

    purpose: Purpose
    """The purpose of a request for a reply."""

    def request(self, thread_id: str, prompt: Prompt) -> "ResponseCreateParamsBase":
        """Return the part of a request that says a prompt to a thread."""

    def following(self, thread_id: str, response_id: str) -> "ResponseCreateParamsBase":
        """Return the part of a request that goes on from a response of a thread."""

    def begun(self, thread_id: str, response_id: str) -> None:
        """Note a response that begins, as far as the turn itself does not."""

    def hold(self, thread_id: str, response_id: str) -> bool:
        """Note that a thread goes on from a response; return whether it does."""

    def decline(self, thread_id: str, answers: "list[ResponseInputItemParam]") -> str:
        """Make a thread with open calls take prompts again; return what was done."""

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Yield every message of a thread, or the `last` ones, oldest first."""

    def newest(self, thread_id: str) -> list[Message]:
        """Return the last messages of a thread, as many as a turn may have."""

    def note(self, thread_id: str, item_ids: Iterable[str]) -> None:
        """Remember the ids of items that were streamed."""

    def unread(self, thread_id: str) -> list[Message] | None:
        """Return the messages newer than all that was read before; None: nobody can tell."""

    def lacks(self, thread_id: str, response_id: str) -> bool:
        """Return whether a thread is known to hold nothing of a response, nor its prompt."""

    def thread(self, thread_id: str) -> Mapping[str, Any]:
        """Return the service's own object of a thread, {} where it has none."""

    def append(self, thread_id: str, messages: list[Message]) -> "Added":
        """Add at most CHUNK messages at the end of a thread."""

    def facts(self, thread_id: str) -> ThreadFacts:
        """Return the facts of a thread."""

    def delete_message(self, thread_id: str, message_id: str) -> None:
        """Delete one message of a thread; raises UnsupportedError where that can't be."""

    def delete(self, thread_id: str) -> str | None:
        """Delete a thread; return what the service keeps of it."""
