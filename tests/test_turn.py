"""One prompt and its reply: what is written of it, in how few transactions, and how it ended."""

import json
import re
import sys
import threading
from contextlib import closing

import pytest

from asstctl.config.settings import Settings
from asstctl.errors import IncompleteError
from asstctl.events import Prompt, RunStarted, TextDelta
from asstctl.kind import Kind
from asstctl.model import Message, Thread, message_json
from asstctl.parts import Text
from asstctl.store.store import Store
from asstctl.turn import Turn
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer, error

COUNTING = """
import os, sqlite3, sys
from asstctl.store import database
connect = sqlite3.connect
def watched(*words, **options):
    made = connect(*words, **options)
    made.set_trace_callback(lambda sql: os.write(3, sql.split("\\n")[0].encode() + b"\\n"))
    return made
database.sqlite3 = type("sqlite3", (), {**vars(sqlite3), "connect": staticmethod(watched)})
from asstctl.__main__ import run
run()
"""


class Resource(ResponsesServer):
    form = "resource"


@pytest.mark.parametrize("kind", [ChatServer, ThreadsServer, ResponsesServer, Resource])
def test_the_first_ask_on_an_empty_store_writes_three_times_at_most(home, tmp_path, kind):
    trace = tmp_path / "trace"
    home.arguments = lambda *words: [
        "sh",
        "-c",
        'exec 3>"$0"; exec "$@"',
        str(trace),
        sys.executable,
        "-c",
        COUNTING,
        *words,
    ]
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"
        begun = trace.read_text().count("BEGIN IMMEDIATE")
        finds_out = kind is Resource  # once, whether a server keeps the replies of chains
        assert 1 <= begun <= 3 + finds_out
        assert home.run("threads", "list", "-q")[0]
        home.run("ask", "-c", "Again")
        assert trace.read_text().count("BEGIN IMMEDIATE") <= begun + 3


class Silent:
    """A backend whose reply just stops, without any claim that it ended."""

    def send(self, thread_id, prompt):
        yield RunStarted("local_1")
        yield TextDelta("part of it")


def test_a_turn_costs_the_store_as_much_in_a_long_thread_as_in_a_short_one(tmp_path):
    store = Store(tmp_path / "threads.db")
    thread = Thread("thread_1", "assistants", "https://h/v1", "p")
    steps = []

    def turn(number: int) -> None:
        noted = store.turns.begin(thread, "Hello", kept=True, own=False)
        store.turns.note(noted)
        noted.run_id, noted.mark, noted.taken = f"run_{number}", f"mark {number}", True
        store.turns.note(noted)
        reply = Message(f"msg_{number}", "assistant", (Text("word " * 1000),), 1.0)
        noted.replies, noted.status = [message_json(reply)], "completed"
        noted.runs = [{"id": f"run_{number}"}]
        store.turns.end(noted)

    for number in range(300):
        steps.append(0)
        count = lambda: steps.append(steps.pop() + 1)  # noqa: E731 - None lets SQLite go on
        store._db._db.set_progress_handler(count, 1)
        turn(number)
        store._db._db.set_progress_handler(None, 0)
    assert store.messages.count(thread.key) == 600
    assert max(steps[10:]) <= max(steps[:10])
    store.close()


def test_a_reply_without_a_claim_that_it_ended_is_not_whole(tmp_path):
    settings = Settings(profile="default", origins={}, backend=Kind.LOCAL)
    with closing(Store(tmp_path / "threads.db")) as store:
        turn = Turn(Silent(), settings, {}, store, Prompt("Hello"))
        with pytest.raises(IncompleteError, match="did not say that it ended"):
            list(turn.say(None, None))
        _, reply = store.messages.of(("local_1", ""))
        assert (reply.text, reply.status) == ("part of it", "cut")


