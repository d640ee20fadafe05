"""A prompt, posted in as few round trips as the server takes.

One request where it takes that: `POST /threads/runs` for a new thread, `additional_messages` on
the run for an old one. A server that was found not to is remembered, and gets the message and the
run one after the other.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from asstctl.backends.assistants.input import spoken
from asstctl.backends.assistants.look import Look
from asstctl.backends.assistants.messages import Messages, Said
from asstctl.backends.assistants.reply import Replies
from asstctl.backends.assistants.run import OPEN, Run
from asstctl.backends.assistants.runs import Runs
from asstctl.backends.assistants.watch import watched
from asstctl.backends.cancelling import CANCEL_SECONDS, unlocked
from asstctl.backends.stream import LEAVING, interruption, unreplied
from asstctl.config.settings import Settings
from asstctl.errors import ActiveRunError, AsstctlError
from asstctl.events import Notice, Prompt, PromptTaken, RunStarted, Stream
from asstctl.model import mark_of
from asstctl.store.abilities import Abilities
from asstctl.wire.pages import NO_PATH, SERVER_ERROR, identity
from asstctl.wire.patience import Purpose, Seen, left_open
from asstctl.wire.requests import at, post
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
    from openai.types.shared_params import ResponseFormatJSONSchema

NEW_THREAD = "a thread and its run in one request"
OLD_THREAD = "a message and its run in one request"
"""The names of abilities in the store's table."""


FLAGS = "--wait waits for its end, --cancel-active cancels it"
"""The options of a prompt that end a run which locks its thread."""


