"""What is kept stays whole, whatever servers, other processes and users do meanwhile."""

import json
import signal
import sqlite3
import threading
from contextlib import closing

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import Reply, error


def kept(home, thread="@last"):
    out = home.run("threads", "history", thread, "--kept", "-o", "jsonl")[0]
    return [json.loads(line) for line in out.splitlines()]


class Resource(ResponsesServer):
    form = "resource"


class Same(Resource):
    """Gives every reply the same id of its message."""

    def told(self, identity, reply):
        events = super().told(identity, reply)
        said = self.responses[identity]["will_say"]
        old, said["id"] = said["id"], "msg_same"
        return json.loads(json.dumps(events).replace(f'"{old}"', '"msg_same"'))


@pytest.fixture
def project(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    return threads


def test_a_chain_that_was_fetched_is_not_said_to_the_server_again(home):
    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One", ASSTCTL_KEEP="false")
        home.run("ask", "-c", "Two", ASSTCTL_KEEP="false")
        home.run("threads", "fetch", "@last")
        home.run("ask", "-c", "Three")
        body = [r.body for r in server.requests if r.method == "POST"][-1]
        assert (body["input"], body["previous_response_id"]) == ("Three", "resp_2")


def test_what_a_server_says_in_place_of_an_expired_reply_is_no_message(home):
    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One", ASSTCTL_KEEP="false")
        expired = server.responses.pop("resp_1")
        home.run("threads", "fetch", "@last", code=None)
        server.responses["resp_1"] = expired
        home.run("threads", "fetch", "@last")
        assert [m["text"] for m in kept(home)] == ["One", "You said: One (1)"]


def test_messages_without_an_id_are_kept_once(home, project):
    for number, identity in enumerate(("", None, None)):
        project.say("thread_1", "user", "The same")["id"] = identity
        project.threads["thread_1"][-1]["created_at"] += number // 2
    for _ in range(2):
        home.run("threads", "fetch", "@last")
    home.run("threads", "export", "@last", "-d", "out")
    found = json.loads((home.path / "out" / "thread_1.json").read_text())
    assert [m["parts"][0]["text"] for m in found["messages"]][2:] == ["The same"] * 3


def test_a_turn_kept_beside_a_held_store_of_a_deleted_thread_stops_nobody(home, project):
    home.run("ask", "Another")
    project.replies.append(Reply(words=["a ", "b ", "c"], stall=4))
    asked = home.start("ask", "-t", "thread_1", "Two")
    while b"b" not in asked.stdout.read1(100):
        pass
    home.run("threads", "delete", "thread_1", "--keep-remote")
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        asked.communicate(timeout=60)
        database.execute("ROLLBACK")
    assert asked.returncode == 0
    for _ in range(2):
        assert home.run("threads", "list", "-q")[0] == "thread_2\n"


def test_a_fetch_that_overlaps_a_delete_writes_into_no_other_thread(home, project):
    reached, deleted = threading.Event(), threading.Event()

    def before(request):
        if request.method == "GET" and request.path.partition("?")[0].endswith("/runs"):
            reached.set()
            deleted.wait(20)

    project.before = before
    fetching = home.start("threads", "fetch", "@last")
    assert reached.wait(20)
    project.before = None
    home.run("threads", "delete", "thread_1", "--keep-remote")
    home.run("ask", "Another")
    deleted.set()
    err = fetching.communicate(timeout=60)[1].decode()
    assert fetching.returncode == 5
    assert "thread_1" in err
    home.run("threads", "export", "thread_2", "--kept", "-d", "out")
    found = json.loads((home.path / "out" / "thread_2.json").read_text())
    assert {run["thread_id"] for run in found["runs"]} == {"thread_2"}


def test_replies_that_share_an_id_are_all_kept_and_said_again(home):
    with Same() as server:
        home.use_threads(server)
        for number, prompt in enumerate(("One", "Two", "Three")):
            home.run("ask", *(["-c"] if number else []), prompt)
        replies = [m["text"] for m in kept(home) if m["role"] == "assistant"]
        assert replies == [
            f"You said: {w} ({n})" for w, n in (("One", 1), ("Two", 3), ("Three", 5))
        ]
        server.responses.clear()
        home.run("ask", "-c", "Four")
        said = [r.body for r in server.requests if "input" in (r.body or {})][-1]["input"]
        assert [one["content"] for one in said][1::2] == replies


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_prompt_whose_run_failed_or_whose_mark_was_refused_stands_once(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    threads.refuses = {"new": error(404, "no route"), "old": error(400, "additional_messages?")}
    threads.before = lambda r: (
        error(400, "broken")
        if r.method == "POST" and r.path.partition("?")[0].endswith("thread_1/runs")
        else None
    )
    home.run("ask", "One", code=1)
    threads.before = None
    home.run("threads", "fetch", "thread_1")
    assert [m["text"] for m in kept(home, "thread_1") if m["role"] == "user"] == ["One"]
    threads.before = lambda r: (
        error(400, "metadata is too large")
        if r.method == "POST" and "metadata" in json.dumps(r.body)
        else None
    )
    home.run("ask", "-t", "thread_1", "Two")
    home.run("threads", "fetch", "thread_1")
    assert [m["text"] for m in kept(home, "thread_1") if m["role"] == "user"] == ["One", "Two"]


def test_a_stopped_reply_of_which_the_server_kept_less_stands_once(home, project):
    project.replies.append(Reply(words=["Hello ", "wor", "ld and more ", "never"], stall=20))
    asked = home.start("ask", "-c", "Two")
    while b"more" not in asked.stdout.read1(100):
        pass
    asked.send_signal(signal.SIGINT)
    asked.communicate(timeout=60)
    run = project.runs["thread_1"][-1]
    said = project.say("thread_1", "assistant", "Hello wo", run["id"])
    said |= {"status": "incomplete", "incomplete_details": {"reason": "run_cancelled"}}
    home.run("threads", "fetch", "@last")
    assert [m["text"] for m in kept(home)][2:] == ["Two", "Hello wo"]
    assert kept(home)[-1]["was"] == ["Hello world and more "]
