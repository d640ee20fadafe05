"""Whose a message, a run or a call is, where servers mix them up and answers are lost."""

import json
import signal
import socket
import threading
import time

import pytest

from tests.hints import follow
from tests.responses_server import ResponsesServer, event
from tests.servers import NOW, ChatServer, Reply, ThreadsServer, error, named
from tests.test_identity import texts
from tests.test_lost import item, prompts
from tests.test_threads_wire import DONE, STARTED, delta, run, stream, whole
from tests.test_tools import responses_calls, threads_calls, tool


@pytest.fixture(params=["project", "compatible"])
def talked(request, home, threads):
    """A thread of two turns, whose ways of asking are known."""
    threads.form = request.param
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    return threads


def runs_of(request):
    return request.method == "POST" and request.path.partition("?")[0].endswith("/runs")


# Messages


@pytest.mark.parametrize("form", ["project", "compatible", "responses"])
def test_a_thread_that_was_looked_at_only_to_adopt_it_is_not_known(home, threads, responses, form):
    if form == "responses":
        home.use_threads(responses)
        thread = "conv_abcdefghij0123456789"
        responses.conversations[thread] = [
            responses.item(item(*said))
            for said in (
                ("user", "Hello"),
                ("assistant", "Hi"),
                ("user", "New"),
                ("assistant", "Old"),
            )
        ]
        responses.metadata[thread] = {}
        responses.before = lambda r: (
            error(500, "oops") if r.method == "POST" and r.path.endswith("/responses") else None
        )
    else:
        threads.form = form
        home.use_threads(threads)
        thread = "thread_abcdefghij0123456789"
        threads.threads[thread], threads.runs[thread], threads.metadata[thread] = [], [], {}
        for role, text in (
            ("user", "Hello"),
            ("assistant", "Hi"),
            ("user", "New"),
            ("assistant", "Old"),
        ):
            threads.say(thread, role, text, f"run_{text}" if role == "assistant" else None)
        threads.before = lambda r: error(504, "late") if r.method == "POST" else None
    out, err = home.run("ask", "-t", thread, "New", code=7)
    assert out == ""
    assert f"whether {thread} holds this prompt is not known" in err


def test_the_message_of_a_stopped_run_is_no_part_of_the_next_reply(talked, home):
    old = talked.runs["thread_1"][-1]
    real = talked.stream

    def late(*words):
        message = {**whole("the rest of the old one", "msg_old"), "run_id": old["id"]}
        yield named("thread.message.completed", message)
        yield named("thread.run.cancelled", {**old, "status": "cancelled"})
        yield from real(*words)

    talked.stream = late
    for drops in (False, True):
        talked.drops_metadata = drops
        assert home.run("ask", "-c", "Three")[0].startswith("You said: Three")


