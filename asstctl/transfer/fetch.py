"""Kept threads, brought up to date with their servers."""

import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from hashlib import sha256

from asstctl._record import record
from asstctl.config.settings import Settings
from asstctl.errors import (
    AsstctlError,
    ConfigError,
    IncompleteError,
    NotFoundError,
    UnsupportedError,
)
from asstctl.events import Progress
from asstctl.model import Message, Thread, mark_of, texts
from asstctl.session import Session
from asstctl.store.merging import Listed
from asstctl.store.objects import packed, steady
from asstctl.transfer.files import fetch_files

SHOWN = 200
"""Messages between two steps of the progress."""


@record
class Fetched:
    """Counts of one fetch: messages at the server, those that are new here, those kept here alone.

    `runs` and `files` are new ones; `missing` are reasons why something could not be had. `broken`
    is the error that ended the list early, `unread` that of the runs, `later` those of files:
    another attempt may have more.
    """

    thread: Thread
    messages: int = 0
    new: int = 0
    gone: int = 0
    runs: int = 0
    files: int = 0
    missing: tuple[str, ...] = ()
    broken: AsstctlError | None = None
    unread: AsstctlError | None = None
    later: tuple[AsstctlError, ...] = ()

    @property
    def errors(self) -> tuple[AsstctlError, ...]:
        """Errors after which another attempt may have more, the list's left out."""
        return (self.unread, *self.later) if self.unread else self.later


def fetch(
    session: Session, thread: Thread, *, files: bool = True
) -> Generator[Progress, None, Fetched]:
    """Read a thread's messages, runs, facts and files, merge them into what is kept, count them.

    Each step is kept as it is done, so that a fetch that was stopped goes on from there. Raises
    ConfigError where the profile keeps nothing, and what the server says of the thread itself.
    """
    if thread.kind.facts.kept_here:
        return Fetched(thread, session.store.messages.count(thread.key))
    demand_keeping(session.home(thread))
    backend = session.holder(thread)
    number = session.store.messages.number(thread.key)
    before = session.store.files.count(number)
    began = session.store.keeping.began()
    messages: list[Message] = []
    broken: AsstctlError | None = None
    with closing(backend.history(thread.id)) as listed:
        try:
            for message in listed:
                messages.append(message)
                if len(messages) % SHOWN == 0:
                    yield Progress(f"fetching {thread.id}", len(messages), 0, "messages")
        except AsstctlError as error:
            if not messages:
                raise
            broken = error
    found = [Listed(m, mark_of(m.raw)) for m in with_ids(messages) if m.status != "gone"]
    whole = broken is None and len(found) == len(messages)
    new, gone = session.store.keeping.merge(thread.key, found, began, whole=whole)
    if broken and not isinstance(broken, IncompleteError):
        raise broken
    count, missing, unread = _runs(session, thread)
    with suppress(UnsupportedError):
        facts = backend.thread(thread.id)
        object_ = packed(facts) if facts else None
        session.store.index.learn(thread, object_, texts(facts.get("metadata")))
    session.store.index.miss(thread, missing)
    refused: list[str] = []
    later: list[AsstctlError] = []
    if files:
        objects = (*(m.raw or {} for m in messages), *session.store.runs.of(number))
        refused, later = yield from fetch_files(session, thread, objects)
    made = session.store.files.count(number) - before
    told = (*missing, *refused)
    return Fetched(
        thread, len(messages), new, gone, count, made, told, broken, unread, tuple(later)
    )


def demand_keeping(settings: Settings) -> None:
    """Raise ConfigError where a profile keeps nothing here."""
    if not settings.keeps:
        raise ConfigError(
            f"the profile {settings.profile!r} keeps nothing here: keep is false",
            hint=f"{settings.command} config unset keep",
        )


def with_ids(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages, those that their service gives no id under one that every reading gives."""
    seen: Counter[str] = Counter()
    for message in messages:
        if message.id:
            yield message
            continue
        said = json.dumps(steady(message.raw), ensure_ascii=False)
        digest = sha256(said.encode("utf-8", "replace")).hexdigest()[:16]
        seen[digest] += 1
        yield replace(message, id=f"unnamed_{digest}_{seen[digest]}")


def _runs(session: Session, thread: Thread) -> tuple[int, tuple[str, ...], AsstctlError | None]:
    """Fetch the runs that are not kept whole; return how many, and why others could not be had.

    The error is one after which another attempt may have more.
    """
    store = session.store
    number = store.messages.number(thread.key)
    count = 0
    try:
        for run in session.holder(thread).runs(thread.id, store.runs.known(number)):
            store.runs.put(number, str(run.get("id")), run, whole=True)
            count += 1
    except UnsupportedError as error:
        return count, (error.message,), None
    except NotFoundError:
        raise
    except AsstctlError as error:
        return count, (), error
    return count, (), None
