"""Threads from one server to another: what is carried, what is not, and how far it went.

A copy is noted with its source, so that a second run carries only what is new. How many messages
are on their way is noted before they are sent, so that a run that was stopped between two of them
neither loses one nor carries one twice.
"""

import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from itertools import takewhile

from asstctl._record import record
from asstctl.backends import CHUNK
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, StoppedError
from asstctl.events import Progress
from asstctl.model import Message, Thread, count, instant
from asstctl.parts import File, Image, Other, Part, Refusal, Text, words
from asstctl.store.copies import Copied
from asstctl.transfer.destination import Destination

MOST_PAIRS = 16
LONGEST_VALUE = 512
"""Pairs of metadata, and characters of a value, that servers take."""

KINDS = {Image: "image", File: "file", Other: "tool turn", Refusal: "refusal"}
"""Parts that become placeholders elsewhere, in words."""

LOOKS, LOOK_SECONDS = 2, 2.0
"""How often, and after how many seconds, it is looked again for what a stopped run has sent."""

EMPTY = "[no text]"
"""The text of a message without any: a reply that failed, say."""


@record
class Plan:
    """A planned copy of `messages` to `to`; the source's first `already` are there.

    `ids` are the ids that the messages have in the source.
    """

    source: Thread
    to: Destination
    target: Thread | None  # None: a new thread
    already: int
    messages: list[Message]
    ids: list[str]
    replaced: Mapping[str, int]  # placeholders that will stand in the copy, by kind
    was: Copied  # the note of the copy so far
    before: int = 0  # messages that the target holds
    forked: bool = False


def plan(source: Thread, messages: Iterable[Message], to: Destination) -> Plan:
    """Return the plan of copying a thread into a profile; nothing is changed.

    Raises NotFoundError where a copy that was made before is gone, AsstctlError where the source
    lost the message that was copied last.
    """
    everything = list(messages)
    target, was = to.copy_of(source)
    already = before = 0
    if target and was:
        already = position(source, everything, was)
        try:
            there = list(to.history(target))
        except NotFoundError as error:
            error.hint = f"is {target.id} gone? threads delete --keep-remote forgets it"
            raise
        if was.on_its_way:  # the last run was stopped: count what reached the copy
            sent = everything[already : already + was.on_its_way]
            there = settled(to, target, there, was.before + len(sent))
            already += arrived(to, sent, there[was.before :])
            was = replace(was, last_id=everything[already - 1].id if already else "")
        before = len(there)
    return made(source, everything[already:], to, target, was, already, before)


def settled(to: Destination, target: Thread, there: list[Message], wanted: int) -> list[Message]:
    """Return what a copy holds once nothing of a stopped run can be on its way any more.

    A gateway goes on with the request of a process that was killed.
    """
    for _ in range(LOOKS):
        if len(there) >= wanted:
            break
        time.sleep(LOOK_SECONDS)
        there = list(to.history(target))
    return there


def made(
    source: Thread,
    messages: list[Message],
    to: Destination,
    target: Thread | None = None,
    was: Copied | None = None,
    already: int = 0,
    before: int = 0,
) -> Plan:
    """Return the plan that carries `messages`, as the profile takes them."""
    replaced: Counter[str] = Counter()
    carried = [as_carried(message, to.carries, replaced) for message in messages]
    ids = [message.id for message in messages]
    noted = was or Copied("")
    return Plan(source, to, target, already, carried, ids, dict(replaced), noted, before)


def position(source: Thread, everything: list[Message], was: Copied) -> int:
    """Return how many messages of a source its copy has already."""
    if not was.last_id:
        return was.copied
    for number, message in enumerate(everything, 1):
        if message.id == was.last_id:
            return number
    raise AsstctlError(
        f"{source.id} no longer holds the message that was copied last to {was.target_id}",
        hint=f"asstctl threads export {source.id} keeps what it holds now",
    )


