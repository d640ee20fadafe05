"""How replies end on every wire: nothing left open, nothing that passes for what it is not."""

import json
import signal
import sys
import time

import pytest

from tests.responses_server import ResponsesServer, event
from tests.servers import ChatServer, Reply, ThreadsServer, error, sse
from tests.test_threads_wire import DONE, STARTED, delta, run, stream, whole
from tests.test_tools import threads_calls, tool

# What was printed, held against what is complete


@pytest.mark.parametrize(
    ("printed", "held"),
    [("ne two", "One two"), ("OneOne two two", "One two"), ("One two three", "One two")],
    ids=["a lost delta", "doubled deltas", "more than there is"],
)
def test_a_reply_that_was_printed_wrongly_is_said_and_shown_once_as_it_is(
    home, threads, printed, held
):
    home.use_threads(threads)
    completed = run("completed")
    threads.replies.append(
        Reply(
            raw=stream(
                STARTED,
                ("thread.message.delta", delta(printed)),
                ("thread.message.completed", whole(held)),
                ("thread.message.completed", whole(held)),
                ("thread.run.completed", completed),
                DONE,
            )
        )
    )
    out, err = home.run("ask", "Hi")
    assert out == f"{printed}\n\n{held}\n"
    assert err.count("is not what the service holds of this reply") == 1


def test_blanks_at_the_end_are_no_difference(home, threads):
    home.use_threads(threads)
    threads.replies.append(
        Reply(
            raw=stream(
                STARTED,
                ("thread.message.delta", delta("One two \n")),
                ("thread.message.completed", whole("One two")),
                ("thread.run.completed", run("completed")),
                DONE,
            )
        )
    )
    assert home.run("ask", "Hi")[1] == ""


def test_a_response_that_was_printed_wrongly_is_said_too(home, responses):
    home.use_threads(responses)
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "One two"}],
    }
    said = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    response = {"id": "RESP", "status": "completed", "output": [message]}
    responses.replies.append(
        Reply(
            raw=event("created", 0, {"response": {"id": "RESP", "status": "in_progress"}})
            + event("output_text.delta", 1, {**said, "delta": "wo"})
            + event("completed", 2, {"response": response})
        )
    )
    out, err = home.run("ask", "Hi")
    assert out == "wo\n\nOne two\n"
    assert "is not what the service holds" in err


# Done is done


def test_after_the_end_mark_nothing_is_read_and_nothing_waited_for(home, server):
    home.use_server(server)
    late = sse({"choices": [{"delta": {"content": " and more"}}]})
    whole_reply = sse({"choices": [{"delta": {"content": "All"}, "finish_reason": "stop"}]})
    server.replies.append(
        Reply(events=[whole_reply, sse("[DONE]") + late, b": open\n\n" * 4], delay=0.0)
    )
    assert home.run("ask", "Hi")[0] == "All\n"


@pytest.mark.parametrize("last", [b"", sse("[DONE]")])
def test_a_connection_that_stays_open_after_the_end_is_left_after_a_second(home, server, last):
    home.use_server(server)

    def events():
        yield sse({"choices": [{"delta": {"content": "All"}, "finish_reason": "stop"}]}) + last
        time.sleep(30)
        yield b": \n\n"

    server.replies.append(Reply(events=events()))
    started = time.monotonic()
    assert home.run("ask", "Hi") == ("All\n", "")
    assert time.monotonic() - started < 6
    assert "completed" in home.run("threads", "history", "-o", "jsonl")[0].splitlines()[-1]


def test_a_run_that_has_ended_is_not_waited_for(home, threads):
    home.use_threads(threads)
    real = threads.stream

    def events(*words):
        *said, _ = real(*words)
        yield from said
        time.sleep(30)
        yield b": \n\n"

    threads.stream = events
    started = time.monotonic()
    assert home.run("ask", "Hi")[0] == "You said: Hi (1)\n"
    assert time.monotonic() - started < 6


