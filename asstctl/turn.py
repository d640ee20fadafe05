"""One prompt and its reply: tools' rounds, how it ended, and what is kept of it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asstctl.backends import Backend, thread_at
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import (
    Event,
    Notice,
    ObjectSeen,
    Prompt,
    PromptTaken,
    RunFinished,
    RunStarted,
    Stream,
    TextDelta,
)
from asstctl.heard import Heard, demand_whole, in_container
from asstctl.model import Message, Status, message_json
from asstctl.parts import File, Image, ToolCall, ToolResult, part_json
from asstctl.store.beside import words_beside
from asstctl.store.store import Store
from asstctl.tools import Consent, Tool, answering, answers

if TYPE_CHECKING:
    from asstctl.model import Thread
    from asstctl.store.turns import Noted

MOST_ROUNDS = 100
"""How often in one reply a model may call tools; each time they are answered, and it goes on."""


KEPT = "turns at servers are kept here now, whole, so that they outlive the server"

UNTOLD = "untold: turns are kept"
"""The name of a row in the store's table of abilities, there where an older version wrote it."""


@dataclass(slots=True)
class _Round:
    """One stream of the reply: how it ended (None: the service did not say), and its calls.

    `first`: it answers the prompt, and no outputs of tools.
    """

    first: bool = True
    end: RunFinished | None = None
    calls: list[ToolCall] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether it ended with calls that wait for answers."""
        return self.end is not None and self.end.ending == "tool_call"

    def silent(self, *, shown: bool) -> bool:
        """Return whether it completed without a word, nothing being shown before either."""
        return self.end is not None and self.end.ending == "completed" and not shown


class Turn:
    """One prompt and its reply, noted in `store` as it goes.

    `thread` is the thread that took the prompt, None before that. `made` are the reply's objects
    that name files of a container, which ends soon.
    """

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        environment: Mapping[str, str],
        store: Store,
        prompt: Prompt,
    ) -> None:
        self._backend = backend
        self._environment = environment
        self._settings = settings
        self._store = store
        self._prompt = prompt
        self._noted: Noted | None = None  # what is written of the turn, once there is a thread
        self._heard = Heard()
        self._objects: dict[str, dict[str, Any]] = {}  # runs by id, each with its steps
        self._steps: list[Mapping[str, Any]] = []
        self._mark = ""  # of the prompt
        self._shown = False
        self._forgotten = ""  # why a server's thread is not remembered, until that is said
        self._round = _Round()
        self.made: list[Mapping[str, Any]] = []  # objects that name files of containers
        self.thread: Thread | None = None

    @property
    def replies(self) -> list[Message]:
        """The messages of the reply, as far as they came."""
        return self._heard.messages("cut")

    def say(self, thread_id: str | None, consent: Consent | None) -> Stream:
        """Post the prompt and pass the reply on; None says it to a new thread.

        The thread is in the index before the first word comes. Calls of functions are answered
        by the profile's tools, as far as `consent` allows. Raises IncompleteError where the
        reply ended early, or without a claim that it ended, or with a call that nobody answers.
        """
        try:
            yield from self._passed(self._backend.send(thread_id, self._prompt))
            rounds = 0
            while self._round.open:
                rounds += 1
                calls = self._round.calls if rounds < MOST_ROUNDS else []  # none without end
                outputs = self._answers(calls, consent)
                try:
                    yield from self._answered(outputs)
                except BaseException:
                    self._backend.decline()
                    raise
                yield from self._passed(self._backend.answer(outputs), first=False)
            demand_whole(self._round.end)
        except BaseException as leaving:
            self._left(leaving)
            raise
        try:
            beside = self._end("completed")
        except AsstctlError as error:
            if self._settings.backend.facts.kept_here:
                raise
            yield Notice(f"this turn is not kept here: {error.message}")
            return
        if beside:
            yield Notice(words_beside(beside))

    def _left(self, leaving: BaseException) -> None:
        """Write how a turn ended that `leaving` ends; a fault in that is noted on it."""
        status: Status = "cancelled"
        if isinstance(leaving, Exception):
            status = "cut" if self._heard.anything or self._round.end else "failed"
        if self._round.end and self._round.end.ending == "completed":
            status = "completed"
        try:
            beside = self._end(status)
        except AsstctlError as error:
            leaving.add_note(f"what came is not kept here: {error.message}")
        else:
            if beside:
                leaving.add_note(words_beside(beside))

    def _passed(self, reply: Stream, *, first: bool = True) -> Stream:
        """Pass one stream of the reply on; an end with calls is not passed on."""
        self._round = _Round(first)
        with closing(reply):
            for event in reply:
                self._hear(event)
                if self._round.end is event and self._round.silent(shown=self._shown):
                    yield Notice("(no text)")
                if not self._round.open:
                    yield event
                if isinstance(event, RunStarted) and self._untold():
                    yield Notice(
                        f"{KEPT}; {self._settings.command} config set keep false stops that"
                    )
                if self._forgotten and self.thread:
                    thread_id = self.thread.id
                    yield Notice(f"{thread_id} is not remembered: {self._forgotten}")
                    self._forgotten = ""

    def _untold(self) -> bool:
        """Return whether an older version kept no turns here, and nobody has said so yet."""
        abilities = self._store.abilities
        untold = bool(self._noted and self._noted.kept and abilities.has("", UNTOLD))
        if untold:
            abilities.note("", UNTOLD, has=False)
        return untold

    def _hear(self, event: Event) -> None:
        """Note what an event says of the turn."""
        self._heard.feed(event)
        match event:
            case RunStarted(thread_id, run_id):
                self._begin(thread_id, run_id)
            case PromptTaken(run_id, mark):
                self._mark = mark
                self._take(run_id)
            case ObjectSeen():
                self._see(event)
            case TextDelta() | Image() | File():
                self._shown = True
            case ToolCall():
                self._round.calls.append(event)
            case ToolResult(identity):  # the server has answered it
                self._round.calls = [c for c in self._round.calls if c.id != identity]
            case RunFinished():
                self._round.end = event

    def _begin(self, thread_id: str, run_id: str | None) -> None:
        """Note the thread, and the prompt; a run proves that the service took it."""
        facts = self._settings.backend.facts
        self.thread = thread_at(self._settings, thread_id)
        noted = self._store.turns.begin(
            self.thread, self._prompt.text, kept=self._settings.keeps, own=facts.kept_here
        )
        noted.files = [part_json(part) for part in self._prompt.files] if noted.kept else []
        noted.taken = facts.kept_here or run_id is not None
        self._name(noted, run_id)

    def _take(self, run_id: str | None) -> None:
        """Note that the service took the prompt of a thread that was noted before."""
        if noted := self._noted:
            noted.taken = True
            self._name(noted, run_id)

    def _name(self, noted: "Noted", run_id: str | None) -> None:
        noted.run_id, noted.mark = run_id, self._mark
        if self._round.first:
            noted.first_run = run_id
        noted.linked = self._settings.backend.facts.replies_by_id
        self._note(noted)

    def _see(self, seen: ObjectSeen) -> None:
        """Remember a run, or a step of one."""
        identity = str(seen.object.get("id"))
        if seen.kind == "step":
            self._steps = [step for step in self._steps if step.get("id") != identity]
            self._steps.append(seen.object)
        else:
            steps = [step for step in self._steps if step.get("run_id") in (None, identity)]
            self._objects[identity] = {**seen.object, "steps": steps} if steps else {**seen.object}

    def _note(self, noted: "Noted") -> None:
        """Write the turn; without a usable store a server's reply goes on, unremembered."""
        try:
            self._store.turns.note(noted)
        except AsstctlError as error:
            if noted.own:
                raise
            self._noted, self._forgotten = None, error.message
        else:
            self._noted = noted

    def _end(self, status: Status) -> Path | None:
        """Write how the turn ended; return the file that keeps it where the store is locked."""
        noted = self._noted
        if noted is None or not (noted.kept or noted.pending):
            return None
        if noted.kept:
            noted.status = status
            heard = self._heard.messages(status)
            self.made = [m.raw for m in heard if m.raw and in_container(m.raw)]
            noted.replies = [{**message_json(message), "run": message.run} for message in heard]
            noted.runs = list(self._objects.values()) or self._heard.own_run(noted.key)
        return self._store.turns.end(noted)

    def _answers(self, calls: list[ToolCall], consent: Consent | None) -> Mapping[str, str]:
        """Answer every call by the command that the profile has for it.

        Where one has none, or nobody can allow it, all are given up, and IncompleteError says so.
        """
        tools: Mapping[str, Tool] = answering(self._settings, self._environment)
        try:
            return answers(calls, tools, consent)
        except BaseException as leaving:
            try:
                done = self._backend.decline()
            except AsstctlError as failed:
                done = f"and they could not be declined: {failed.message}"
            if isinstance(leaving, IncompleteError) and done:
                leaving.message = f"{leaving.message}: {done}"
            raise

    def _answered(self, outputs: Mapping[str, str]) -> Stream:
        """Yield the answers to calls, and keep them where no run of a server does."""
        for identity, output in outputs.items():
            result = ToolResult(identity, output)
            if self._settings.backend.facts.answers_in_thread:
                self._heard.answered(result)
            yield result