def test_the_run_of_another_client_is_not_ours_where_marks_are_kept(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")

    def before(request):
        if runs_of(request):
            threads.say("thread_1", "user", "Their question")
            theirs = {**threads.runs["thread_1"][0], "id": "run_theirs", "metadata": {}}
            threads.runs["thread_1"].append(theirs)
            threads.say("thread_1", "assistant", "The answer to them", "run_theirs")
            return error(504, "late")
        return None

    threads.before = before
    out, err = home.run("ask", "-c", "Three", code=7)
    assert out == ""
    assert "thread_1 holds the prompt" in err


def test_without_marks_the_prompt_of_another_client_is_not_ours(home, threads):
    threads.form = "project"
    threads.drops_metadata = True
    home.use_threads(threads)

    def before(request):
        if prompts(request, "Three"):
            threads.say("thread_1", "user", "Their question")
            threads.say("thread_1", "assistant", "The answer to them", "run_theirs")
            return error(504, "late")
        return None

    threads.before = before
    out, err = home.run("chat", stdin=b"One\nTwo\nThree\n", code=7)
    assert "The answer to them" not in out
    assert "whether thread_1 holds this prompt is not known" in err


def test_a_cut_reply_that_nobody_can_tell_from_others_is_a_part(home):
    class Nameless(ThreadsServer):
        form = "project"
        drops = True

        def say(self, thread, role, text, run=None):
            return super().say(thread, role, text, None)

    with Nameless() as server:
        server.drops_metadata = True
        home.use_threads(server)
        home.run("ask", "One")
        server.replies.append(Reply("A reply of some words that is cut in the middle", cut=1900))
        out, err = home.run("ask", "-c", "Two", code=6)
        assert "A reply of some words that is cut in the middle".startswith(out.rstrip("\n"))
        assert "does not say which message of thread_1 is the reply" in err
        assert ["threads", "history", "thread_1"] in follow(home, err)


def test_a_prompt_that_ties_of_a_clock_list_late_is_posted_once(home):
    class Tied(ThreadsServer):
        form = "project"

        def page(self, found, query):
            if found and found[0].get("object") == "thread.message":
                found = sorted(found, key=lambda message: message["role"] == "assistant")
            return super().page(found, query)

        def say(self, *words, **named):
            said = super().say(*words, **named)
            said["created_at"] = NOW
            return said

    with Tied() as server:
        server.drops_metadata = True
        home.use_threads(server)
        home.run("ask", "One")
        home.run("ask", "-c", "Two")
        assert texts(server) == ["One", "Two"]
        assert len(server.runs["thread_1"]) == 2


def test_words_of_a_run_that_passed_over_the_prompt_and_failed_are_no_reply(home, threads):
    threads.form = "project"
    threads.ignores_prompts = True
    home.use_threads(threads)
    home.run("ask", "One")
    broken = run("failed", last_error={"code": "server_error", "message": "oops"})
    said = [("thread.message.delta", delta("Again: One")), ("thread.run.failed", broken), DONE]
    threads.replies.append(Reply(raw=stream(STARTED, *said)))
    out, err = home.run("ask", "-c", "Two", code=7)
    assert out == ""
    assert "passed over the prompt: what failed was no reply to it" in err


# Sent twice


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_second_sending_that_was_taken_is_looked_for(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    sent = []

    def before(request):
        if prompts(request, "Three"):
            sent.append(request)
        return error(503, "restarts") if len(sent) == 1 and sent[0] is request else None

    def after(request, reply):
        if prompts(request, "Three"):
            if reply.events:
                list(reply.events)
            return error(503, "restarts")
        return reply

    threads.before, threads.after = before, after
    out, err = home.run("ask", "-c", "Three")
    assert out == "You said: Three (5)\n"
    assert "did not take" not in err
    assert texts(threads) == ["One", "Two", "Three"]


def test_a_message_whose_answer_is_no_json_is_looked_for(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.run("ask", "One")
    threads.after = lambda request, reply: (
        Reply(body=b"<html>", content_type="text/html") if prompts(request, "Two") else reply
    )
    assert home.run("ask", "-c", "Two")[0] == "You said: Two (3)\n"
    assert texts(threads) == ["One", "Two"]


def test_ctrl_c_while_a_message_is_posted_tells_whether_it_is_there(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.run("ask", "One")
    taken = threading.Event()

    def after(request, reply):
        if prompts(request, "Two"):
            taken.set()
            time.sleep(5)
        return reply

    threads.after = after
    asked = home.start("ask", "-c", "Two")
    assert taken.wait(20)
    asked.send_signal(signal.SIGINT)
    err = asked.communicate(timeout=30)[1].decode()
    assert asked.returncode == 130
    assert "thread_1 holds the prompt" in err


# Recovering


def test_recover_in_a_chain_fetches_the_reply_that_began_last(home):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One")
        server.replies.append(Reply(words=["You ", "said ", "Two"], stall=2))
        asked = home.start("ask", "-c", "Two")
        while b"said" not in asked.stdout.read1(100):
            pass
        asked.kill()
        asked.communicate()
        assert home.run("threads", "recover", "@last")[0] == "You said Two\n"


def test_recover_tells_a_failed_a_short_and_an_open_reply(home, threads, responses):
    home.use_threads(responses)
    home.run("ask", "One")
    failure = {"code": "server_error", "message": "fell off"}
    failed = event("failed", 1, {"response": {"id": "RESP", "status": "failed", "error": failure}})
    responses.replies.append(Reply(raw=failed))
    home.run("ask", "-c", "Two", code=7)
    responses.responses["resp_2"] |= {"status": "failed", "error": failure}
    out, err = home.run("threads", "recover", "@last", code=7)
    assert (out, "fell off" in err) == ("", True)
    home.use_threads(threads)
    home.run("ask", "One")
    short = {"status": "incomplete", "incomplete_details": {"reason": "max_completion_tokens"}}
    threads.runs["thread_1"][0] |= short
    out, err = home.run("threads", "recover", "@last", code=6)
    assert (out, "limit of length" in err) == ("You said: One (1)\n", True)


def test_recover_finds_a_reply_that_is_listed_before_its_prompt(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    threads.threads["thread_1"].reverse()
    for message in threads.threads["thread_1"]:
        message["created_at"] = NOW
    assert home.run("threads", "recover", "@last")[0] == "You said: One (1)\n"


def test_runs_that_are_listed_from_the_oldest_on_hide_no_lock(home):
    class Ascending(ThreadsServer):
        def page(self, found, query):
            if found and found[0].get("object") == "thread.run":
                query = query.replace("order=desc", "order=asc")
            return super().page(found, query)

    with Ascending() as server:
        home.use_threads(server)
        for number in range(25):
            home.run("ask", *(["-c"] if number else []), f"{number}") if number < 2 else None
            server.runs["thread_1"].insert(
                0, {**server.runs["thread_1"][0], "id": f"run_old{number}", "created_at": NOW - 99}
            )
        server.runs["thread_1"][-1]["status"] = "in_progress"
        err = home.run("threads", "unlock", "@last")[1]
        assert "is cancelled" in err


# Calls


def answering(server, *rounds):
    """Answer outputs with further calls, one list a round, and note what came."""
    came, left = [], list(rounds)

    def after(request, reply):
        if not request.path.partition("?")[0].endswith("/submit_tool_outputs"):
            return reply
        came.append([o["tool_call_id"] for o in request.body["tool_outputs"]])
        if left:
            identity, arguments = left.pop(0)
            function = {"name": "f", "arguments": arguments}
            call = {"id": identity, "type": "function", "function": function}
            action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
            found = server.runs["thread_1"][0]
            found |= {"status": "requires_action", "required_action": action}
            return Reply(raw=named("thread.run.requires_action", found) + named("done", "[DONE]"))
        return reply

    server.after = after
    return came


def test_a_server_that_numbers_calls_anew_gets_every_answer(home, threads):
    home.use_threads(threads)
    tool(home, "f", "echo 1", confirm=False)
    threads.replies.append(Reply(raw=threads_calls([("call_0", "f", '{"n":1}')])))
    came = answering(threads, ("call_0", '{"n":2}'))
    assert home.run("ask", "Hi")[0] == "It says: ['1\\n']\n"
    assert came == [["call_0"], ["call_0"]]


def test_answers_that_were_taken_are_not_sent_again_where_the_run_calls_again(home, threads):
    home.use_threads(threads)
    tool(home, "f", "echo 1", confirm=False)
    threads.replies.append(Reply(raw=threads_calls([("call_1", "f", '{"n":1}')])))
    came = answering(threads, ("call_2", '{"n":2}'))
    after = threads.after

    def lost(request, reply):
        found = after(request, reply)
        return error(504, "late") if len(came) == 1 and found is not reply else found

    threads.after = lost
    assert home.run("ask", "Hi")[0] == "It says: ['1\\n']\n"
    assert came == [["call_1"], ["call_2"]]


@pytest.mark.parametrize("status", [400, 503])
def test_outputs_that_a_conversation_does_not_take_leave_no_call_open(home, responses, status):
    home.use_threads(responses)
    tool(home, "f", "echo 1", confirm=False)
    responses.replies.append(Reply(raw=responses_calls([("call_1", "f", "{}")])))
    responses.before = lambda r: (
        error(status, "no")
        if prompts(r, "function_call_output") and "/items" not in r.path
        else None
    )
    err = home.run("ask", "Hi", code=None)[1]
    assert "conv_000001 holds the answers to the calls, and no reply to them" in err
    kinds = [entry["type"] for entry in responses.conversations["conv_000001"]]
    assert kinds[-1] == "function_call_output"


def test_unlock_answers_a_call_that_a_killed_process_left_open(home, responses):
    home.use_threads(responses)
    call = {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": "f",
        "arguments": "",
    }
    responses.replies.append(Reply(raw=responses_calls([("call_1", "f", "{}")])))
    home.run("ask", "Hi", code=6)
    responses.conversations["conv_000001"] = [call]
    responses.responses["resp_1"] |= {"status": "completed", "output": [call]}
    assert "1 open call: it was told so" in home.run("threads", "unlock", "@last")[1]
    assert responses.conversations["conv_000001"][-1]["call_id"] == "call_1"
    assert "no active reply" in home.run("threads", "unlock", "@last")[1]


@pytest.mark.parametrize("kind", [ThreadsServer, ResponsesServer])
def test_a_pipe_that_closes_while_a_tool_runs_leaves_no_call_open(home, kind):
    with kind() as server:
        home.use_threads(server)
        tool(home, "f", "sleep 0.5; echo 1", confirm=False)
        made = threads_calls if kind is ThreadsServer else responses_calls
        server.replies.append(Reply(raw=made([("call_1", "f", "{}")])))
        asked = home.start("ask", "-o", "json", "Hi")
        while b"ToolCall" not in asked.stdout.readline():
            pass
        asked.stdout.close()
        asked.stderr.read()
        asked.stderr.close()
        asked.wait()
        if kind is ThreadsServer:
            assert server.active("thread_1") is None
        else:
            assert server.conversations["conv_000001"][-1]["type"] == "function_call_output"


# Ends


def test_an_error_after_the_end_changes_nothing(home, threads, server):
    broken = {"code": "server_error", "message": "late"}
    home.use_threads(threads)
    said = [("thread.message.delta", delta("All")), ("thread.message.completed", whole("All"))]
    ends = [("thread.run.completed", run("completed")), ("error", broken), DONE]
    threads.replies.append(Reply(raw=stream(STARTED, *said, *ends)))
    assert home.run("ask", "Hi") == ("All\n", "")
    home.use_server(server)
    piece = {"choices": [{"delta": {"content": "All"}, "finish_reason": "stop"}]}
    raw = f"data: {json.dumps(piece)}\n\ndata: {json.dumps({'error': broken})}\n\n"
    server.replies.append(Reply(raw=raw.encode()))
    assert home.run("ask", "Hi") == ("All\n", "")


def test_a_cut_reply_of_a_server_that_has_no_replies_is_a_part(home):
    class Resource(ResponsesServer):
        form = "resource"
        ignores_background = True

    with Resource() as server:
        home.use_threads(server)
        server.before = lambda r: error(404, "Not Found") if r.method == "GET" else None
        server.replies.append(Reply("A reply of some words that is cut in the middle", cut=2000))
        err = home.run("ask", "Hi", code=6)[1]
        assert "can't say how the response resp_1 ended" in err


@pytest.mark.parametrize("kind", [ThreadsServer, ChatServer])
def test_a_sign_whose_halves_come_apart_is_whole(home, kind):
    with kind() as server:
        if kind is ChatServer:
            home.use_server(server)
            server.replies.append(Reply(words=["Hi \ud83d", "\ude00!"]))
        else:
            home.use_threads(server)
            said = [("thread.message.delta", delta(text)) for text in ("Hi \ud83d", "\ude00!")]
            ends = [("thread.run.completed", run("completed")), DONE]
            server.replies.append(Reply(raw=stream(STARTED, *said, *ends)))
        assert home.run("ask", "x")[0] == "Hi \U0001f600!\n"


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"X-Drip: 1\r\n",
        b"HTTP/1.1 400 Bad\r\nContent-Length: 999999\r\n\r\n",
    ],
    ids=["continue", "headers", "refusal"],
)
def test_an_answer_that_drips_for_ever_ends_with_the_timeout(home, said):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    head = b"HTTP/1.1 200 OK\r\n" if said.startswith(b"X") else b""
                    try:
                        connection.sendall(head + said)
                        while True:
                            time.sleep(0.1)
                            connection.sendall(b" " if b"400" in said else said)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        home.configure(
            f'endpoint = "http://127.0.0.1:{port}/v1"\nassistant_id = "asst_1"\n'
            'api_key_env = "MY_KEY"\ntimeout = 1\n'
        )
        started = time.monotonic()
        home.run("ask", "Hi", code=None, MY_KEY="x")
        assert time.monotonic() - started < 8


def test_answers_of_1xx_before_the_one_that_counts_are_passed_over(home, server):
    home.use_server(server)

    def events():
        yield b'data: {"choices": [{"delta": {"content": "All"}, "finish_reason": "stop"}]}\n\n'

    handler = server._http.RequestHandlerClass
    real = handler._reply

    def early(self, reply):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        real(self, reply)

    handler._reply = early
    server.replies.append(Reply(events=events()))
    assert home.run("ask", "Hi")[0] == "All\n"
