"""Every leaf of every object that the vendor's types know is found again in an export."""

import json
import random
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from openai.types.beta.threads import Message as VendorMessage
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import RunStep
from openai.types.conversations import ConversationItem
from openai.types.responses import ResponseOutputItem
from pydantic import BaseModel

from asstctl.store.objects import SECRETS
from tests.test_vendor import members


def sample(kind, clock, depth=0):
    """Return a JSON value that a type of the vendor's package allows."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return sample(args[0], clock, depth)
    if origin in (Union, UnionType):
        known = [one for one in args if one is not NoneType]
        return sample(clock.choice(known), clock, depth) if known else None
    if origin is Literal:
        return args[0]
    if origin in (list, tuple):
        return [] if depth > 6 else [sample(args[0], clock, depth + 1) for _ in range(2)]
    if origin is dict:
        return {f"k{clock.random()}": sample(args[1], clock, depth + 1)}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {
            field.alias or name: sample(field.annotation, clock, depth + 1)
            for name, field in kind.model_fields.items()
        }
    if kind in (int, float):
        return clock.randrange(1, 2**31)
    return clock.random() < 0.5 if kind is bool else f"w{clock.random()}"


def leaves(found):
    """Yield what stands at the ends of a JSON value, without what is never stored."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key not in SECRETS:
                yield from leaves(value)
    elif isinstance(found, list):
        for value in found:
            yield from leaves(value)
    elif found not in (None, "", True, False):
        yield found


def test_every_leaf_of_a_conversations_items_is_in_the_export(home, responses):
    home.use_threads(responses)
    thread = home.run("threads", "new")[0].strip()
    kinds = {*members(ConversationItem), *members(ResponseOutputItem)} - {NoneType}
    assert len(kinds) > 20
    clock = random.Random(12)
    said = [sample(kind, clock) for kind in sorted(kinds, key=str) for _ in range(3)]
    said += [{"type": "novel", "id": "n", "deep": [{"er": ["still"]}]}]
    for number, item in enumerate(said):
        item["id"] = f"item_{number}"
    responses.conversations[thread] += said
    home.run("threads", "export", thread)
    exported = json.loads((home.path / f"{thread}.json").read_text())
    assert [m["raw"]["id"] for m in exported["messages"]] == [item["id"] for item in said]
    for message, item in zip(exported["messages"], said, strict=True):
        assert set(leaves(item)) <= set(leaves(message["raw"])), item["type"]
        assert message["parts"] or item["type"] == "message", item["type"]
    text = home.run("threads", "history", thread, "--kept")[0]
    assert "still" in json.dumps(exported)
    assert "unexpected" not in text


def test_every_leaf_of_a_threads_messages_runs_and_steps_is_in_the_export(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    thread = home.run("threads", "new")[0].strip()
    clock = random.Random(12)
    said = [
        sample(VendorMessage, clock) | {"id": f"msg_{n}", "created_at": n + 1} for n in range(12)
    ]
    runs = [
        sample(Run, clock) | {"id": f"run_{n}", "status": "completed", "created_at": n + 1}
        for n in range(4)
    ]
    threads.threads[thread] += said
    threads.runs[thread] += runs
    for run in runs:
        threads.steps[run["id"]] = [
            sample(RunStep, clock) | {"id": f"{run['id']}_{n}", "created_at": n + 1}
            for n in range(3)
        ]
    home.run("threads", "export", thread)
    exported = json.loads((home.path / f"{thread}.json").read_text())
    for message, item in zip(exported["messages"], said, strict=True):
        assert set(leaves(item)) <= set(leaves(message["raw"]))
    for kept, run in zip(exported["runs"], runs, strict=True):
        assert set(leaves(run)) <= set(leaves(kept))
        assert set(leaves(threads.steps[run["id"]])) <= set(leaves(kept["steps"]))
