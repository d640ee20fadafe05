"""A reply, watched until it is sure that the server took the prompt with the run."""

from collections.abc import Generator
from contextlib import closing

from asstctl.backends.assistants.messages import Messages, Said, new_mark
from asstctl.backends.assistants.objects import mark_of
from asstctl.backends.assistants.run import Run
from asstctl.errors import AsstctlError
from asstctl.events import Event, Notice, RequestSent, RunStarted, Stream


def watched(
    reply: Stream, run: Run, said: Said, messages: Messages, thread_id: str
) -> Generator[Event, None, bool]:
    """Pass a reply on once the prompt that it answers is seen in the thread.

    Looks for it as the run starts; where it is not seen there the reply is held back to its end,
    and a second look decides. Return False if the reply was to nothing.
    """
    held: list[Event] = []
    with closing(reply):
        for event in reply:
            if isinstance(event, RequestSent | Notice):
                yield event
                continue
            held.append(event)
            if isinstance(event, RunStarted) and _there(said, messages, thread_id):
                yield from held
                yield from reply
                return True
    if _passed_over(run, said, messages, thread_id):
        yield Notice("the server passed over the prompt, so it is posted on its own")
        said.mark = new_mark()  # the run that answered nothing has the first one
        return False
    yield from held
    return True


def _there(said: Said, messages: Messages, thread_id: str) -> bool:
    """Return whether the prompt is seen in the thread; a look that fails sees nothing."""
    try:
        return bool(said.among(messages.newest(thread_id)))
    except AsstctlError:
        return False


def _passed_over(run: Run, said: Said, messages: Messages, thread_id: str) -> bool:
    """Return whether a run answered something else than the prompt.

    It did where the message before its reply is none of a user's, or another prompt's. A server
    that drops marks and can't be judged so is believed: no prompt is posted twice.
    """
    try:
        newest = messages.newest(thread_id)
    except AsstctlError:
        return False  # a look that fails is no reason to ask again
    if said.among(newest):
        return False
    replies = [n for n, m in enumerate(newest) if m.get("id") in run.shown.messages]
    if not replies or any(m.get("role") == "user" for m in newest[: replies[0]]):
        return False
    before = newest[replies[-1] + 1 :]
    return not before or before[0].get("role") != "user" or bool(mark_of(before[0]))