@pytest.mark.parametrize("kind", [ChatServer, ThreadsServer, ResponsesServer])
def test_a_reply_without_any_text_is_said_to_have_none(home, kind):
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        server.replies.append(Reply(words=[]))
        assert home.run("ask", "Hello") == ("", "asstctl: (no text)\n")


LENGTH = {
    ChatServer: Reply(words=["part"], finish="length"),
    ThreadsServer: Reply(
        raw=b'event: thread.run.created\ndata: {"id": "RUN", "thread_id": "THREAD", "status": "queued"}\n\n'
        b'event: thread.message.delta\ndata: {"id": "m", "delta": {"content": [{"type": "text", "text": {"value": "part"}}]}}\n\n'
        b'event: thread.run.incomplete\ndata: {"id": "RUN", "thread_id": "THREAD", "status": "incomplete",'
        b' "incomplete_details": {"reason": "max_completion_tokens"}}\n\n'
    ),
    ResponsesServer: Reply(
        raw=b'data: {"type": "response.created", "sequence_number": 0, "response": {"id": "RESP", "status": "in_progress"}}\n\n'
        b'data: {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "i", "output_index": 0, "delta": "part"}\n\n'
        b'data: {"type": "response.incomplete", "sequence_number": 2, "response": {"id": "RESP", "status": "incomplete",'
        b' "incomplete_details": {"reason": "max_output_tokens"}}}\n\n'
    ),
}


@pytest.mark.parametrize("kind", LENGTH)
def test_one_ending_is_one_sentence_whichever_the_wire(home, kind):
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        server.replies.append(LENGTH[kind])
        out, err = home.run("ask", "Hello", code=6)
        assert out == "part\n"
        assert err.startswith("asstctl: the reply reached the model's limit of length (")
        assert len(err.splitlines()) == 1


NOISY = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "rich.console":
            os.write(2, b"rich\\n")
sys.meta_path.insert(0, Finder())
from asstctl.__main__ import run
run()
"""


@pytest.mark.parametrize("kind", [ChatServer, ThreadsServer, ResponsesServer])
def test_what_draws_a_reply_is_loaded_while_the_service_thinks(home, kind):
    home.arguments = lambda *words: [sys.executable, "-c", NOISY, *words]
    loaded = threading.Event()
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        server.before = lambda _: None if loaded.wait(10) else Reply(status=418, body={})
        process = home.start("ask", "-o", "markdown", "Hello")
        assert process.stderr.read(5) == b"rich\n"
        loaded.set()
        assert process.communicate(timeout=20)[0] == b"You said: Hello (1)\n"
        assert process.returncode == 0


def test_nothing_that_draws_is_loaded_for_a_pipe(home, server):
    home.use_server(server)
    home.arguments = lambda *words: [sys.executable, "-c", NOISY, *words]
    assert home.run("ask", "Hello") == ("You said: Hello (1)\n", "")


def test_a_reply_is_begun_once_though_its_thread_was_made_before(home, threads):
    home.use_threads(threads)
    threads.refuses["new"] = error(404, "Not Found")
    lines = home.run("ask", "-o", "json", "Hello")[0].splitlines()
    assert [json.loads(line)["event"] for line in lines].count("RunStarted") == 1


@pytest.mark.parametrize("kind", [ChatServer, ThreadsServer, ResponsesServer, Resource])
def test_show_sums_the_tokens_of_a_thread(home, kind):
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        home.run("ask", "Hello")
        home.run("ask", "-c", "Again")
        told = [home.run("threads", "show", "@last", "-o", "json")[0] for _ in range(2)]
        once, twice = (json.loads(text)["tokens"] for text in told)
        assert once == twice
        assert once["prompt"] > 0
        assert once["completion"] > 0
        before = home.run("ask", "-c", "More", "--stats")[1]
        counts = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) tokens", before)]
        after = json.loads(home.run("threads", "show", "@last", "-o", "json")[0])["tokens"]
        assert after["completion"] > once["completion"]
        assert counts