def test_a_stream_of_nothing_but_comments_ends_after_ten_timeouts(home, server):
    home.use_server(server)
    home.configure(home.config.read_text() + "timeout = 0.2\n")

    def events():
        while True:
            time.sleep(0.05)
            yield b": still there\n\n"

    server.replies.append(Reply(events=events()))
    started = time.monotonic()
    home.run("ask", "Hi", code=6)
    assert 1.5 < time.monotonic() - started < 10


# Failures inside a stream


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("insufficient_quota", 7),
        ("rate_limit_exceeded", 7),
        ("server_error", 7),
        ("invalid_api_key", 4),
        ("not_found_error", 5),
        ("invalid_prompt", 1),
        ("503", 7),
        ("context_length_exceeded", 1),
    ],
)
def test_a_failure_in_a_stream_has_the_exit_code_that_it_has_outside(home, code, left):
    failure = {"code": code, "message": "Not now"}
    said = sse({"error": failure})
    failed = event("failed", 1, {"response": {"id": "RESP", "status": "failed", "error": failure}})
    with ThreadsServer() as threads, ResponsesServer() as responses:
        home.use_threads(threads)
        ended = run("failed", last_error=failure)
        threads.replies.append(Reply(raw=stream(STARTED, ("thread.run.failed", ended), DONE)))
        assert f"the run failed: Not now ({code})" in home.run("ask", "Hi", code=left)[1] or (
            code == "context_length_exceeded"
        )
        home.use_threads(responses)
        responses.replies.append(Reply(raw=failed))
        home.run("ask", "Hi", code=left)
    with ChatServer() as server:
        home.use_server(server)
        server.replies.append(Reply(raw=said))
        home.run("ask", "Hi", code=left)


# Calls


CALLS = {
    "function": {"type": "function_call", "name": "f", "arguments": "{}"},
    "custom": {"type": "custom_tool_call", "name": "f", "input": "x"},
    "patch": {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
    "local shell": {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}},
    "shell": {"type": "shell_call", "action": {"commands": ["ls"]}},
    "computer": {"type": "computer_call", "action": {"type": "screenshot"}},
    "search": {"type": "tool_search_call", "execution": "client", "arguments": "{}"},
    "of tomorrow": {"type": "moon_call", "arguments": "{}"},
}


def ending_with(*output):
    response = {"id": "RESP", "status": "completed", "output": list(output)}
    return Reply(
        raw=event("created", 0, {"response": {"id": "RESP", "status": "in_progress"}})
        + event("completed", 1, {"response": response})
    )


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_that_nobody_answered_is_shown_declined_and_6_whatever_its_type(
    home, responses, call
):
    home.use_threads(responses)
    responses.replies.append(ending_with({"id": "it_1", "call_id": "call_1", **call}))
    err = home.run("ask", "Hi", code=6)[1]
    name = call.get("name", call["type"])
    assert f"asstctl: tool call call_1: {name}(" in err
    [added] = responses.asked("/items")
    [declined] = added.body["items"]
    assert declined["type"].startswith(call["type"].removesuffix("_call"))
    assert "call_1" in (declined.get("call_id"), declined.get("id"))


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Found it."}],
}


@pytest.mark.parametrize(
    "output",
    [
        [{"id": "a", "call_id": "c", **CALLS["custom"], "status": "completed"}, MESSAGE],
        [
            {"id": "a", "call_id": "c", **CALLS["shell"]},
            {"id": "b", "call_id": "c", "type": "shell_call_output", "output": []},
            MESSAGE,
        ],
        [{"id": "a", "type": "web_search_call", "status": "completed"}, MESSAGE],
        [
            {"id": "a", "call_id": None, "type": "tool_search_call", "execution": "server"},
            MESSAGE,
        ],
    ],
    ids=["custom, of the server", "shell, answered", "web search", "search, of the server"],
)
def test_a_call_that_the_server_answered_leaves_nothing_open(home, responses, output):
    home.use_threads(responses)
    responses.replies.append(ending_with(*output))
    assert home.run("ask", "Hi")[0] == "Found it.\n"