def arrived(to: Destination, sent: list[Message], there: list[Message]) -> int:
    """Count the messages that stand in a thread where they should, of those on their way."""
    wanted = [said(as_carried(message, to.carries, Counter())) for message in sent]
    pairs = zip(wanted, map(said, there), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def said(message: Message) -> tuple[str, str]:
    """Return what two copies of a message have in common; some servers trim texts."""
    return message.role, message.text.strip()


def as_carried(
    message: Message, carries: tuple[type[Part], ...], replaced: Counter[str]
) -> Message:
    """Return a message as another server takes it; other parts become placeholders, counted."""
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, carries):
            parts.append(part)
        else:
            replaced[KINDS.get(type(part), "part")] += 1
            parts.append(Text(words(part)))
    if carries == (Text,):  # it takes one text alone
        text = "\n\n".join(words(part) for part in parts)
        if not text.strip():
            replaced["empty message"] += 1
        parts = [Text(text if text.strip() else EMPTY)]
    return replace(message, id="", parts=tuple(parts), metadata=origin(message))


def origin(message: Message) -> dict[str, str]:
    """Return a message's metadata with the id, time and end that it had where it was said."""
    facts = {"asstctl_id": message.id}
    if message.created_at is not None:
        facts["asstctl_created_at"] = instant(message.created_at)
    if message.status != "completed":
        facts["asstctl_status"] = message.status
    return trimmed({**facts, **message.metadata})


def trimmed(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return as much of metadata as servers take, the first pairs first."""
    return {key: value[:LONGEST_VALUE] for key, value in list(metadata.items())[:MOST_PAIRS]}


def carry_out(found: Plan) -> Generator[Progress, None, Thread]:
    """Carry out a plan and return the copy; each step is noted before it is taken.

    Raises what the target raises, with how far it came.
    """
    source = found.source
    target = found.target or begun(found)
    now = replace(found.was, target_id=target.id, copied=found.already)
    total = len(found.messages)
    what = f"copying {source.id}"
    try:
        for start in range(0, total, CHUNK):
            yield Progress(what, start, total, "messages")
            chunk = found.messages[start : start + CHUNK]
            now = replace(now, on_its_way=len(chunk), before=found.before + start)
            found.to.note(source, now)
            found.to.append(target, chunk)
            last = found.ids[start + len(chunk) - 1]
            now = replace(now, copied=now.copied + len(chunk), on_its_way=0, last_id=last)
            found.to.note(source, now)
    except AsstctlError as error:
        there = now.copied - found.already
        error.hint = error.hint or f"at least {there} of {total} messages are in {target.id}"
        raise
    except (KeyboardInterrupt, StoppedError) as left:
        left.add_note(f"{target.id} has a part of {source.id}; the same command goes on with it")
        raise
    yield Progress(what, total, total, "messages")
    if found.was.on_its_way:
        demand_once(found, target)
    return target


def demand_once(found: Plan, target: Thread) -> None:
    """Raise IncompleteError where a copy that was resumed holds more than was sent to it."""
    more = sum(1 for _ in found.to.history(target)) - found.before - len(found.messages)
    if more > 0:
        raise IncompleteError(
            f"{target.id} holds {count(more, 'message')} more than were copied: a request of the"
            " run that was stopped arrived late",
            hint=f"asstctl threads delete {target.id}, and the same copy again, makes it whole",
        )


def begun(found: Plan) -> Thread:
    """Make the empty copy, and note its source at once."""
    source = found.source
    facts = {"asstctl_source": source.id, "asstctl_source_endpoint": source.endpoint or "local"}
    if "asstctl_source" in source.metadata:  # a copy of a copy: the first one counts
        facts = {}
    metadata = trimmed({**facts, **source.metadata})
    return found.to.begin(source, metadata, said=found.forked)


def fork(source: Thread, messages: list[Message], to: Destination, at: str | None) -> Plan:
    """Return the plan of a fork: a new thread on the same server, up to the message `at`.

    `at` is a message's id or its number from 1. Raises NotFoundError where there is no such.
    """
    if at is not None:
        messages = messages[: number_of(messages, at)]
    again = replace(source, id=f"{source.id}@{len(messages)}", name=None, said_at=0.0)
    return replace(made(again, messages, to), forked=True)


def number_of(messages: list[Message], at: str) -> int:
    """Return the number of the message that a user means, from 1."""
    for number, message in enumerate(messages, 1):
        if at in (message.id, str(number)):
            return number
    raise NotFoundError(
        f"no message {at!r}: there are {len(messages)}",
        hint="asstctl threads history -o jsonl shows their ids; a number counts from 1",
    )
