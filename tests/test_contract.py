"""What every backend promises. A new one is under test as soon as it is in the list."""

from contextlib import closing

import pytest

from asstctl.backends import World, connect
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError, IncompleteError, NotFoundError, UnsupportedError
from asstctl.events import HIDDEN, Prompt, RunFinished, RunStarted, TextDelta
from asstctl.kind import Kind
from asstctl.model import Message, Thread
from asstctl.parts import Image, Text
from asstctl.store.store import Store
from asstctl.turn import Turn
from tests.pages import ALL
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer


def local(server):
    return {"backend": "local", "endpoint": server.url, "model": "test"}


def assistants(form):
    class Server(ThreadsServer):
        pass

    Server.form = form
    return Server, lambda server: {"backend": "assistants", **server.settings}


def responses(form):
    class Server(ResponsesServer):
        pass

    Server.form = form
    return Server, lambda server: server.settings


WORLDS = {
    "local": (ChatServer, local),
    "assistants": assistants("azure"),
    "assistants, Foundry project": assistants("project"),
    "assistants, compatible": assistants("compatible"),
    "responses": responses("openai"),
    "responses, Foundry project": responses("project"),
    "responses, Azure resource": responses("resource"),
}
"""For each backend, in each of its forms: a server that speaks its wire, and how to reach it."""


def test_every_backend_is_under_contract():
    assert {name.partition(",")[0] for name in WORLDS} == set(Kind)


@pytest.fixture(params=list(WORLDS))
def world(request, tmp_path):
    server_kind, settings = WORLDS[request.param]
    with server_kind() as server, closing(Store(tmp_path / "threads.db")) as store:
        facts = settings(server)
        facts["backend"] = Kind(facts["backend"])
        found = Settings(profile="default", origins={}, instructions="Be brief.", **facts)
        notices = []
        world = World(store, {"MY_KEY": "canary"}, tmp_path, notices.append)
        backend = connect(found, world)
        with closing(backend):
            yield Noted(backend, found, store), server


class Noted:
    """A backend whose threads and turns are noted in the store, as a session notes them."""

    def __init__(self, backend, settings, store):
        self._backend, self._settings, self._store = backend, settings, store

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def new_thread(self, *, metadata):
        made = self._backend.new_thread(metadata=metadata)
        settings = self._settings
        self._store.index.put(
            Thread(made, settings.backend.value, settings.place, "default", metadata=metadata)
        )
        return made

    def send(self, thread_id, prompt):
        turn = Turn(self._backend, self._settings, {}, self._store, prompt)
        with closing(turn.say(thread_id, None)) as reply:
            yield from (event for event in reply if not isinstance(event, HIDDEN))


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
    assert backend.facts(thread).messages == 4
    assert [m.text for m in backend.history(thread, last=3)] == [
        first,
        "Two 汉字 🙂\n\nlines",
        second,
    ]


def test_a_new_thread_is_empty_and_takes_messages(backend):
    thread = backend.new_thread(metadata={"a": "b"})
    assert list(backend.history(thread)) == []
    backend.append(
        thread,
        [Message("", role, (Text(f"{n}"),)) for n, role in enumerate(["user", "assistant"] * 12)],
    )
    assert [m.text for m in backend.history(thread)] == [str(n) for n in range(24)]


def test_the_model_sees_what_was_said_before(backend, world):
    events, _ = say(backend, None, "One")
    _, text = say(backend, events[0].thread_id, "Two")
    assert "(3)" in text  # the server counts the turns it was shown


