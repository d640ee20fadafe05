"""A reply, watched until it is sure that the server took the prompt with the run."""

from collections.abc import Generator
from contextlib import closing

from asstctl.backends.assistants.messages import Messages, Said, new_mark
from asstctl.backends.assistants.run import Run
from asstctl.backends.stream import unknown
from asstctl.errors import AsstctlError, StoppedError
from asstctl.events import Event, Notice, RequestSent, RunStarted, Stream


def watched(
    reply: Stream, run: Run, said: Said, messages: Messages, thread_id: str
) -> Generator[Event, None, bool | None]:
    """Pass a reply on once the prompt that it answers is seen in the thread.

    Looks for it as the run starts; where it is not seen there the reply is held back to its end,
    and a second look decides. Return True if the prompt was seen, False if the reply was to
    nothing, None where nobody can tell: then the reply is believed, for no prompt is posted twice.
    """
    held: list[Event] = []
    with closing(reply):
        try:
            for event in reply:
                if isinstance(event, RequestSent | Notice):
                    yield event
                    continue
                held.append(event)
                if isinstance(event, RunStarted) and _seen(said, messages, thread_id):
                    yield from held
                    held.clear()
                    yield from reply
                    return True
        except (KeyboardInterrupt, StoppedError) as leaving:
            yield from held  # what was said is kept as far as it came
            _leave(leaving, held, thread_id)
            raise
        except AsstctlError:
            took = _took(run, said, messages, thread_id) if run.id else None
            if took is False:
                yield Notice("the server passed over the prompt: what failed was no reply to it")
                raise
            if took is None and held:
                yield Notice(unknown(thread_id))
            yield from held
            raise
    took = _took(run, said, messages, thread_id)
    if took is False:
        yield Notice("the server passed over the prompt, so it is posted on its own")
        said.mark = new_mark()  # the run that answered nothing has the first one
        return False
    if took is None:
        yield Notice(unknown(thread_id))
    yield from held
    return took


def _leave(leaving: BaseException, held: list[Event], thread_id: str) -> None:
    """Note that nobody knows which prompt the events that were held back reply to."""
    if held:
        leaving.add_note(unknown(thread_id))


def _seen(said: Said, messages: Messages, thread_id: str) -> bool:
    """Return whether the prompt is seen in the thread; a look that fails sees nothing."""
    try:
        return bool(said.among(messages.newest(thread_id)))
    except AsstctlError:
        return False


def _took(run: Run, said: Said, messages: Messages, thread_id: str) -> bool | None:
    """Return whether a run answered the prompt; None where nobody can tell.

    It answered something else where the server keeps marks and the prompt's is not there, or where
    every prompt in the thread is known to be older.
    """
    try:
        newest = messages.newest(thread_id)
    except AsstctlError:
        return None
    if said.among(newest):
        return True
    asked = [message for message in newest if message.get("role") == "user"]
    new = [message for message in asked if not said.is_older(message)]
    if run.marked or messages.marks:  # unless a new prompt has no mark, and reads as ours
        new = [message for message in new if said.reads(message)]
    return None if new else False