def test_a_decline_that_fails_is_said(home, threads):
    home.use_threads(threads)
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    waits = run("requires_action", required_action=action)
    threads.replies.append(Reply(raw=stream(STARTED, ("thread.run.requires_action", waits), DONE)))
    threads.before = lambda request: (
        error(400, "not now") if request.path.partition("?")[0].endswith("/cancel") else None
    )
    err = home.run("ask", "Hi", code=6)[1]
    assert "could not be cancelled and is requires_action: not now" in err
    assert "asstctl threads unlock thread_1 ends it" in err


# Cancelling


def stubborn(threads):
    """A run that no cancel ends."""
    threads.before = lambda request: (
        error(400, "not now") if request.path.partition("?")[0].endswith("/cancel") else None
    )


def test_an_unlock_that_does_not_unlock_fails(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hi")
    threads.runs["thread_1"][0] |= {"status": "in_progress", "will_complete": False}
    threads.polls_left = 10_000
    home.configure(home.config.read_text() + "timeout = 2\n")
    stubborn(threads)
    err = home.run("threads", "unlock", "--wait", "@last", code=1)[1]
    assert "thread_1 is still locked: run_2 is in_progress" in err
    err = home.run("threads", "unlock", "@last", code=1, timeout=40)[1]
    assert "run_2 could not be cancelled and is in_progress: not now" in err


def test_a_cancel_that_failed_is_said_and_nothing_takes_longer_than_15_seconds(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply("word " * 400, delay=0.05))
    real = threads.answer

    def slow(request):
        """Answer everything but the prompt with a long wish for patience."""
        if request.method == "POST" and request.path.partition("?")[0].endswith("/threads/runs"):
            return real(request)
        return Reply(status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "9"})

    threads.answer = slow
    process = home.start("ask", "Hi")
    assert process.stdout.read(4) == b"word"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130
    assert time.monotonic() - started < 16
    assert "the run run_2 could not be cancelled" in err


@pytest.mark.parametrize("after", [b"asstctl: ", b"trying again"])
def test_a_signal_ends_a_pause(home, threads, after):
    home.use_threads(threads)
    threads.before = lambda _: Reply(
        status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "60"}
    )
    process = home.start("ask", "Hi")
    while after not in process.stderr.read1(1000):
        pass
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - started < 5


# What a server lacks


@pytest.fixture
def gateway(home, threads):
    """A server that knows no way to read, cancel or list runs, nor to read or delete threads."""
    home.use_threads(threads)
    home.run("ask", "Hi")

    def before(request):
        path = request.path.partition("?")[0]
        lacks = request.method in ("GET", "DELETE") and path.endswith("/thread_1")
        if lacks or (request.method == "GET" and path.endswith("/runs")):
            return error(405, "Method Not Allowed")
        if "/runs/run" in path:
            return Reply(status=404, body={"detail": "Not Found"})
        return None

    threads.before = before
    return home


