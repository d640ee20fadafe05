"""A prompt, posted in as few round trips as the server takes.

One request where it takes that: `POST /threads/runs` for a new thread, `additional_messages` on
the run for an old one. A server that was found not to is remembered, and gets the message and the
run one after the other from then on; a prompt is never posted twice.
"""

import re
from collections.abc import Callable, Generator
from contextlib import closing
from typing import TYPE_CHECKING

from asstctl.backends.assistants.reply import Replies
from asstctl.backends.assistants.run import Run
from asstctl.backends.assistants.runs import Runs
from asstctl.config.settings import Settings
from asstctl.errors import ActiveRunError, AsstctlError
from asstctl.events import Event, Notice, Prompt, RequestSent, RunStarted, Stream
from asstctl.store.abilities import Abilities
from asstctl.wire.pages import identity
from asstctl.wire.requests import post
from asstctl.wire.wire import Wire

if TYPE_CHECKING:
    from openai.types.beta.thread_create_and_run_params import (
        Thread,
        ThreadCreateAndRunParamsStreaming,
        ThreadMessage,
    )
    from openai.types.beta.threads.message_create_params import MessageCreateParams
    from openai.types.beta.threads.run_create_params import (
        AdditionalMessage,
        RunCreateParamsStreaming,
    )

NEW_THREAD = "a thread and its run in one request"
OLD_THREAD = "a message and its run in one request"
"""The names of abilities in the store's table."""


class Prompting:
    """Posts prompts to one server, and streams the replies."""

    def __init__(
        self, wire: Wire, runs: Runs, replies: Replies, abilities: Abilities, settings: Settings
    ) -> None:
        self._wire = wire
        self._runs = runs
        self._replies = replies
        self._abilities = abilities
        self._settings = settings

    def to_new_thread(self, prompt: Prompt) -> Stream:
        """Make a thread with the prompt in it, and stream the reply."""
        if self._able(NEW_THREAD) is not False:
            said: ThreadMessage = {"role": "user", "content": prompt.text}
            thread: Thread = {"messages": [said]}
            body: ThreadCreateAndRunParamsStreaming = {
                "assistant_id": self._assistant,
                "stream": True,
                "thread": thread,
            }
            self._choose(body)
            run = Run(None)
            try:
                yield from self._replies.begin(run, "/threads/runs", body, prompt.text)
            except AsstctlError as error:
                if run.id or not refuses(error, "thread"):
                    raise
                self._note(NEW_THREAD, has=False)
            else:
                return
        thread_id = identity((yield from self._wire.ask(post("/threads", {}))))
        yield RunStarted(thread_id)
        yield from self._classic(Run(thread_id, announced=True), thread_id, prompt)

    def to_old_thread(self, thread_id: str, prompt: Prompt) -> Stream:
        """Post a prompt to a thread, and stream the reply."""
        able = self._able(OLD_THREAD)
        if able is not False:
            said: AdditionalMessage = {"role": "user", "content": prompt.text}
            body = self._run()
            body["additional_messages"] = [said]
            run = Run(thread_id)
            known = frozenset() if able else frozenset(self._replies.newest(thread_id))

            def begin() -> Stream:
                return self._replies.begin(run, f"/threads/{thread_id}/runs", body, prompt.text)

            reply = self._unlocked(thread_id, prompt, begin)
            try:
                if able:
                    yield from reply
                    return
                if (yield from self._watched(reply, thread_id, prompt, known)):
                    return
            except AsstctlError as error:
                if run.id or not refuses(error, "additional_messages"):
                    raise
            self._note(OLD_THREAD, has=False)
        yield from self._classic(Run(thread_id), thread_id, prompt)

    def _classic(self, run: Run, thread_id: str, prompt: Prompt) -> Stream:
        """Post the message, then the run: every server takes that."""
        said: MessageCreateParams = {"role": "user", "content": prompt.text}
        path = f"/threads/{thread_id}"

        def add() -> Stream:
            yield from self._wire.ask(post(f"{path}/messages", said))

        def begin() -> Stream:
            return self._replies.begin(run, f"{path}/runs", self._run(), prompt.text)

        yield from self._unlocked(thread_id, prompt, add)
        yield from self._unlocked(thread_id, prompt, begin)

    def _watched(
        self, reply: Stream, thread_id: str, prompt: Prompt, known: frozenset[str]
    ) -> Generator[Event, None, bool]:
        """Pass on a reply once it is sure that the server took the prompt with the run.

        `known` are the ids of the messages before. Looks for the prompt as the run starts; where
        it is not there the reply is held back to its end, and a second look decides. Return False
        if there is something new in the thread, but not the prompt: the reply was to nothing.
        """
        held: list[Event] = []
        with closing(reply):
            for event in reply:
                if isinstance(event, RequestSent | Notice):
                    yield event
                    continue
                held.append(event)
                if isinstance(event, RunStarted) and self._took(thread_id, prompt, known):
                    self._note(OLD_THREAD, has=True)
                    yield from held
                    yield from reply
                    return True
        took = self._took(thread_id, prompt, known)
        if took is False:
            yield Notice("the server passed over the prompt, so it is posted on its own")
            return False
        if took:
            self._note(OLD_THREAD, has=True)
        yield from held
        return True

    def _took(self, thread_id: str, prompt: Prompt, known: frozenset[str]) -> bool | None:
        """Return whether the prompt is among the thread's new messages; None: there are none."""
        new = [m for i, m in self._replies.newest(thread_id).items() if i not in known]
        if not new:
            return None
        return any(message.role == "user" and message.text == prompt.text for message in new)

    def _unlocked(self, thread_id: str, prompt: Prompt, attempt: Callable[[], Stream]) -> Stream:
        """Repeat an attempt once the run that locks the thread has ended, as the prompt says."""
        while True:
            try:
                yield from attempt()
            except ActiveRunError as error:
                if prompt.if_busy == "refuse":
                    raise
                if prompt.if_busy == "cancel":
                    yield Notice(f"cancelling the run {error.run_id}")
                    self._runs.cancel(thread_id, error.run_id)
                else:
                    yield Notice(f"waiting for the run {error.run_id}")
                    self._runs.wait(thread_id, error.run_id)
            else:
                return

    @property
    def _assistant(self) -> str:
        return self._settings.assistant_id or ""

    def _run(self) -> "RunCreateParamsStreaming":
        """Return the body of a run."""
        body: RunCreateParamsStreaming = {"assistant_id": self._assistant, "stream": True}
        self._choose(body)
        return body

    def _choose(self, body: "RunCreateParamsStreaming | ThreadCreateAndRunParamsStreaming") -> None:
        """Add the model and the instructions of the profile, where it has any, to a body."""
        if self._settings.model:
            body["model"] = self._settings.model
        if self._settings.instructions:
            body["instructions"] = self._settings.instructions

    def _able(self, ability: str) -> bool | None:
        return self._abilities.has(self._wire.endpoint, ability)

    def _note(self, ability: str, *, has: bool) -> None:
        self._abilities.note(self._wire.endpoint, ability, has=has)


def refuses(error: AsstctlError, field: str) -> bool:
    """Return whether a server refuses a way of asking, and not the question.

    It does with 404 or 405 for the path, or 400 or 422 that names the field; never where the
    words are about the assistant, the run or the content.
    """
    words = error.message.lower()
    if error.status in (404, 405, 501):
        return not re.search(r"assistant|\bruns? |run_|model", words)
    if error.status in (400, 422):
        return bool(re.search(rf"\b{field}\b", words)) and not re.search(r"content|asst_", words)
    return False