class Prompting:
    """Posts prompts to one server, and streams the replies."""

    def __init__(
        self,
        wire: Wire,
        runs: Runs,
        messages: Messages,
        replies: Replies,
        abilities: Abilities,
        settings: Settings,
    ) -> None:
        self._wire = wire
        self._runs = runs
        self._messages = messages
        self._replies = replies
        self._abilities = abilities
        self._settings = settings

    def to_new_thread(self, prompt: Prompt) -> Stream:
        """Make a thread with the prompt in it, and stream the reply."""
        said = Said(prompt.text, fresh=True)
        able = self._able(NEW_THREAD)
        if able is not False:
            run = Run(None, mark=said.mark)
            try:
                yield from self._marked(said, lambda: self._together(run, said, prompt))
            except AsstctlError as error:
                broken = able is None and error.status == SERVER_ERROR
                if run.thread_id or not (broken or refuses(error, "thread")):
                    raise
                if broken:
                    yield Notice(
                        f"{error.message}; a thread may exist all the same: making one without"
                        " the prompt"
                    )
            else:
                if able is None:
                    self._note(NEW_THREAD, has=True)
                return
        made = yield from self._wire.ask(post("/threads", {}, Purpose.CREATION))
        thread_id = identity(made)
        yield RunStarted(thread_id)
        run = Run(thread_id, mark=said.mark, announced=True)
        yield from self._classic(run, said, thread_id, prompt)
        if able is not False:  # now it is proved that the way of asking was the cause
            self._note(NEW_THREAD, has=False)

    def _together(self, run: Run, said: Said, prompt: Prompt) -> Stream:
        """Make the thread, its prompt and its run in one request."""
        first: ThreadMessage = {**spoken(prompt)}
        if said.mark:
            first["metadata"] = said.metadata
        thread: Thread = {"messages": [first]}
        body: ThreadCreateAndRunParamsStreaming = {
            "assistant_id": self._assistant,
            "stream": True,
            "thread": thread,
        }
        if said.mark:
            body["metadata"] = said.metadata
        self._choose(body)
        yield from self._replies.begin(run, said, "/threads/runs", body, Purpose.CREATION)

    def to_old_thread(self, thread_id: str, prompt: Prompt) -> Stream:
        """Post a prompt to a thread, and stream the reply."""
        said = self._messages.said(thread_id, prompt.text)
        able = self._able(OLD_THREAD)
        settings = self._settings
        known = settings.azure or settings.project or settings.openai
        if able or (able is None and known):
            run = Run(thread_id, mark=said.mark)
            reply = self._unlocked(
                run,
                said,
                prompt,
                lambda: self._marked(said, lambda: self._with_run(run, said, prompt)),
            )
            try:
                if able:
                    yield from reply
                    return
                took = yield from watched(reply, run, said, self._messages, thread_id)
                if took:
                    self._note(OLD_THREAD, has=True)
                if took is not False:
                    return
                if run.id and not run.final:  # it waits for answers, and locks the thread
                    self._runs.cancel(thread_id, run.id)
            except AsstctlError as error:
                if run.id or not refuses(error, "additional_messages"):
                    raise
        yield from self._classic(Run(thread_id, mark=said.mark), said, thread_id, prompt)
        if able is not False and known:  # now it is proved that the way of asking was the cause
            self._note(OLD_THREAD, has=False)

    def _with_run(self, run: Run, said: Said, prompt: Prompt) -> Stream:
        """Post the prompt with its run, in one request."""
        body = self._run(said)
        added: AdditionalMessage = {**spoken(prompt)}
        if said.mark:
            added["metadata"] = said.metadata
        body["additional_messages"] = [added]
        path = at("threads", run.thread_id or "", "runs")
        return self._replies.begin(run, said, path, body, Purpose.PROMPT)

    def _classic(self, run: Run, said: Said, thread_id: str, prompt: Prompt) -> Stream:
        """Post the message, then the run: every server takes that."""

        def add() -> Stream:
            return self._marked(said, lambda: self._added(said, thread_id, prompt))

        def begin() -> Stream:
            path = at("threads", thread_id, "runs")
            return self._marked(
                said,
                lambda: self._replies.begin(run, said, path, self._run(said), Purpose.ADDITION),
            )

        yield from self._unlocked(run, said, prompt, add)
        yield PromptTaken(None, said.mark)
        try:
            yield from self._unlocked(run, said, prompt, begin)
        except AsstctlError as error:
            if run.id is None and not left_open(error):  # else the look has said more
                error.hint = "; ".join(filter(None, (unreplied(thread_id), error.hint)))
            raise

    def _added(self, said: Said, thread_id: str, prompt: Prompt) -> Stream:
        """Add the prompt to the thread, and note its id and whether the server keeps marks."""
        body: MessageCreateParams = {**spoken(prompt)}
        if said.mark:
            body["metadata"] = said.metadata
        look = Look(self._messages, self._runs, said, thread_id)
        request = post(at("threads", thread_id, "messages"), body, Purpose.PROMPT, look)
        try:
            added = yield from self._wire.ask(request)
        except LEAVING as leaving:
            self._wire.hurry(CANCEL_SECONDS)
            look()
            interruption(leaving).add_note(look.told(self._wire.host))
            raise
        except AsstctlError as error:
            if look.seen is not Seen.TAKEN or not left_open(error):
                if look.seen is not None or left_open(error):
                    look.hint(error, self._wire.host)
                raise
            yield Notice(f"{error.message}; the thread holds the prompt all the same")
            return
        said.repeated = look.seen is Seen.ABSENT
        if isinstance(added, dict) and added.get("id"):
            said.id = str(added["id"])
            self._messages.note(thread_id, said.id)
            if mark_of(added):
                self._messages.keeps_marks(has=True)

    def _marked(self, said: Said, attempt: Callable[[], Stream]) -> Stream:
        """Do without the mark where the server refuses metadata."""
        try:
            yield from attempt()
        except AsstctlError as error:
            if not said.mark or not refuses(error, "metadata"):
                raise
            said.mark = ""
            self._messages.keeps_marks(has=False)
            yield from attempt()

    def _unlocked(
        self, run: Run, said: Said, prompt: Prompt, attempt: Callable[[], Stream]
    ) -> Stream:
        """Repeat an attempt once the run that locks the thread has ended, as the prompt says.

        A run with the prompt's own mark is an earlier sending of it, and is gone on with.
        """
        over: set[str] = set()
        thread_id = run.thread_id or ""
        while True:
            try:
                yield from attempt()
            except ActiveRunError as error:
                if found := self._ours(thread_id, error.run_id, said):
                    yield from self._replies.adopt(run, said, found)
                    return
                if prompt.if_busy == "refuse" or error.run_id in over:
                    error.hint = f"{FLAGS}, as does: asstctl threads unlock {thread_id}"
                    raise
                over.add(error.run_id)
                wait = prompt.if_busy == "wait"
                yield Notice(f"{'waiting for' if wait else 'cancelling'} the run {error.run_id}")
                end = self._runs.wait if wait else self._runs.cancel
                status = end(thread_id, error.run_id)
                hint = "--cancel-active cancels it" if wait else "try again in a while"
                unlocked(thread_id, error.run_id, status, open_=status in OPEN, hint=hint)
            else:
                return

    def _ours(self, thread_id: str, run_id: str, said: Said) -> dict[str, Any] | None:
        """Return a run that has a prompt's own mark, None for any other."""
        if not (said.mark and run_id):
            return None
        try:
            newest = self._runs.newest(thread_id)
        except AsstctlError:
            return None
        ours = (run for run in newest if run.get("id") == run_id and mark_of(run) == said.mark)
        return next(ours, None)

    @property
    def _assistant(self) -> str:
        return self._settings.assistant_id or ""

    def _run(self, said: Said) -> "RunCreateParamsStreaming":
        """Return the body of a run."""
        body: RunCreateParamsStreaming = {"assistant_id": self._assistant, "stream": True}
        if said.mark:
            body["metadata"] = said.metadata
        self._choose(body)
        return body

    def _choose(self, body: "RunCreateParamsStreaming | ThreadCreateAndRunParamsStreaming") -> None:
        """Add what the profile says of replies to a body: model, instructions, their shape."""
        if self._settings.model:
            body["model"] = self._settings.model
        if self._settings.instructions:
            body["instructions"] = self._settings.instructions
        if shape := self._settings.shape():
            wanted = {"type": "json_schema", "json_schema": shape}
            body["response_format"] = cast("ResponseFormatJSONSchema", wanted)

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
    if error.status in NO_PATH:
        return field != "metadata" and not re.search(r"assistant|\bruns? |run_|model", words)
    if error.status in (400, 422):
        return bool(re.search(rf"\b{field}\b", words)) and not re.search(r"content|asst_", words)
    return False