@pytest.mark.parametrize(
    ("words", "lacks"),
    [
        (["show"], "can't say what a thread is"),
        (["unlock"], "can't list the runs of a thread"),
        (["recover"], "can't list the runs of a thread"),
        (["delete", "-y"], "can't delete a thread"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_a_gateway_lacks_is_named(gateway, words, lacks):
    err = gateway.run("threads", *words, "@last", code=1)[1]
    assert lacks in err
    if words[0] == "delete":
        assert "hint: asstctl threads delete thread_1 --keep-remote forgets it here" in err


def test_a_reply_without_a_claim_behind_a_gateway_names_what_is_missing(gateway, threads):
    threads.replies.append(
        Reply(raw=stream(STARTED, ("thread.message.delta", delta("Part")), DONE))
    )
    out, err = gateway.run("ask", "Hi", code=6)
    assert out == "Part\n"
    assert "can't say how the run run_" in err


# Servers that keep no replies


class Forgetful(ResponsesServer):
    """A chat's bridge: takes `previous_response_id`, ignores it, and knows no response again."""

    form = "resource"
    status = 404

    def response(self, request, words, asked):
        if request.method == "GET":
            return error(self.status, "Not Found")
        body = {k: v for k, v in request.body.items() if k != "previous_response_id"}
        return self.create(body)


class Refusing(Forgetful):
    """Refuses `previous_response_id`, as llama.cpp's server does."""

    def response(self, request, words, asked):
        if request.body and "previous_response_id" in request.body:
            return error(400, "llama.cpp does not support 'previous_response_id'.")
        return super().response(request, words, asked)


@pytest.mark.parametrize("kind", [Forgetful, Refusing])
@pytest.mark.parametrize("status", [404, 405, 500])
def test_a_server_that_keeps_no_replies_is_found_out_once_and_gets_what_is_kept_here(
    home, kind, status
):
    with kind() as server:
        server.status = status
        home.use_threads(server)
        err = home.run("ask", "One")[1]
        if status == 500:  # which anybody may say once
            assert err == ""
            out, err = home.run("ask", "-c", "One")
            assert out == "You said: One (3)\n"
            assert "keeps no replies: what is kept here is sent along" in err
            return
        assert "keeps no replies: what is kept here will be sent along" in err
        asked = len(server.requests)
        for prompt, count in (("Two", 3), ("Three", 5)):
            assert home.run("ask", "-c", prompt) == (f"You said: {prompt} ({count})\n", "")
        assert len(server.requests) == asked + 2  # found out once
        said = [
            json.loads(m) for m in home.run("threads", "history", "-o", "jsonl")[0].splitlines()
        ]
        assert [m["text"] for m in said][::2] == ["One", "Two", "Three"]
        assert len(server.requests) == asked + 2  # nothing can be had again there


def test_a_server_and_a_profile_that_both_keep_nothing_are_told_apart_from_a_thread(home):
    with Refusing() as server:
        home.use_threads(server)
        home.run("ask", "One", ASSTCTL_KEEP="false")
        err = home.run("ask", "-c", "Two", code=3, ASSTCTL_KEEP="false")[1]
        assert "keep is false" in err
        assert "hint: asstctl config unset keep" in err
        stored = (home.data / "threads.db").read_bytes()
        assert b"One" not in stored


def test_keep_cannot_be_false_where_nobody_else_has_the_threads(home, server):
    home.use_server(server)
    err = home.run("ask", "One", code=3, ASSTCTL_KEEP="false")[1]
    assert "nobody else has its threads" in err


def test_a_reply_that_expired_is_sent_along_from_what_is_kept(home):
    class Resource(ResponsesServer):
        form = "resource"
        expired: frozenset[str] = frozenset()

        def response(self, request, words, asked):
            if request.method == "GET" and self.expired & set(request.path.split("/")):
                return error(404, "No response found.")
            if request.body and request.body.get("previous_response_id") in self.expired:
                return error(400, "Previous response not found.")
            return super().response(request, words, asked)

    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One")
        home.run("ask", "-c", "Two")
        server.expired = frozenset(server.responses)
        out, err = home.run("ask", "-c", "Three")
        assert out == "You said: Three (5)\n"
        assert "no longer has the reply before: what is kept of the thread is sent along" in err
        assert home.run("ask", "-c", "Four")[0] == "You said: Four (7)\n"
        said = [
            json.loads(m) for m in home.run("threads", "history", "-o", "jsonl")[0].splitlines()
        ]
        assert [m["text"] for m in said][::2] == ["One", "Two", "Three", "Four"]


def test_a_server_that_keeps_replies_is_asked_once_whether_it_does(home):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        home.use_threads(server)
        assert home.run("ask", "One")[1] == ""
        home.run("ask", "-c", "Two")
        assert [r.method for r in server.requests].count("GET") == 1


# Answers to calls


def test_answers_that_meet_429_are_sent_again_and_no_tool_runs_twice(home, threads):
    home.use_threads(threads)
    tool(home, "count", "echo x >> ran; echo done", confirm=False)
    threads.replies.append(Reply(raw=threads_calls([("a", "count", "{}")])))
    left = [Reply(status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "0.1"})]
    threads.before = lambda request: (
        left.pop() if left and "submit_tool_outputs" in request.path else None
    )
    out, err = home.run("ask", "Hi")
    assert "trying again in 0.1 s" in err
    assert out.startswith("It says")
    assert (home.path / "ran").read_text() == "x\n"


@pytest.mark.parametrize("taken", [True, False])
def test_answers_whose_answer_is_lost_are_looked_for(home, threads, taken):
    home.use_threads(threads)
    tool(home, "count", "echo x >> ran; echo done", confirm=False)
    threads.replies.append(Reply(raw=threads_calls([("a", "count", "{}")])))
    left = [True]
    real = threads.answer

    def answer(request):
        if "submit_tool_outputs" in request.path and left:
            left.pop()
            if taken:
                real(request)
                threads.runs["thread_1"][0]["status"] = "in_progress"
            return Reply(gone=True)
        return real(request)

    threads.answer = answer
    out, _ = home.run("ask", "Hi")
    assert out.startswith("It says")
    assert (home.path / "ran").read_text() == "x\n"
    assert len(threads.outputs) == 1


@pytest.mark.parametrize("words", [["config", "get", "nonsense"], ["-p", "nope", "ask", "Hi"]])
def test_where_nobody_hears_an_error_the_exit_code_still_tells(home, words):
    told = home.run(*words, code=None)[1]
    assert told
    with open("/dev/full", "wb") as full:
        process = home.start(*words, stderr=full)
        process.communicate()
    again = home.start(*words)
    again.communicate()
    assert process.returncode == again.returncode != 0


def test_ids_that_a_service_gives_lead_nowhere_else(home, threads):
    home.use_threads(threads)
    threads.before = lambda request: (
        Reply(body={"id": "../../../evil%2f?x=1#y"}) if request.method == "POST" else None
    )
    home.run("threads", "new")
    threads.before = None
    home.run("threads", "history", "@last", code=5)
    path = threads.requests[-1].path.partition("?")[0]
    assert path.endswith("/threads/..%2F..%2F..%2Fevil%252f%3Fx%3D1%23y/messages")


def test_tokens_of_any_size_are_figures(home, threads):
    home.use_threads(threads)
    ended = run("completed", usage={"prompt_tokens": 10**400, "completion_tokens": -5})
    threads.replies.append(
        Reply(
            raw=stream(
                STARTED,
                ("thread.message.completed", whole("Hi")),
                ("thread.run.completed", ended),
                DONE,
            )
        )
    )
    assert "0 + 0 tokens" in home.run("ask", "--stats", "Hi")[1]


def test_a_call_that_is_long_or_pretends_to_be_two_is_one_line(home, threads):
    home.use_threads(threads)
    arguments = '{"a": "' + "x" * 5000 + '"}\nasstctl: tool call b: other({})'
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    waits = run("requires_action", required_action=action)
    threads.replies.append(Reply(raw=stream(STARTED, ("thread.run.requires_action", waits), DONE)))
    err = home.run("ask", "Hi", code=6)[1]
    assert len(err.splitlines()) == 2
    assert "more characters" in err
    assert json.dumps(arguments) not in err


def test_a_delete_that_is_answered_with_nothing_at_all_is_done(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hi")
    threads.before = lambda request: (
        Reply(status=204, body=b"") if request.method == "DELETE" else None
    )
    assert home.run("threads", "delete", "-y", "@last")[1] == "asstctl: deleted thread_1\n"


def test_a_run_that_is_looked_at_by_a_redirect_may_be_looked_at_often(home, threads):
    home.use_threads(threads)
    threads.polls_left = 6
    threads.replies.append(Reply("One two three", cut=900))

    def before(request):
        path, mark, query = request.path.partition("?")
        if request.method == "GET" and "/runs/run" in path and not path.endswith("/"):
            return Reply(status=307, body={}, headers={"location": f"{path}/{mark}{query}"})
        return None

    threads.before = before
    assert home.run("ask", "Hi")[0] == "One two three\n"


def test_a_store_that_can_not_be_written_ends_no_remote_reply(home, threads):
    home.use_threads(threads)
    home.arguments = lambda *words: [
        "sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "asstctl", *words
    ]  # fmt: skip
    out, err = home.run("ask", "Hi")
    assert out == "You said: Hi (1)\n"
    assert "thread_1 is not remembered: can't use the store" in err
