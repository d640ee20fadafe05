"""What every backend promises. A new one is under test as soon as it is in the list."""

from contextlib import closing

import pytest

from asstctl.backends import Kind, connect
from asstctl.config import Settings
from asstctl.errors import AsstctlError, NotFoundError
from asstctl.events import Message, Prompt, RunFinished, RunStarted, Text, TextDelta
from asstctl.store import Store
from tests.servers import ChatServer


def local(server):
    return {"backend": "local", "endpoint": server.url, "model": "test"}


WORLDS = {Kind.LOCAL: (ChatServer, local)}
"""For each backend: a server that speaks its wire, and the settings that reach it."""


def test_every_backend_is_under_contract():
    assert set(WORLDS) == set(Kind)


@pytest.fixture(params=list(Kind))
def world(request, tmp_path):
    server_kind, settings = WORLDS[request.param]
    with server_kind() as server, closing(Store(tmp_path / "threads.db")) as store:
        found = Settings(profile="default", origins={}, **settings(server))
        backend = connect(found, store, {"HOME": str(tmp_path)}, tmp_path)
        with closing(backend):
            yield backend, server


@pytest.fixture
def backend(world):
    return world[0]


def say(backend, thread, text):
    events = list(backend.send(thread, Prompt(text)))
    return events, "".join(event.text for event in events if isinstance(event, TextDelta))


def test_a_reply_begins_with_runstarted_and_ends_with_runfinished(backend):
    events, text = say(backend, None, "Hello")
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].ending == "completed"
    assert events[-1].usage.completion_tokens > 0
    assert "Hello" in text


def test_what_was_said_is_in_the_history_oldest_first(backend):
    events, first = say(backend, None, "One")
    thread = events[0].thread_id
    _, second = say(backend, thread, "Two 汉字 🙂\n\nlines")
    assert [(m.role, m.text) for m in backend.history(thread)] == [
        ("user", "One"),
        ("assistant", first),
        ("user", "Two 汉字 🙂\n\nlines"),
        ("assistant", second),
    ]
    assert backend.count(thread) == 4


def test_a_new_thread_is_empty_and_takes_messages(backend):
    thread = backend.new_thread(metadata={"a": "b"})
    assert list(backend.history(thread)) == []
    backend.append(
        thread,
        [Message("", role, (Text(f"{n}"),)) for n, role in enumerate(["user", "assistant"] * 25)],
    )
    assert [m.text for m in backend.history(thread)] == [str(n) for n in range(50)]


def test_the_model_sees_what_was_said_before(backend, world):
    events, _ = say(backend, None, "One")
    _, text = say(backend, events[0].thread_id, "Two")
    assert "(3)" in text  # the server counts the turns it was shown


def test_a_thread_that_is_not_there_is_not_found(backend):
    for call in (
        lambda: list(backend.history("thread_none")),
        lambda: list(backend.send("thread_none", Prompt("x"))),
        lambda: backend.count("thread_none"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_closing_a_reply_stops_it_and_the_thread_takes_the_next_prompt(backend, world):
    from tests.servers import Reply

    world[1].replies.append(Reply("word " * 500, delay=0.01))
    with closing(backend.send(None, Prompt("Count"))) as reply:
        thread = next(event for event in reply if isinstance(event, RunStarted)).thread_id
        next(event for event in reply if isinstance(event, TextDelta))
    assert world[1].closed_early.wait(5)
    assert "Two" in say(backend, thread, "Two")[1]


def test_a_refusal_is_our_error_in_the_services_words(backend, world):
    from tests.servers import Reply

    world[1].replies.append(Reply(status=400, body={"error": {"message": "no such thing"}}))
    with pytest.raises(AsstctlError, match="no such thing"):
        say(backend, None, "Hello")
