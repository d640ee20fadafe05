"""Lists that overlap with turns and with each other are merged: nothing lost, nothing twice."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asstctl.model import Message
from asstctl.parts import Text
from asstctl.store.merging import Entry, Listed, Order, merge
from tests.test_fuzz import EXAMPLES


def message(identity, role, text):
    return Message(identity, role, (Text(text),))


@dataclass
class Server:
    """A thread at its server: messages in order, each with the mark of its prompt or ""."""

    marks: bool
    messages: list[Listed] = field(default_factory=list)
    count: int = 0

    def add(self, role, text, mark="", place=None):
        self.count += 1
        found = Listed(message(f"m{self.count}", role, text), mark if self.marks else "")
        self.messages.insert(len(self.messages) if place is None else place, found)
        return found


class Kept:
    """A kept thread as the store has it, with its counter."""

    def __init__(self):
        self.entries, self.order, self.counter = [], Order(), 0
        self.seen = {}  # texts by id, of all that any reading said
        self.spoken = []  # what turns said

    def tick(self):
        self.counter += 1
        return self.counter

    def turn(self, prompt, mark):
        born = self.tick()
        self.entries += [Entry(None, "", "user", prompt, mark, born)]
        self.entries[-1].number = born
        self.spoken.append(prompt)

    def merge(self, listed, began, *, whole):
        listed = list(listed)
        for found in listed:
            self.seen.setdefault(found.message.id, set()).add(found.message.text)
        self.entries, self.order = merge(self.entries, listed, began, self.order, whole=whole)
        for entry in self.entries:
            entry.number, entry.now = entry.number or self.tick(), None


def hold(kept, server):
    """Demand what must hold of a kept thread after any history."""
    ids = [entry.id for entry in kept.entries if entry.id]
    assert len(ids) == len(set(ids)), "an id stands twice"
    for identity, texts in kept.seen.items():
        [entry] = [entry for entry in kept.entries if entry.id == identity]
        for text in texts:
            known = {entry.text, *entry.was}
            assert any(k.startswith(text) for k in known), (text, known)
    held = [entry.text for entry in kept.entries] + [w for e in kept.entries for w in e.was]
    for prompt in kept.spoken:
        assert prompt in held, "a prompt was lost"


STEPS = ("say", "reply", "edit", "drop", "swap", "begin", "end", "part", "turn")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_no_history_of_turns_and_readings_loses_or_doubles_a_message(seed, marks):
    clock = random.Random(seed)
    server, kept = Server(marks), Kept()
    readings = []
    for _ in range(30):
        step = clock.choice(STEPS)
        messages = server.messages
        if step == "say":
            server.add("user", clock.choice(["hi", "yes", f"p{server.count}"]))
        elif step == "reply":
            server.add("assistant", f"reply {server.count}")
        elif step == "edit" and messages:
            place = clock.randrange(len(messages))
            old = messages[place]
            text = f"edited {clock.random()}"
            messages[place] = Listed(message(old.message.id, old.message.role, text), old.mark)
        elif step == "drop" and messages:
            messages.pop(clock.randrange(len(messages)))
        elif step == "swap" and len(messages) > 1:
            place = clock.randrange(len(messages) - 1)
            messages[place : place + 2] = reversed(messages[place : place + 2])
        elif step == "turn":
            prompt, mark = clock.choice(["hi", "yes", f"t{server.count}"]), f"k{kept.counter}"
            kept.turn(prompt, mark)
            server.add("user", prompt, mark)
        elif step in ("begin", "part"):
            last = len(messages) if step == "begin" else clock.randrange(len(messages) + 1)
            listed = list(messages[len(messages) - last :])
            readings.append((kept.tick(), listed, step == "begin"))
        elif step == "end" and readings:
            began, listed, whole = readings.pop(clock.randrange(len(readings)))
            kept.merge(listed, began, whole=whole)
            hold(kept, server)
    began = kept.tick()
    for _ in range(2):  # a second reading of the same list changes nothing
        kept.merge(server.messages, began, whole=True)
        hold(kept, server)
        state = [(e.id, e.text, e.gone) for e in kept.entries]
        order = [entry.id for entry in kept.entries if entry.id and not entry.gone]
        assert order == [found.message.id for found in server.messages]
    kept.merge(server.messages, began, whole=True)
    assert state == [(e.id, e.text, e.gone) for e in kept.entries]


def merged(entries, listed, began=10, order=None, *, whole=True):
    found, _ = merge(entries, listed, began, order or Order(), whole=whole)
    return [(entry.id, entry.text, entry.gone) for entry in found]


def test_a_list_that_is_older_than_a_prompt_gives_it_no_others_id():
    entry = Entry(1, "", "user", "hi", born=20)
    listed = [Listed(message("m1", "user", "hi"))]
    assert merged([entry], listed) == [("m1", "hi", False), ("", "hi", False)]


def test_only_a_whole_list_makes_messages_gone():
    def two():
        return [Entry(1, "m1", "user", "a", learned=1), Entry(2, "m2", "user", "b", learned=1)]

    listed = [Listed(message("m2", "user", "b"))]
    assert merged(two(), listed, whole=False) == [("m1", "a", False), ("m2", "b", False)]
    assert merged(two(), listed) == [("m1", "a", True), ("m2", "b", False)]


def test_a_list_that_repeats_an_id_is_not_whole():
    entries = [Entry(1, "m1", "user", "a", learned=1)]
    listed = [Listed(message("m2", "user", "b"))] * 2
    assert merged(entries, listed) == [("m1", "a", False), ("m2", "b", False)]


def test_marks_decide_between_equal_prompts():
    entries = [Entry(1, "", "user", "yes", "A", 1), Entry(2, "", "user", "yes", "B", 2)]
    listed = [Listed(message("m2", "user", "yes"), "B"), Listed(message("m1", "user", "yes"), "A")]
    assert merged(entries, listed) == [("m2", "yes", False), ("m1", "yes", False)]
    assert [entry.id for entry in entries] == ["m1", "m2"]


@pytest.mark.parametrize("ours", ["", "The be"])
def test_a_reply_that_was_cut_is_completed_by_the_one_after_its_prompt(ours):
    entries = [Entry(1, "", "user", "q", "A", 1), Entry(2, "", "assistant", ours, "", 1)]
    listed = [
        Listed(message("m1", "user", "q"), "A"),
        Listed(message("m2", "assistant", "The best")),
    ]
    assert merged(entries, listed) == [("m1", "q", False), ("m2", "The best", False)]


def test_a_text_that_was_replaced_is_kept_beside_the_new_one():
    entry = Entry(1, "m1", "user", "old", learned=1)
    merge([entry], [Listed(message("m1", "user", "new"))], 10, Order(), whole=True)
    assert (entry.text, entry.was) == ("new", ["old"])


def test_an_older_list_moves_nothing():
    entries = [Entry(1, "m1", "user", "a", learned=5), Entry(2, "m2", "user", "b", learned=5)]
    listed = [Listed(message(i, "user", t)) for i, t in (("m2", "b"), ("m3", "c"), ("m1", "a"))]
    assert merged(entries, listed, 3, Order(5, 5)) == [
        ("m1", "a", False),
        ("m2", "b", False),
        ("m3", "c", True),
    ]
