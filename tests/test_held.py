"""A store that another process holds: turns are kept beside it, in order, and taken in once."""

import sqlite3
import stat
import subprocess
import time
from contextlib import closing, contextmanager

import pytest

from asstctl.store.store import Store
from asstctl.store.turns import Link
from tests.responses_server import ResponsesServer
from tests.servers import Reply
from tests.test_custody import kept
from tests.test_store import history, killed


@contextmanager
def held(path):
    """Hold the store's write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_a_turn_that_a_held_store_has_no_time_for_is_kept_beside_it_and_taken_in(home, server):
    home.use_server(server)
    home.run("ask", "One")
    thread = home.run("threads", "list", "-q")[0].strip()
    server.replies.append(Reply("A reply in words", delay=0.05))
    with held(home.data / "threads.db"):
        started = time.monotonic()
        process = home.start("ask", "-c", "Two")
        assert process.stdout.read(7) == b"A reply"
        assert time.monotonic() - started < 3  # no delta waits for the lock
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out) == (0, b" in words\n")
        [kept] = waiting(home)
        assert f"the store is locked: this turn is kept in {kept}" in err.decode()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        copy = kept.read_bytes()
    err = home.run("threads", "list", "-q")[1]
    assert "1 turn that the store had no time for is in it now" in err
    wanted = [
        ("user", "One", "completed"),
        ("assistant", "You said: One (1)", "completed"),
        ("user", "Two", "completed"),
        ("assistant", "A reply in words", "completed"),
    ]
    assert history(home, thread) == wanted
    assert waiting(home) == []
    kept.write_bytes(copy)  # a process that was killed before it removed the file
    assert history(home, thread) == wanted
    assert waiting(home) == []


def waiting(home):
    """Return the files that wait beside the store."""
    return sorted((home.data / "threads.db-turns").glob("*.json"))


@pytest.fixture
def beside(home, server):
    """A thread with one turn in the store, and three turns beside it; with their files."""
    home.use_server(server)
    home.run("ask", "One")
    thread = home.run("threads", "list", "-q")[0].strip()
    with held(home.data / "threads.db"):
        started = [home.start("ask", f"New {n}") for n in range(2)]
        for process in started:
            process.communicate(timeout=30)
        return thread, waiting(home)


def test_turns_beside_the_store_are_taken_in_in_the_order_in_which_they_were_said(home, server):
    home.use_server(server)
    home.run("ask", "One")
    with held(home.data / "threads.db"):
        for number in range(3):
            home.run("ask", f"New {number}")
        assert len(waiting(home)) == 3
    titles = [
        row.split("\t")[2] for row in home.run("threads", "list", "-o", "tsv")[0].splitlines()
    ]
    assert titles == ["New 2", "New 1", "New 0", "One"]


def test_a_process_that_is_stopped_while_it_takes_turns_in_leaves_them_to_the_next(home, beside):
    thread, files = beside
    for number in range(8):
        process = home.start("threads", "history", thread)
        killed(process, 0.01 * number)
    home.run("threads", "list", "-q")
    assert waiting(home) == []
    assert len(home.run("threads", "list", "-q")[0].split()) == 3
    assert not [path for path in files if path.exists()]


def test_while_turns_wait_beside_a_held_store_nothing_goes_to_an_older_thread(home, beside):
    thread, files = beside
    with held(home.data / "threads.db"):
        for command in (
            ("ask", "-c", "Two"),
            ("ask", "-t", thread, "Two"),
            ("threads", "show", "@last"),
        ):
            _, err = home.run(*command, code=1)
            assert "another process holds the store, and turns wait beside it" in err
    assert len(home.run("threads", "history", "@last", "-o", "jsonl")[0].splitlines()) == 2
    assert "New" in home.run("threads", "show", "@last")[0]
    assert history(home, thread) == [
        ("user", "One", "completed"),
        ("assistant", "You said: One (1)", "completed"),
    ]
    assert len(files) == 2


def test_a_turn_beside_the_store_that_cannot_be_read_is_named_and_stays(home, beside):
    _, files = beside
    files[0].write_text("[" * 100_000)
    files[1].write_text('{"turn": {"thread": 3}}')
    err = home.run("threads", "list", "-q")[1]
    for path in files[:2]:
        aside = path.with_suffix(".damaged")
        assert f"can't be read: it stays in {aside}" in err
        assert aside.exists()
    assert "stays in" not in home.run("threads", "list", "-q")[1]


def test_a_new_remote_thread_is_not_forgotten_where_the_store_is_held(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    with held(home.data / "threads.db"):
        assert home.run("ask", "Two")[0] == "You said: Two (1)\n"
    assert home.run("threads", "list", "-q")[0].split() == ["thread_2", "thread_1"]


def test_a_chain_goes_on_from_a_reply_that_a_held_store_could_not_note(home):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One")
        with held(home.data / "threads.db"):
            out, err = home.run("ask", "-c", "Two")
            assert out == "You said: Two (3)\n"
            assert "the store is locked: this reply is noted in" in err
        assert home.run("ask", "-c", "Three")[0] == "You said: Three (5)\n"


@pytest.mark.parametrize("form", ["threads", "resource"])
def test_a_chat_whose_store_was_held_for_one_turn_keeps_the_order(home, threads, form):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        home.use_threads(server if form == "resource" else threads)
        chat = home.start("chat", stdin=subprocess.PIPE)

        def say(text, *, end):
            chat.stdin.write(text.encode() + b"\n")
            chat.stdin.flush()
            while chat.stdout.read1(1) != end:
                pass

        say("One", end=b")")
        while b"One" not in (home.data / "threads.db-wal").read_bytes():
            time.sleep(0.01)
        time.sleep(0.3)  # its end is written too
        with held(home.data / "threads.db"):
            say("Two", end=b")")
            while not waiting(home):
                time.sleep(0.05)
            time.sleep(0.2)
            err = home.run("threads", "history", "--kept", "@2", code=None)[1]
            assert "beside the store, which another process holds" in err
        say("Three", end=b")")
        chat.communicate(b"exit\n", timeout=30)
        assert [m["text"] for m in kept(home)][::2] == ["One", "Two", "Three"]
        if form == "resource":
            asked = [r.body for r in server.requests if r.method == "POST"]
            assert asked[-1]["previous_response_id"] == "resp_2"


def test_a_reply_that_was_noted_before_its_place_in_the_chain_learns_it():
    with closing(Store(None)) as store:
        for reply, after in (("resp_1", ""), ("resp_2", "resp_1")):
            store.replies.begin("at", "chain_1", reply)
            assert store.turns.hold(Link("at", "chain_1", reply, after), lambda: None) == (
                True,
                None,
            )
        assert store.replies.held("at", "chain_1") == ["resp_1", "resp_2"]
