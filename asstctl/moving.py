"""Threads from one place to another: what is carried, what is not, and how far it went.

A copy remembers what it is a copy of, so that a second run carries only what is new. How many
messages are on their way is noted before they leave, so that a run that was stopped between two
of them neither loses one nor carries one twice.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from asstctl.errors import AsstctlError, NotFoundError
from asstctl.events import Message, Part, Progress, Text, Thread, words
from asstctl.session import Session

CHUNK = 20
"""Messages that are put into a thread at once: what the smallest wire takes."""

MOST_PAIRS = 16
LONGEST_VALUE = 512
"""Pairs of metadata, and characters of a value, that servers take."""

KINDS = {"Image": "image", "File": "file", "ToolNote": "tool turn", "Refusal": "refusal"}
"""What only a placeholder can stand for elsewhere, in words."""

EMPTY = "[no text]"
"""What stands for a message without a word: a reply that failed, say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a copy would do: `messages` go to `profile`, behind the `already` that are there."""

    source: Thread
    profile: str
    target: Thread | None  # None: a new thread
    already: int
    messages: list[Message]
    replaced: Mapping[str, int]  # placeholders that will stand in the copy, by kind
    again: str = "run it again to go on"  # what to do where it fails


def plan(session: Session, source: Thread, messages: Iterable[Message], profile: str) -> Plan:
    """Say what copying a thread into a profile would do; nothing is altered but the index.

    Raises ConfigError and NotFoundError for the profile.
    """
    everything = list(messages)
    target, copied = session.copy_of(source, profile)
    already = 0
    if target and copied:
        already = copied.copied
        if copied.on_its_way:  # it stopped in between: the thread itself says how far it came
            sent = everything[already : already + copied.on_its_way]
            already += arrived(session, target, sent)
    carries = session.carries(profile)
    replaced: Counter[str] = Counter()
    carried = [as_carried(message, carries, replaced) for message in everything[already:]]
    return Plan(source, profile, target, already, carried, dict(replaced))


def arrived(session: Session, target: Thread, sent: list[Message]) -> int:
    """Count the messages that a thread ends with, of those that were on their way to it."""
    carries = session.carries(target.profile)
    wanted = [said(as_carried(message, carries, Counter())) for message in sent]
    there = [said(message) for message in session.history(target, len(sent))]
    fits = (n for n in range(len(wanted), 0, -1) if there[-n:] == wanted[:n])
    return next(fits, 0)


def said(message: Message) -> tuple[str, str]:
    """Give what two copies of a message have in common."""
    return message.role, message.text


def as_carried(
    message: Message, carries: tuple[type[Part], ...], replaced: Counter[str]
) -> Message:
    """Give a message as another place takes it: other parts become placeholders, and count."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, carries):
            parts.append(part)
        else:
            replaced[KINDS[type(part).__name__]] += 1
            parts.append(Text(words(part)))
    if Text in carries and len(carries) == 1:  # one text is all that it takes
        text = "\n\n".join(words(part) for part in parts)
        if not text.strip():
            replaced["message without text"] += 1
        parts = [Text(text if text.strip() else EMPTY)]
    return replace(message, id="", parts=tuple(parts), metadata=origin(message))


def origin(message: Message) -> dict[str, str]:
    """Give a message's metadata with the id, time and end that it had where it was first said."""
    facts = {"asstctl_id": message.id}
    if message.created_at is not None:
        moment = datetime.fromtimestamp(message.created_at, UTC)
        facts["asstctl_created_at"] = moment.isoformat().replace("+00:00", "Z")
    if message.status != "completed":
        facts["asstctl_status"] = message.status
    return trimmed({**facts, **message.metadata})


def trimmed(metadata: Mapping[str, str]) -> dict[str, str]:
    """Give as much of metadata as servers take, the first pairs first."""
    return {key: value[:LONGEST_VALUE] for key, value in list(metadata.items())[:MOST_PAIRS]}


def carry_out(session: Session, found: Plan) -> Generator[Progress, None, Thread]:
    """Copy what a plan says and give the copy; each step is noted before it is taken.

    Raises what the target raises, with how far it came.
    """
    target = found.target or begun(session, found)
    copied, total = found.already, len(found.messages)
    what = f"copying {found.source.id}"
    for start in range(0, total, CHUNK):
        yield Progress(what, start, total, "messages")
        chunk = found.messages[start : start + CHUNK]
        session.note_copy(found.source, target, copied, len(chunk))
        try:
            session.append(target, chunk)
        except NotFoundError as error:
            error.hint = f"is {target.id} gone? threads delete --keep-remote forgets it"
            raise
        except AsstctlError as error:
            error.hint = f"{start} of {total} messages are in {target.id}; {found.again}"
            raise
        copied += len(chunk)
        session.note_copy(found.source, target, copied, 0)
    yield Progress(what, total, total, "messages")
    return target


def begun(session: Session, found: Plan) -> Thread:
    """Make the empty copy, and note at once what it is a copy of."""
    source = found.source
    facts = {"asstctl_source": source.id}
    if source.endpoint:
        facts["asstctl_source_endpoint"] = source.endpoint
    target = session.new_copy(source, found.profile, trimmed({**facts, **source.metadata}))
    session.note_copy(source, target, 0, 0)
    return target


def forked(session: Session, source: Thread, at: str | None) -> Generator[Progress, None, Thread]:
    """Make a new thread on the same server of a thread's messages, up to the one meant by `at`.

    `at` is a message's id or its number from 1. Raises NotFoundError where there is no such.
    """
    messages = list(session.history(source))
    if at is not None:
        messages = messages[: place_of(messages, at)]
    home = session.home(source)
    replaced: Counter[str] = Counter()
    carried = [as_carried(message, session.carries(home), replaced) for message in messages]
    fork = replace(source, id=f"{source.id}@{at or len(messages)}", name=None, said_at=0.0)
    again = "threads delete removes this part of a fork"
    return (yield from carry_out(session, Plan(fork, home, None, 0, carried, replaced, again)))


def place_of(messages: list[Message], at: str) -> int:
    """Give the number of the message that a user means."""
    for number, message in enumerate(messages, 1):
        if at in (message.id, str(number)):
            return number
    raise NotFoundError(
        f"no message {at!r}: there are {len(messages)}",
        hint="asstctl threads history -o jsonl shows their ids; a number counts from 1",
    )