def test_a_thread_that_is_not_there_is_not_found(backend):
    for call in (
        lambda: list(backend.history("thread_none")),
        lambda: list(backend.send("thread_none", Prompt("x"))),
        lambda: backend.facts("thread_none"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_closing_a_reply_stops_it_and_the_thread_takes_the_next_prompt(backend, world):
    world[1].replies.append(Reply("word " * 500, delay=0.01))
    with closing(backend.send(None, Prompt("Count"))) as reply:
        thread = next(event for event in reply if isinstance(event, RunStarted)).thread_id
        next(event for event in reply if isinstance(event, TextDelta))
    assert world[1].closed_early.wait(5)
    assert "Two" in say(backend, thread, "Two")[1]


def test_a_refusal_is_our_error_in_the_services_words(backend, world):
    world[1].replies.append(Reply(status=400, body={"error": {"message": "no such thing"}}))
    with pytest.raises(AsstctlError, match="no such thing"):
        say(backend, None, "Hello")


def test_a_deleted_thread_is_gone(backend, world):
    thread = backend.new_thread(metadata={})
    if thread.startswith(("local_", "chain_")):
        pytest.skip("the thread is deleted by the index that holds it")
    backend.delete(thread)
    with pytest.raises(NotFoundError):
        backend.facts(thread)


def test_the_last_reply_can_be_had_again(backend):
    events, text = say(backend, None, "Hello")
    again = list(backend.recover(events[0].thread_id))
    assert isinstance(again[-1], RunFinished)
    assert "".join(event.text for event in again if isinstance(event, TextDelta)) == text


def test_a_thread_without_a_run_is_not_locked(backend):
    events, _ = say(backend, None, "Hello")
    assert backend.unlock(events[0].thread_id, wait=False) is None


def test_instructions_go_with_the_prompt(backend, world):
    say(backend, None, "Hello")
    assert "Be brief." in str([request.body for request in world[1].requests])


# What each backend can and cannot do: the README's table, tried out


COLUMNS = ["local", "assistants, Foundry project", "responses, Foundry project"]
COLUMNS.append("responses, Azure resource")


def is_one_request(backend, server):
    thread = say(backend, None, "One")[0][0].thread_id
    say(backend, thread, "Two")  # a server is looked at once before it is known
    before = len(server.requests)
    say(backend, thread, "Three")
    return len(server.requests) == before + 1


def is_completed(backend, server):
    server.replies.append(Reply("word " * 40, cut=4000))
    try:
        return say(backend, None, "Hello")[1] == "word " * 40
    except IncompleteError:
        return False


def is_stopped(backend, server):
    server.replies.append(Reply("word " * 500, delay=0.01))
    with closing(backend.send(None, Prompt("Count"))) as reply:
        next(event for event in reply if isinstance(event, TextDelta))
    return server.closed_early.wait(5)


def lists(what):
    def can(backend, server):
        try:
            list(getattr(backend, what)())
        except UnsupportedError:
            return False
        return True

    return can


def keeps_parts(backend, server):
    return backend.takes is None or Image in backend.takes.parts["user"]


def kept(backend):
    thread = backend.new_thread(metadata={})
    message = Message("", "user", (Text("x"),), created_at=1.0, metadata={"a": "b"})
    backend.append(thread, [message])
    say(backend, thread, "And?")
    return next(backend.history(thread))


ABILITIES = {
    "a prompt to a thread is one request": is_one_request,
    "a cut reply is completed": is_completed,
    "a stopped reply is stopped on the server": is_stopped,
    "`threads list --remote`": lists("threads"),
    "`assistants list`": lists("assistants"),
    "copies keep images and files": keeps_parts,
    "messages keep metadata": lambda backend, _: kept(backend).metadata == {"a": "b"},
    "messages have a time": lambda backend, _: kept(backend).created_at is not None,
    "`threads delete` deletes what was said": lambda backend, _: (
        backend.delete(say(backend, None, "Hello")[0][0].thread_id) is None
    ),
}


def capability_rows():
    readme = ALL
    rows = readme.split("| | `local` |")[1].split("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)
    return {name: said for name, *said in cells}


def test_every_row_of_the_readmes_table_is_tried():
    assert list(capability_rows()) == list(ABILITIES)


@pytest.mark.parametrize("ability", ABILITIES)
@pytest.mark.parametrize("world", COLUMNS, indirect=True)
def test_a_backend_can_what_the_readme_says(world, ability, request):
    column = COLUMNS.index(request.node.callspec.params["world"])
    said = capability_rows()[ability][column]
    assert said.startswith(("yes", "no"))
    assert ABILITIES[ability](*world) == said.startswith("yes")


def test_a_prompt_waits_for_answers_though_the_one_before_was_left_in_a_hurry(backend):
    thread = say(backend, None, "Hello")[0][0].thread_id
    if wire := vars(backend._backend).get("_wire"):
        wire.hurry(-1.0)  # as a Ctrl-C does, some time ago
    assert say(backend, thread, "Again")[1].startswith("You said: Again")
