"""A prompt is there once, and its own reply is shown: known by identity, never by its text."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.hints import follow
from tests.servers import Reply, ThreadsServer, error
from tests.terminal import Screen

GONE = Reply(gone=True)


def is_prompt(request):
    """Whether a request carries a prompt, or starts its run."""
    path = request.path.partition("?")[0]
    return request.method == "POST" and path.endswith(("/runs", "/messages"))


def untaken(fault, times=1):
    """Answer prompts wrongly, so many times, and take none of those."""
    left = [fault] * times
    return lambda request: left.pop() if left and is_prompt(request) else None


def taken(fault, times=1):
    """Take prompts, and answer them wrongly, so many times."""
    left = [fault] * times
    return lambda request, reply: left.pop() if left and is_prompt(request) else reply


def complete(server):
    """Do the work of runs whose streams nobody reads, as a real service does."""
    for thread, runs in server.runs.items():
        for run in runs:
            if run["status"] == "queued":
                server.complete(thread, run)


def texts(server, role="user", thread="thread_1"):
    return [m["content"][0]["text"]["value"] for m in server.threads[thread] if m["role"] == role]


@pytest.fixture(params=["project", "compatible"])
def talked(request, home, threads):
    """A thread with two turns: the ways of asking, and that marks are kept, are known."""
    threads.form = request.param
    home.use_threads(threads)
    home.run("ask", "Yes")
    home.run("ask", "-c", "Yes")
    threads.requests.clear()
    return home


OPEN = [
    GONE,
    Reply(gone=True, reset=True),
    *(error(status, "oops") for status in (500, 502, 503, 504, 408)),
]
OPEN_IDS = ["closed", "reset", "500", "502", "503", "504", "408"]


@pytest.mark.parametrize("fault", OPEN, ids=OPEN_IDS)
def test_a_prompt_that_was_taken_is_gone_on_with_whatever_the_answer(talked, threads, fault):
    threads.after = taken(fault)
    out, err = talked.run("ask", "-c", "Yes")
    assert out == "You said: Yes (5)\n"
    assert "took it" in err or "holds the prompt" in err
    assert texts(threads) == ["Yes"] * 3
    assert threads.active("thread_1") is None


@pytest.mark.parametrize("fault", OPEN, ids=OPEN_IDS)
def test_a_prompt_that_was_not_taken_is_never_answered_by_an_old_reply(talked, threads, fault):
    threads.before = untaken(fault, 5)
    out, err = talked.run("ask", "-c", "Yes", code=7)
    assert out == ""
    assert "hint: thread_1 did not take this prompt; asstctl threads history thread_1" in err
    follow(talked, err)
    assert texts(threads) == ["Yes"] * 2


def test_after_503_a_prompt_that_two_looks_lack_is_sent_again_with_the_same_mark(talked, threads):
    threads.before = untaken(error(503, "upstream reset"))
    out, err = talked.run("ask", "-c", "Yes")
    assert out == "You said: Yes (5)\n"
    assert "looking again in 2 s" in err
    assert "most likely not taken; sending it again" in err
    posts = [r.body for r in threads.requests if is_prompt(r)]
    marks = {
        m["metadata"]["asstctl_prompt"]
        for b in posts
        for m in (b, *b.get("additional_messages", ()))
    }
    assert len(marks) == 1
    assert texts(threads) == ["Yes"] * 3


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_prompt_that_arrived_twice_all_the_same_is_reported_with_both_ids(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    late = []

    def before(request):
        """Give the first request up, and let it through once the second one is there."""
        if not is_prompt(request):
            return None
        if not late:
            late.append(request.body.get("additional_messages", [request.body])[0])
            return error(503, "upstream reset")
        if len(late) == 1:
            late.append(threads.said("thread_1", late[0]))
        return None

    threads.before = before
    err = home.run("ask", "-c", "Three")[1]
    [line] = [line for line in err.splitlines() if "twice" in line]
    ids = [m["id"] for m in threads.threads["thread_1"] if m["role"] == "user"][-2:]
    assert line == f"asstctl: the prompt stands in thread_1 twice: {ids[1]}, {ids[0]}"


@pytest.mark.parametrize("fault", OPEN, ids=OPEN_IDS)
def test_without_marks_and_known_ids_it_is_said_that_nobody_knows(talked, threads, fault):
    threads.drops_metadata = True
    for messages in threads.threads.values():
        for message in messages:
            message["metadata"] = {}
    with closing(sqlite3.connect(talked.data / "threads.db", isolation_level=None)) as database:
        database.execute("DELETE FROM endpoints WHERE ability LIKE 'marks%'")
    threads.after = taken(fault)
    out, err = talked.run("ask", "-c", "Yes", code=7)
    assert out == ""
    assert "hint: whether thread_1 holds this prompt is not known; asstctl threads history" in err
    follow(talked, err)
    assert texts(threads) == ["Yes"] * 3


def test_a_run_that_locks_a_thread_after_an_open_end_is_named(home, threads):
    threads.form = "project"
    threads.drops_metadata = True
    home.use_threads(threads)
    home.run("ask", "One")
    threads.replies.append(Reply("late", cut=0, reset=True))
    err = home.run("ask", "-c", "Yes", code=7)[1]
    run = threads.runs["thread_1"][-1]
    assert run["status"] in ("queued", "in_progress")
    assert f"the run {run['id']} locks it: asstctl threads unlock thread_1 ends it" in err
    home.run("threads", "unlock", "thread_1")
    assert home.run("ask", "-c", "Again")[0]


def test_a_server_that_is_not_seen_to_take_prompts_with_runs_is_watched_on(home, threads):
    threads.form = "project"
    threads.ignores_prompts = True
    threads.drops_metadata = True
    original = threads.complete

    def complete(thread, run, identity=None):
        """Keep a reply under another id than the stream said."""
        return {**original(thread, run, None), "id": identity}

    threads.complete = complete
    home.use_threads(threads)
    home.run("ask", "One")
    for number in range(2):
        err = home.run("ask", "-c", f"Prompt {number}")[1]
        assert "whether thread_1 holds this prompt is not known" in err
    threads.drops_metadata = False
    threads.complete = original
    assert "passed over" in home.run("ask", "-c", "Three")[1]
    assert "Three" in texts(threads)


def test_without_marks_a_chat_knows_its_prompt_by_the_ids_that_it_read(home, threads):
    threads.form = "project"
    threads.drops_metadata = True
    home.use_threads(threads)
    home.run("ask", "Yes")
    home.run("ask", "-c", "Yes")

    def after(request, reply):
        said = request.body and request.body.get("additional_messages")
        return GONE if said and said[0]["content"] == "Lost" else reply

    threads.after = after
    with Screen(home, "chat", "-c") as screen:
        screen.wait_for(">")
        screen.type("Yes\r")
        screen.wait_for("You said: Yes (5)")
        screen.type("Lost\r")
        screen.wait_for("You said: Lost (7)")
        screen.type("exit\r")
        assert screen.end() == 0
    assert texts(threads) == ["Yes", "Yes", "Yes", "Lost"]


@pytest.mark.parametrize("change", [str.strip, lambda t: t.replace("\r\n", "\n")])
@pytest.mark.parametrize("form", ["azure", "project", "compatible"])
def test_a_server_that_changes_texts_gets_a_prompt_once(home, threads, form, change):
    threads.form = form
    home.use_threads(threads)
    say = threads.say
    threads.say = lambda thread, role, text, run=None: say(thread, role, change(text), run)
    home.run("ask", "One")
    home.run("ask", "-c", "  Two\r\nlines  ")
    assert texts(threads) == ["One", change("  Two\r\nlines  ")]


class Unfiltered(ThreadsServer):
    """Ignores the filter by run, and says of no message which run it belongs to."""

    def page(self, found, query):
        kept = "&".join(word for word in query.split("&") if not word.startswith("run_id"))
        page = super().page(found, kept)
        return page | {"data": [{**item, "run_id": None} for item in page["data"]]}


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_only_what_was_not_there_before_a_prompt_is_its_reply(home, form):
    with Unfiltered() as server:
        server.form = form
        home.use_threads(server)
        thread = home.run("threads", "new")[0].strip()
        for number in range(3):
            server.say(thread, "user", f"old {number}")
            server.say(thread, "assistant", f"old answer {number}")
        server.replies.append(Reply("A new answer", cut=700))
        out, err = home.run("ask", "-t", thread, "New")
        assert "asking for the rest" in err
        assert out == "A new answer\n"
        server.drops_metadata = True
        server.replies.append(Reply("Another answer", cut=700))
        out, err = home.run("ask", "-t", thread, "Again", code=None)
        assert out in ("Another answer\n", "")


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_server_that_refuses_metadata_is_asked_without_a_mark(home, threads, form, status):
    threads.form = form
    home.use_threads(threads)

    def before(request):
        if request.method == "POST" and "metadata" in json.dumps(request.body):
            return error(status, "Unknown parameter: 'metadata'.")
        return None

    threads.before = before
    home.run("ask", "One")
    assert home.run("ask", "-c", "Two")[0] == "You said: Two (3)\n"
    assert texts(threads) == ["One", "Two"]


def test_marks_are_not_shown_carried_or_exported(talked, threads):
    told = talked.run("threads", "history", "@last", "-o", "json")[0]
    assert "asstctl_prompt" in json.dumps(threads.threads)
    without = [{**m, "raw": None} for m in json.loads(told)["messages"]]
    assert "asstctl_prompt" not in json.dumps(without)
    talked.run("threads", "fork", "@last")
    assert "asstctl_prompt" not in json.dumps(threads.threads["thread_2"])


# Making a thread


@pytest.mark.parametrize("fault", OPEN, ids=OPEN_IDS)
def test_a_prompt_that_makes_a_thread_is_not_repeated_where_it_may_exist(home, threads, fault):
    home.use_threads(threads)
    home.run("ask", "One")  # the combined call works here
    threads.after = taken(fault)
    err = home.run("ask", "Two", code=7)[1]
    assert "hint: a new thread may exist at 127.0.0.1" in err
    assert len(threads.threads) == 2


def test_where_the_combined_call_never_worked_500_is_followed_by_the_classic_sequence(
    home, threads
):
    threads.refuses["new"] = error(500, "No thread 'runs'")
    home.use_threads(threads)
    out, err = home.run("ask", "One")
    assert out == "You said: One (1)\n"
    assert "a thread may exist all the same" in err
    threads.requests.clear()
    home.run("ask", "Two")
    assert threads.posts()[0] == "/threads"


def test_a_deleted_thread_does_not_unteach_the_server_one_request_for_a_prompt(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    home.run("ask", "Another")
    del threads.threads["thread_1"]
    home.run("ask", "-t", "thread_1", "Three", code=5)
    threads.requests.clear()
    home.run("ask", "-t", "thread_2", "Four")
    assert len(threads.requests) == 1


def test_a_lacking_ability_is_asked_for_again_after_a_week(home, threads):
    home.use_threads(threads)
    threads.refuses["new"] = error(405, "no")
    home.run("ask", "One")
    threads.refuses.clear()
    for days, first in ((6, "/threads"), (8, "/threads/runs")):
        with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
            database.execute(
                "UPDATE endpoints SET noted_at = strftime('%s') - ? WHERE NOT has", (days * 86400,)
            )
        threads.requests.clear()
        home.run("ask", "Two")
        assert threads.posts()[0] == first


def test_a_server_that_nobody_knows_gets_no_junk_in_a_thread_by_a_trial(home, threads):
    threads.form = "compatible"
    threads.ignores_prompts = True
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    home.run("ask", "-c", "Three")
    assert texts(threads) == ["One", "Two", "Three"]
    assert len(texts(threads, "assistant")) == 3


# Runs


def test_the_rest_of_another_run_is_not_a_part_of_a_reply(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    real = threads.stream
    old = {
        "id": "run_old",
        "object": "thread.run",
        "thread_id": "thread_1",
        "metadata": {"asstctl_prompt": "another"},
    }

    def late(thread, run, reply, made):
        from tests.servers import named

        message = {
            "id": "msg_old",
            "object": "thread.message",
            "role": "assistant",
            "run_id": "run_old",
        }
        yield named("thread.run.cancelling", {**old, "status": "cancelling"})
        yield named(
            "thread.message.incomplete",
            {**message, "content": [{"type": "text", "text": {"value": "Old"}}]},
        )
        yield named("thread.run.cancelled", {**old, "status": "cancelled"})
        yield from real(thread, run, reply, made)

    threads.stream = late
    assert home.run("ask", "-c", "Three")[0] == "You said: Three (5)\n"
