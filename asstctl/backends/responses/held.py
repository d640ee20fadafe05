"""The part of a prompt and its reply that a thread holds, in words."""

from collections.abc import Sequence
from contextlib import suppress

from asstctl.backends.responses.keeper import Keeper
from asstctl.backends.responses.resource import inputs
from asstctl.backends.responses.response import Response
from asstctl.backends.stream import unknown
from asstctl.errors import AsstctlError
from asstctl.wire.wire import Wire


def held(keeper: Keeper, response: Response) -> bool:
    """Return whether the thread is seen to hold a reply, by the ids of what was streamed."""
    with suppress(AsstctlError):
        newest = keeper.newest(response.thread_id)
        return any(message.id in response.items for message in newest)
    return False


def holds(wire: Wire, keeper: Keeper, response: Response, before: Sequence[str]) -> str:
    """Return what a thread holds of a prompt and its reply, in words.

    `before` are the responses whose calls this one follows.
    """
    thread_id, response_id = response.thread_id, response.id
    if response_id is None:
        return nobody_knows(response, before)
    try:
        newest = keeper.newest(thread_id)
        if reply := [message for message in newest if message.id in response.items]:
            told = sum(len(message.text) for message in reply)
            return f"{thread_id} holds the prompt, and {told} characters of the reply"
        if not before and keeper.lacks(thread_id, response_id):
            return f"{thread_id} does not hold this prompt: it goes on from before it"
        asked = {item.get("id") for item in inputs(wire, response_id)}
    except AsstctlError as error:
        return f"{nobody_knows(response, before)} ({error.message})"
    if any(message.id in asked for message in newest):
        return f"{thread_id} ends with this prompt, and holds no reply to it"
    return nobody_knows(response, before)


def nobody_knows(response: Response, before: Sequence[str]) -> str:
    """Return in words that nobody knows what became of a prompt, or of the answers to calls."""
    if before:
        return "whether the service took the answers to its calls is not known"
    return unknown(response.thread_id)


def may_be_open(thread_id: str, error: AsstctlError) -> str:
    """Return in words that calls could not be answered, and the command that does it."""
    unlocks = f"asstctl threads unlock {thread_id} declines them"
    return f"its calls may be open: {error.message}; {unlocks}"
