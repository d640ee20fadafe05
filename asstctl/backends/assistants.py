"""The threads wire: Foundry's classic agents, Azure OpenAI, and compatible servers.

A prompt is one round trip where the server takes it so: `POST /threads/runs` for a new thread,
`additional_messages` on the run for an old one. What a server was found not to do is remembered,
and it is spoken to in the classic sequence from then on; a prompt is never posted twice.
"""

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from asstctl import credentials
from asstctl.backends import _objects as objects
from asstctl.backends import place
from asstctl.backends._lists import (
    CANCEL_SECONDS,
    PAGE,
    found,
    identity,
    items,
    listed,
    listing,
    looks,
    pages,
)
from asstctl.backends._run import OPEN, Run
from asstctl.backends._wire import Wire, interruption, retried
from asstctl.config import Settings
from asstctl.errors import (
    ActiveRunError,
    AsstctlError,
    IncompleteError,
    StoppedError,
    UnansweredError,
    UnavailableError,
)
from asstctl.events import (
    Assistant,
    Event,
    Message,
    Notice,
    Part,
    Prompt,
    RunFinished,
    RunStarted,
    Stream,
    Text,
    Thread,
    ThreadFacts,
)
from asstctl.store import Store

NEW_THREAD = "a thread and its run in one request"
OLD_THREAD = "a message and its run in one request"
"""Abilities that servers were found to have or not."""

RETIRED = {
    "api.openai.com": "its threads are gone; -p NAME chooses another server",
    ".openai.azure.com": "a Foundry project endpoint speaks it until 2027-03-31",
}
"""Hosts of services that ended, and what can still be done."""


def connect(
    settings: Settings, store: Store, environment: Mapping[str, str], _data: Path
) -> "Assistants":
    """Give the backend for a profile; raises ConfigError that names all that is missing."""
    signing = credentials.signing(settings, environment)
    missing: list[str] = []
    if settings.azure:
        missing = settings.unset("endpoint", "api_version", "assistant_id")
    if not signing and (settings.azure or settings.project):
        missing.append(credentials.whereabouts(settings))
    if missing:
        raise settings.missing(missing)
    endpoint = (settings.endpoint or "").rstrip("/")
    query = {}
    if settings.azure:
        endpoint = endpoint.removesuffix("/openai") + "/openai"
    if settings.azure or settings.project:
        query["api-version"] = settings.api_version or "v1"
    wire = Wire(
        endpoint,
        signing,
        settings.timeout,
        headers={"OpenAI-Beta": "assistants=v2"},
        query=query,
        retired=retired(endpoint),
    )
    return Assistants(wire, store, settings)


def retired(endpoint: str) -> str | None:
    """Say what can be done where a host's threads API ended; None for any other host."""
    host = endpoint.partition("//")[2].partition("/")[0].partition(":")[0]
    return next((words for name, words in RETIRED.items() if host.endswith(name)), None)


