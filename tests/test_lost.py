"""What is lost on the way, and what another client says meanwhile: told, never guessed."""

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.hints import follow
from tests.responses_server import ResponsesServer, event
from tests.servers import ChatServer, Reply, ThreadsServer, error, sse
from tests.test_lists import Ascending
from tests.test_threads_wire import DONE, STARTED, delta, run, stream, whole
from tests.test_tools import threads_calls, tool


def prompts(request, text):
    """Whether a request says `text`."""
    return request.method == "POST" and text in json.dumps(request.body)


def item(role, text):
    return {"type": "message", "role": role, "content": text}


# Whose answer it is


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_an_answer_of_before_is_no_reply_to_a_prompt_whose_run_was_never_made(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")

    def before(request):
        if request.path.partition("?")[0].endswith("/runs") and request.method == "POST":
            for message in request.body.get("additional_messages", ()):
                threads.said("thread_1", message)
            return error(504, "late")
        return None

    threads.before = before
    out, err = home.run("ask", "-c", "Three", code=7)
    assert out == ""
    assert "hint: thread_1 holds the prompt" in err


@pytest.mark.parametrize("text", ["Other", "New"])
def test_an_answer_to_another_client_is_no_reply_to_a_prompt_that_was_lost(home, responses, text):
    home.use_threads(responses)
    home.run("ask", "One")

    def before(request):
        if not prompts(request, "New"):
            return None
        said = [responses.item(item("user", text)), responses.item(item("assistant", "To them"))]
        responses.conversations["conv_000001"] += said
        return error(500, "oops")

    responses.before = before
    out, err = home.run("ask", "-c", "New", code=7)
    assert out == ""
    assert "whether conv_000001 holds this prompt is not known" in err


def test_a_lost_answer_to_the_first_prompt_is_gone_on_with_and_is_the_last_thread(home, responses):
    home.use_threads(responses)
    home.run("ask", "Another thread")

    def after(request, reply):
        if not prompts(request, "Hello"):
            return reply
        responses.complete("resp_2", held=True)
        return Reply(gone=True)

    responses.after = after
    out = home.run("ask", "Hello", "-o", "json", code=6)[0]
    events = [json.loads(line) for line in out.splitlines()]
    assert "".join(e["text"] for e in events if e["event"] == "TextDelta") == "You said: Hello (1)"
    assert [e["event"] for e in events].count("RunStarted") == 1
    assert "the service took it" in out
    assert home.run("threads", "show", "@last", "-o", "json")[0].count("conv_000002")


def test_a_stream_that_ends_before_it_began_is_looked_for(home, threads, responses):
    home.use_threads(responses)

    def after(request, reply):
        if not prompts(request, "Hello"):
            return reply
        responses.complete("resp_1", held=True)
        return Reply(raw=b": nothing\n\n")

    responses.after = after
    out, err = home.run("ask", "Hello", code=6)
    assert out == "You said: Hello (1)\n"
    assert "whether this is the whole reply is not known" in err
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    threads.after = lambda request, reply: (
        Reply(raw=stream(DONE)) if prompts(request, "Three") else reply
    )
    assert home.run("ask", "-c", "Three")[0] == "You said: Three (5)\n"


# Text


def test_a_message_that_begins_as_the_one_before_is_whole(home, threads, responses):
    home.use_threads(threads)
    said = [
        ("thread.message.delta", delta("No")),
        ("thread.message.completed", whole("No")),
        ("thread.message.completed", whole("No, wait", "msg_b")),
        ("thread.run.completed", run("completed")),
        DONE,
    ]
    threads.replies.append(Reply(raw=stream(STARTED, *said)))
    assert home.run("ask", "Hi")[0] == "No\n\nNo, wait\n"
    home.use_threads(responses)
    output = [{"id": f"m{n}", **item("assistant", t)} for n, t in enumerate(("No", "No, wait"))]
    for entry in output:
        entry["content"] = [{"type": "output_text", "text": entry["content"]}]
    place = {"item_id": "m0", "output_index": 0, "content_index": 0}
    response = {"id": "RESP", "status": "completed", "output": output}
    raw = event("created", 0, {"response": {"id": "RESP", "status": "in_progress"}})
    raw += event("output_text.delta", 1, {**place, "delta": "No"})
    raw += event("output_item.done", 2, {"output_index": 1, "item": output[1]})
    raw += event("completed", 3, {"response": response})
    responses.replies.append(Reply(raw=raw))
    assert home.run("ask", "Hi")[0] == "No\n\nNo, wait\n"


def test_text_in_lists_within_lists_is_read_as_none_and_never_unexpected(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    nest = "deep"
    for _ in range(450):
        nest = [nest]
    threads.threads["thread_1"][-1]["content"][0]["text"]["value"] = nest
    assert "One" in home.run("threads", "history", "@last", code=0)[0]


@pytest.mark.parametrize("form", ["project"])
def test_what_a_failing_reply_said_is_shown_where_it_is_still_watched(home, threads, form):
    threads.form = form
    threads.drops_metadata = True
    home.use_threads(threads)
    home.run("ask", "One")
    broken = run("failed", last_error={"code": "server_error", "message": "oops"})
    said = [("thread.message.delta", delta("A part")), ("thread.run.failed", broken), DONE]
    threads.replies.append(Reply(raw=stream(STARTED, *said)))
    out, err = home.run("ask", "-c", "Two", code=7)
    assert out == "A part\n"
    assert "oops" in err


# Recovering


def test_recover_shows_no_old_answer_where_the_last_prompt_has_none(home, threads, responses):
    home.use_threads(threads)
    home.run("ask", "One")
    threads.say("thread_1", "user", "And?")
    out, err = home.run("threads", "recover", "@last", code=6)
    assert (out, "holds no reply to its last prompt" in err) == ("", True)
    home.use_threads(responses)
    home.run("ask", "One")
    responses.conversations["conv_000001"].append(responses.item(item("user", "And?")))
    out, err = home.run("threads", "recover", "@last", code=6)
    assert (out, "holds no reply to its last prompt" in err) == ("", True)


# Threads that are locked


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_waiting_for_a_run_that_waits_for_answers_itself_ends(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", "One")
    threads.runs["thread_1"][0]["status"] = "requires_action"
    err = home.run("ask", "-c", "--wait", "Two", code=1)[1]
    assert "thread_1 is still locked: run_2 is requires_action" in err
    assert "hint: --cancel-active cancels it" in err


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_run_that_was_cancelled_and_locks_the_thread_all_the_same_is_an_error(
    home, threads, form
):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", "One")
    locked = error(400, "Thread thread_1 already has an active run run_2.")
    threads.before = lambda request: locked if prompts(request, "Two") else None
    err = home.run("ask", "-c", "--cancel-active", "Two", code=1)[1]
    assert err.count("cancelling the run run_2") == 1


def test_a_prompt_whose_run_is_refused_is_said_to_be_in_its_thread(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.run("ask", "One")
    threads.before = lambda request: (
        error(404, "No assistant found with id 'asst_1'.")
        if request.method == "POST" and request.path.endswith("/thread_1/runs")
        else None
    )
    err = home.run("ask", "-c", "Two", code=5)[1]
    assert "hint: thread_1 holds the prompt already" in err


# Streams


def test_an_error_in_the_stream_of_a_reply_that_goes_on_is_a_cut(home):
    class Proxy(ResponsesServer):
        cant_resume = True

        def stream(self, identity, reply, after):
            real = super().stream(identity, reply, after)
            yield from (next(real), next(real), next(real))
            yield event("error", 9, {"code": "server_error", "message": "the proxy restarts"})

    with Proxy() as server:
        home.use_threads(server)
        out, err = home.run("ask", "Hello")
        assert out == "You said: Hello (1)\n"
        assert "the proxy restarts" in err
        assert "asking for the rest" in err


def test_pings_after_the_end_keep_nobody_waiting(home, server):
    home.use_server(server)

    def events():
        yield sse({"choices": [{"delta": {"content": "All"}, "finish_reason": "stop"}]})
        for _ in range(100):
            time.sleep(0.3)
            yield b": ping\n\n"

    server.replies.append(Reply(events=events()))
    started = time.monotonic()
    assert home.run("ask", "Hi") == ("All\n", "")
    assert time.monotonic() - started < 6


def test_calls_that_were_answered_are_not_run_again(home, threads):
    home.use_threads(threads)
    home.configure(home.config.read_text() + "timeout = 1\n")
    ran = tool(home, "f", "echo once >> ran; echo 1", confirm=False).parent / "ran"
    threads.replies.append(Reply(raw=threads_calls([("call_1", "f", "{}")])))
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}

    def after(request, reply):
        if request.path.partition("?")[0].endswith("/submit_tool_outputs"):
            found = threads.runs["thread_1"][0]
            found |= {"status": "requires_action", "required_action": action}
            return Reply(body=found)
        return reply

    threads.after = after
    err = home.run("ask", "Hi", code=7)[1]
    assert ran.read_text() == "once\n"
    assert "is still requires_action" in err
    follow(home, err)


# Leaving


def test_ctrl_c_cancels_no_run_of_another_prompt(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    asked = []

    def before(request):
        if request.method == "POST" and request.path.endswith("/runs"):
            threads.runs["thread_1"][-1] |= {
                "status": "in_progress",
                "metadata": {"asstctl_prompt": "another"},
            }
            asked.append(request)
            time.sleep(3)

    threads.before = before
    process = home.start("ask", "-c", "Three")
    while not asked:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1].decode()
    assert process.returncode == 130
    assert not threads.asked("/cancel")
    assert "locks it: asstctl threads unlock thread_1 ends it" in err


@pytest.mark.parametrize("kind", [ThreadsServer, ChatServer])
def test_a_reply_that_can_not_be_kept_is_said_and_changes_no_exit_code_of_a_servers_thread(
    home, kind
):
    with kind() as server:
        home.use_server(server) if kind is ChatServer else home.use_threads(server)
        home.run("ask", "One")
        with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
            database.execute(
                "CREATE TRIGGER full BEFORE UPDATE ON messages WHEN new.status = 'completed'"
                " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        own = kind is ChatServer
        out, err = home.run("ask", "-c", "Two", code=1 if own else 0)
        assert out == "You said: Two (3)\n"
        assert "disk full" in err
        assert own or "this turn is not kept here" in err


# Lists, and what is sent again


def test_a_delete_that_was_refused_and_then_not_found_deleted_nothing(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    answers = [error(404, "No such thread"), error(429, "slow down")]
    threads.before = lambda request: answers.pop() if request.method == "DELETE" else None
    home.run("threads", "delete", "--yes", "@last", code=5)


def test_a_list_whose_last_object_has_no_id_and_that_has_more_is_not_whole(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")

    def after(request, reply):
        if "/messages" in request.path:
            reply.body["data"][-1]["id"] = None
            reply.body["has_more"] = True
        return reply

    threads.after = after
    err = home.run("threads", "history", "@last", code=6)[1]
    assert "says that there is more" in err


def test_the_last_message_is_the_newest_where_order_is_ignored_and_there_are_no_times(home):
    class Timeless(Ascending):
        def page(self, found, query):
            page = super().page(found, query)
            return page | {"data": [{**m, "created_at": None} for m in page["data"]]}

    with Timeless() as server:
        home.use_threads(server)
        thread = home.run("threads", "new")[0].strip()
        for number in range(5):
            server.say(thread, "user", str(number))
        out = home.run("threads", "history", thread, "--last", "1", "-o", "jsonl")[0]
        assert json.loads(out)["text"] == "4"


def test_after_429_a_prompt_that_503_leaves_open_is_looked_for_all_the_same(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    answers = [error(503, "reset"), error(429, "slow down")]
    threads.before = lambda request: (
        answers.pop() if answers and prompts(request, "Three") else None
    )
    out, err = home.run("ask", "-c", "Three")
    assert out == "You said: Three (5)\n"
    assert "most likely not taken; sending it again" in err


def test_a_redirect_to_a_path_with_a_blank_and_an_umlaut_is_followed(home, server):
    home.use_server(server)
    there = "/v2 ü/chat/completions".encode().decode("latin-1")
    server.before = lambda request: (
        Reply(status=307, headers={"location": there}, body={})
        if request.path == "/v1/chat/completions"
        else None
    )
    assert home.run("ask", "Hi")[0] == "You said: Hi (1)\n"
    assert server.requests[-1].path.startswith("/v2%20")


@pytest.mark.parametrize("status", [503, 504])
@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("kind", [ThreadsServer, ResponsesServer])
def test_messages_of_a_copy_whose_answers_are_lost_are_there_once(home, kind, taken, status):
    with kind() as server:
        home.use_threads(server)
        for number in range(3):
            home.run("ask", *(["-c"] if number else []), f"Prompt {number}")
        left = [error(status, "reset")]
        copies = "/messages" if kind is ThreadsServer else "/items"

        def is_copy(request):
            return (
                left
                and request.method == "POST"
                and request.path.partition("?")[0].endswith(copies)
            )

        if taken:
            server.after = lambda request, reply: left.pop() if is_copy(request) else reply
        else:
            server.before = lambda request: left.pop() if is_copy(request) else None
        home.run("threads", "fork", "@last")
        assert not left
        texts = [
            json.loads(line)["text"]
            for line in home.run("threads", "history", "@last", "-o", "jsonl")[0].splitlines()
        ]
        assert [t for t in texts if t.startswith("Prompt")] == [f"Prompt {n}" for n in range(3)]
        assert len(texts) == 6