class Assistants:
    """Threads on a server that speaks the threads wire; a Backend."""

    carries: tuple[type[Part], ...] = (Text,)

    def __init__(
        self,
        wire: Wire,
        store: Store,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wire = wire
        self._store = store
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._waiting: Run | None = None  # for answers to its calls

    def close(self) -> None:
        """Let go of the connection."""
        self._wire.close()

    @property
    def request_id(self) -> str | None:
        """What the service calls the request of the last reply."""
        return self._wire.request_id

    def check(self) -> None:
        """Demand an assistant; the rest was demanded to connect."""
        self._settings.require("assistant_id")

    # One prompt and its reply

    def send(self, thread_id: str | None, prompt: Prompt) -> Stream:
        """Post a prompt in as few round trips as the server takes, and stream the reply."""
        self.check()
        if thread_id is None:
            yield from self._to_new_thread(prompt)
        else:
            yield from self._to_old_thread(thread_id, prompt)

    def _to_new_thread(self, prompt: Prompt) -> Stream:
        if self._able(NEW_THREAD) is not False:
            body = {**self._run_body(), "thread": {"messages": [spoken(prompt.text)]}}
            run = Run(None)
            try:
                begin = partial(self._run, run, "/threads/runs", body, prompt)
                yield from retried(begin, run.taken)
            except AsstctlError as error:
                if run.id or not refuses(error, "thread"):
                    raise
                self._note(NEW_THREAD, has=False)
            else:
                return
        made = yield from retried(lambda: self._posted("/threads", {}))
        thread_id = identity(made)
        yield RunStarted(thread_id)
        yield from self._classic(Run(thread_id, announced=True), thread_id, prompt)

    def _to_old_thread(self, thread_id: str, prompt: Prompt) -> Stream:
        able = self._able(OLD_THREAD)
        if able is not False:
            body = {**self._run_body(), "additional_messages": [spoken(prompt.text)]}
            path = f"/threads/{thread_id}/runs"
            run = Run(thread_id)
            known = frozenset() if able else frozenset(self._newest(thread_id))
            begin = partial(self._run, run, path, body, prompt)
            reply = self._patiently(thread_id, prompt, begin, run.taken)
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
        """Post the message, then the run: what every server takes."""
        path = f"/threads/{thread_id}"
        yield from self._patiently(
            thread_id, prompt, lambda: self._posted(f"{path}/messages", spoken(prompt.text))
        )
        body = self._run_body()
        begin = partial(self._run, run, f"{path}/runs", body, prompt)
        yield from self._patiently(thread_id, prompt, begin, run.taken)

    def _watched(
        self, reply: Stream, thread_id: str, prompt: Prompt, known: frozenset[str]
    ) -> Generator[Event, None, bool]:
        """Pass on a reply once it is sure that the server took the prompt with the run.

        `known` are the ids of the messages before. Looks for the prompt as the run starts; where
        it is not there the reply is held back to its end, and a second look decides. Says False
        if there is something new in the thread, but not the prompt: the reply was to nothing.
        """
        held: list[Event] = []
        with closing(reply):
            for event in reply:
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
        """Say whether the prompt is among the thread's new messages; None: there is none."""
        new = [m for i, m in self._newest(thread_id).items() if i not in known]
        if not new:
            return None
        return any(message.role == "user" and message.text == prompt.text for message in new)

    def _newest(self, thread_id: str) -> dict[str, Message]:
        """Give the newest messages of a thread, by id."""
        path = f"/threads/{thread_id}/messages"
        query = {"limit": str(PAGE), "order": "desc"}
        newest = map(objects.message, items(self._wire.call("GET", path, query=query)))
        return {message.id: message for message in newest}

    def _patiently(
        self,
        thread_id: str,
        prompt: Prompt,
        attempt: Callable[[], Stream],
        taken: Callable[[], bool] = lambda: False,
    ) -> Stream:
        """Make a request that a locked thread refuses, and do then as the prompt says."""
        while True:
            try:
                yield from retried(attempt, taken)
            except ActiveRunError as error:
                if prompt.if_busy == "refuse":
                    raise
                cancel = prompt.if_busy == "cancel"
                yield Notice(f"{'cancelling' if cancel else 'waiting for'} the run {error.run_id}")
                self._settled(thread_id, error.run_id, cancel=cancel)
            else:
                return

    def _posted(self, path: str, body: Any) -> Generator[Event, None, Any]:
        """Post something that is not streamed; a reply without events."""
        yield from ()
        return self._wire.call("POST", path, body)

    def _run_body(self) -> dict[str, Any]:
        wanted = {
            "assistant_id": self._settings.assistant_id,
            "stream": True,
            "model": self._settings.model,
            "instructions": self._settings.instructions,
        }
        return {key: value for key, value in wanted.items() if value is not None}

    # A run, from its request to its end

    def _run(self, run: Run, path: str, body: Any, prompt: Prompt) -> Stream:
        """Post a run and stream it; a cut stream is completed from what the service holds.

        Leaving early, by whatever way, cancels the run and waits for its end.
        """
        thread_id = run.thread_id
        try:
            yield from self._streamed(run, path, body, prompt)
            if not run.ended or (run.status == "completed" and not run.shown):
                yield from self._rest(run)
            if run.status == "requires_action":
                yield from run.calls()
        except (GeneratorExit, KeyboardInterrupt, StoppedError) as leaving:
            self._abandon(run, thread_id, leaving)
            raise
        if run.status == "requires_action":
            self._waiting = run
            yield RunFinished("tool_call")
        else:
            yield from run.end()

    def answer(self, outputs: Mapping[str, str]) -> Stream:
        """Answer the calls that the run waits for, and stream what follows."""
        run, self._waiting = self._waiting, None
        if run is None:
            return
        path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
        told = [{"tool_call_id": call, "output": output} for call, output in outputs.items()]
        run.status = ""
        yield from self._run(run, path, {"tool_outputs": told, "stream": True}, Prompt(""))

    def decline(self) -> str | None:
        """Cancel the run that waits for answers."""
        run, self._waiting = self._waiting, None
        if run is None:
            return None
        self._settled(run.thread_id or "", run.id or "", cancel=True)
        return "the run was cancelled"

    def _streamed(self, run: Run, path: str, body: Any, prompt: Prompt) -> Stream:
        """Read the stream to its end, or to where it was cut."""
        try:
            with closing(self._wire.events("POST", path, body)) as batches:
                for batch in batches:
                    yield from run.read(batch)
        except UnansweredError as error:
            yield from self._accepted(run, prompt, error)
        except IncompleteError as error:
            if run.id is None:
                unanswered = UnansweredError(error.message, retryable=True)
                yield from self._accepted(run, prompt, unanswered)
            else:
                yield Notice(f"{error.message}; asking for the rest")
        except AsstctlError:
            if run.id is not None and not run.final:
                self._settled(run.thread_id or "", run.id, cancel=True)
            raise

    def _accepted(self, run: Run, prompt: Prompt, error: UnansweredError) -> Stream:
        """Look for the run of a request that got no answer; raises `error` where there is none."""
        if run.thread_id is None:
            error.hint = f"a new thread may exist at {self._wire.host}; the prompt is not repeated"
            raise error
        latest = self._latest(run.thread_id)
        newest = self._newest(run.thread_id).values()
        said = next((message for message in newest if message.role == "user"), None)
        begun = objects.moment(latest.get("created_at")) or 0
        if said is None or said.text != prompt.text:
            raise error
        if latest.get("status") not in OPEN and begun + 2 < (said.created_at or 0):
            raise error
        yield from run.facts(latest)
        yield Notice(f"{error.message}; asking for the reply")

    def _rest(self, run: Run) -> Stream:
        """Wait for the run's end, then give what was not shown of its messages."""
        thread_id, run_id = run.thread_id or "", run.id
        if run_id is None:
            raise IncompleteError(f"{self._wire.host} closed the stream before a run began")
        for look in self._looks(thread_id, run_id, self._settings.timeout):
            yield from run.facts(look)
            if run.ended:
                break
        else:
            kind = IncompleteError if run.shown else UnavailableError
            raise kind(
                f"the run {run_id} is still {run.status} after {self._settings.timeout:g} s",
                hint=f"asstctl threads recover {thread_id} fetches the reply later;"
                " threads unlock ends the run",
                retryable=True,
            )
        query = {"limit": str(PAGE), "order": "asc", "run_id": run_id}
        for message in items(self._wire.call("GET", f"/threads/{thread_id}/messages", query=query)):
            if message.get("run_id") in (None, run_id):
                yield from run.message(message)

    def _looks(self, thread_id: str, run_id: str, seconds: float) -> Iterator[dict[str, Any]]:
        """Give the run object again and again, for so many seconds."""
        path = f"/threads/{thread_id}/runs/{run_id}"
        return looks(lambda: found(self._wire.call("GET", path)), seconds, self._clock, self._sleep)

    def _settled(self, thread_id: str, run_id: str, *, cancel: bool) -> str:
        """Cancel a run or wait for it; gives its last status, for which there is a time limit."""
        if cancel:
            with suppress(AsstctlError):  # it may have ended by itself
                self._wire.call("POST", f"/threads/{thread_id}/runs/{run_id}/cancel", {})
        status = ""
        seconds = CANCEL_SECONDS if cancel else self._settings.timeout
        for look in self._looks(thread_id, run_id, seconds):
            status = str(look.get("status"))
            if status not in OPEN or (status == "requires_action" and not cancel):
                break
        return status

    def _abandon(self, run: Run, thread_id: str | None, leaving: BaseException) -> None:
        """Cancel the run of a reply that nobody wants any more."""
        if run.final:
            return
        thread_id = run.thread_id or thread_id
        if thread_id is None:
            interruption(leaving).add_note(
                f"a new thread may exist at {self._wire.host}: its id had not come yet"
            )
            return
        with suppress(AsstctlError):
            run_id = run.id or self._active(thread_id)
            if run_id:
                self._settled(thread_id, run_id, cancel=True)

    def _latest(self, thread_id: str) -> dict[str, Any]:
        """Give the run that locks a thread, else the newest one, {} where there is none."""
        path = f"/threads/{thread_id}/runs"
        runs = items(self._wire.call("GET", path, query={"limit": "20", "order": "desc"}))
        return next((run for run in runs if run.get("status") in OPEN), runs[0] if runs else {})

    def _active(self, thread_id: str) -> str | None:
        """Give the id of the run that locks a thread."""
        latest = self._latest(thread_id)
        return str(latest["id"]) if latest.get("status") in OPEN else None

    # What a server was found to do

    def _able(self, ability: str) -> bool | None:
        return self._store.ability(self._wire.endpoint, ability)

    def _note(self, ability: str, *, has: bool) -> None:
        self._store.note_ability(self._wire.endpoint, ability, has=has)

    # Threads

    def new_thread(self, *, metadata: Mapping[str, str]) -> str:
        """Make an empty thread and give its id."""
        return identity(self._wire.call("POST", "/threads", {"metadata": dict(metadata)}))

    def facts(self, thread_id: str) -> ThreadFacts:
        """Say what is known of a thread; its messages are counted page by page."""
        thread = found(self._wire.call("GET", f"/threads/{thread_id}"))
        return ThreadFacts(
            messages=sum(1 for _ in pages(self._wire, f"/threads/{thread_id}/messages")),
            active_run=self._active(thread_id),
            created_at=objects.moment(thread.get("created_at")),
            metadata=objects.texts(thread.get("metadata")),
        )

    def delete(self, thread_id: str) -> None:
        """Delete a thread on the server."""
        from asstctl.backends import _sdk  # slow, and nothing else needs it

        answer = _sdk.delete(self._wire, f"/threads/{thread_id}")
        if not isinstance(answer, dict):
            raise AsstctlError(f"{self._wire.host} answered with something not JSON")

    def threads(self) -> Iterator[Thread]:
        """Give the server's threads, the newest first; Foundry and some others can list them."""
        where = place(self._settings)
        with listing(self._wire.host, "threads"):
            for thread in pages(self._wire, "/threads", newest_first=True):
                yield listed(thread, "assistants", where, self._settings.profile)

    def assistants(self) -> Iterator[Assistant]:
        """Give the server's assistants."""
        return map(assistant, pages(self._wire, "/assistants"))

    def assistant(self, name: str | None) -> Assistant:
        """Give one assistant by id, None: the profile's."""
        if not name:
            self._settings.require("assistant_id")
        path = f"/assistants/{quote(name or self._settings.assistant_id or '', safe='')}"
        return assistant(found(self._wire.call("GET", path)))

    def append(self, thread_id: str, messages: Iterable[Message]) -> None:
        """Add messages at the end of a thread, one request each."""
        for message in messages:
            body = {**spoken(message.text, message.role), "metadata": dict(message.metadata)}
            self._wire.call("POST", f"/threads/{thread_id}/messages", body)

    def history(self, thread_id: str, last: int | None = None) -> Generator[Message]:
        """Give every message of a thread, or the `last` ones, oldest first, page by page."""
        path = f"/threads/{thread_id}/messages"
        if last is None:
            yield from map(objects.message, pages(self._wire, path))
        else:
            newest = islice(pages(self._wire, path, newest_first=True, limit=last), last)
            yield from reversed([objects.message(message) for message in newest])

    def unlock(self, thread_id: str, *, wait: bool) -> str | None:
        """Cancel the run that locks a thread, or wait for its end."""
        run_id = self._active(thread_id)
        if run_id is None:
            return None
        return f"{run_id} is {self._settled(thread_id, run_id, cancel=not wait)}"

    def recover(self, thread_id: str) -> Stream:
        """Wait for the last run's end and give its reply whole."""
        latest = self._latest(thread_id)
        if not latest:
            raise IncompleteError("the thread has no run, so there is no reply to recover")
        run = Run(thread_id)
        yield from run.facts(latest)
        yield from self._rest(run)
        yield from run.end()


def spoken(text: str, role: str = "user") -> dict[str, str]:
    """Give a message as the wire takes it."""
    return {"role": role, "content": text}


def assistant(facts: Mapping[str, Any]) -> Assistant:
    """Give an assistant object as ours."""
    identity, name, model = (str(facts.get(key) or "") for key in ("id", "name", "model"))
    return Assistant(identity, name, model, facts)


def refuses(error: AsstctlError, field: str) -> bool:
    """Say whether a server refuses a way of asking, and not what was asked.

    It does with 404 or 405 for the path, or 400 or 422 that names the field; never where the
    words are about the assistant, the run or the content.
    """
    words = error.message.lower()
    if error.status in (404, 405, 501):
        return not re.search(r"assistant|\bruns? |run_|model", words)
    if error.status in (400, 422):
        return bool(re.search(rf"\b{field}\b", words)) and not re.search(r"content|asst_", words)
    return False
