"""The threads wire through the program: the sample, one round trip, ends, quirks, cancelling."""

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.hints import follow
from tests.servers import NOW, Reply, ThreadsServer, error, named, sse
from tests.terminal import Screen


def delta(words, message="msg_a", index=0, **part):
    content = {"index": index, "type": "text", "text": {"value": words}} | part
    return {"id": message, "object": "thread.message.delta", "delta": {"content": [content]}}


def run(status, **facts):
    return {"id": "RUN", "object": "thread.run", "thread_id": "THREAD", "status": status, **facts}


def whole(text, message="msg_a", **facts):
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    return {
        "id": message,
        "object": "thread.message",
        "role": "assistant",
        "content": content,
        "run_id": "RUN",
        **facts,
    }


def stream(*events):
    return b"".join(named(name, data) for name, data in events)


STARTED = ("thread.run.created", run("queued"))
DONE = ("done", "[DONE]")


def history(home):
    return [
        json.loads(line) for line in home.run("threads", "history", "-o", "jsonl")[0].splitlines()
    ]


def said(threads, role=None):
    """What the newest thread on the server holds."""
    messages = list(threads.threads.values())[-1]
    return [m["content"][0]["text"]["value"] for m in messages if role in (None, m["role"])]


# The sample


@pytest.mark.parametrize("slashes", ["", "/", "//", "/openai", "/openai/"])
def test_the_samples_four_variables_are_all_it_takes_for_every_form_of_the_endpoint(
    home, threads, slashes
):
    env = {
        "ASSISTANT_ID": "asst_1",
        "AZURE_OPENAI_API_KEY": "canary",
        "AZURE_OPENAI_API_VERSION": "2025-04-01-preview",
        "AZURE_OPENAI_ENDPOINT": threads.origin + slashes,
    }
    assert home.run("ask", "Hello", **env) == ("You said: Hello (1)\n", "")
    assert threads.requests[0].path == "/openai/threads/runs?api-version=2025-04-01-preview"
    out, err = home.run("chat", "-c", stdin=b"Again\nexit\n", **env)
    assert out == "You said: Again (3)\n"
    assert err.splitlines()[0].startswith("user, ")
    assert err.splitlines()[-1] == "Bye! (thread: thread_1)"


def test_all_that_the_sample_misses_is_named_at_once(home):
    out, err = home.run(
        "ask",
        "Hello",
        code=3,
        AZURE_OPENAI_ENDPOINT="<insert endpoint>",
        ASSISTANT_ID="<insert id>",
    )
    assert out == ""
    for name in (
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_API_VERSION",
        "ASSISTANT_ID",
        "AZURE_OPENAI_API_KEY",
    ):
        assert f"variable {name}" in err
    for key in ("endpoint", "api_version", "assistant_id"):
        assert f"asstctl config set {key} VALUE" in err
    assert len(err.splitlines()) == 2


def test_a_placeholder_key_counts_as_missing(home, threads):
    home.configure(f'endpoint = "{threads.url}"\napi_version = "v"\nassistant_id = "a"\n')
    assert (
        "key (variable AZURE_OPENAI_API_KEY"
        in home.run("ask", "x", code=3, AZURE_OPENAI_API_KEY="<insert key>")[1]
    )
    assert not threads.requests


def test_a_chat_on_a_terminal_against_azures_form(home, threads):
    home.use_threads(threads)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Hello\r")
        screen.wait_for("You said: Hello (1)")
        screen.wait_for_prompt()
        screen.type("Again\r")
        screen.wait_for("You said: Again (3)")
        screen.wait_for_prompt()
        screen.type("exit\r")
        assert screen.end() == 0
        assert "Bye! (thread: thread_1)" in screen.text()


def test_a_failed_run_shows_the_services_words_and_code(home, threads):
    home.use_threads(threads)
    failed = run(
        "failed", last_error={"code": "server_error", "message": "Sorry, something went wrong."}
    )
    threads.replies.append(Reply(raw=stream(STARTED, ("thread.run.failed", failed), DONE)))
    assert (
        home.run("ask", "Hello", code=7)[1]
        == "asstctl: the run failed: Sorry, something went wrong (server_error)\n"
    )


def test_a_foundry_project_takes_a_bearer_token_from_a_command(home, threads):
    threads.form = "project"
    home.configure(
        f'endpoint = "{threads.url}/"\nassistant_id = "asst_1"\napi_key_command = ["echo", "canary"]\n'
    )
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"
    assert threads.requests[0].path == "/api/projects/p/threads/runs?api-version=v1"


def test_a_compatible_server_on_loopback_needs_no_key(home, threads):
    threads.form = "compatible"
    threads.wrong = lambda request: None
    home.configure(f'endpoint = "{threads.url}"\nassistant_id = "asst_1"\n')
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"
    assert "authorization" not in threads.requests[0].headers


# One round trip


def test_a_prompt_is_one_request_to_a_new_thread_and_one_to_an_old_one(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    assert len(threads.requests) == 1
    home.run("ask", "-c", "Two")
    assert len(threads.requests) == 3  # looks, this once, whether the prompt came to the thread
    home.run("ask", "-c", "Three")
    home.run("ask", "Four")
    assert len(threads.requests) == 5
    assert threads.posts() == [
        "/threads/runs",
        "/threads/T/runs",
        "/threads/T/runs",
        "/threads/runs",
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(status=404, body={"detail": "Not Found"}),
        Reply(status=404, body=b""),
        error(404, "No thread found with id 'runs'."),
        error(405, "Method Not Allowed"),
        error(400, "Unknown parameter: 'thread'."),
        Reply(status=422, body={"detail": [{"loc": ["body", "thread"], "msg": "extra fields not permitted"}]}),
    ],
    ids=range(6),
)  # fmt: skip
def test_a_server_that_refuses_a_thread_with_its_run_is_served_classically_and_remembered(
    home, threads, refusal
):
    home.use_threads(threads)
    threads.refuses["new"] = refusal
    assert home.run("ask", "One")[0] == "You said: One (1)\n"
    assert threads.posts() == [
        "/threads/runs",
        "/threads",
        "/threads/T/messages",
        "/threads/T/runs",
    ]
    threads.requests.clear()
    home.run("ask", "Two")
    assert threads.posts()[0] == "/threads"
    assert said(threads) == ["Two", "You said: Two (1)"]


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "Unknown parameter: 'additional_messages'."),
        Reply(
            status=422, body={"detail": [{"loc": ["body", "additional_messages"], "msg": "extra"}]}
        ),
    ],
    ids=range(2),
)
def test_a_server_that_refuses_a_prompt_with_the_run_is_served_classically_and_remembered(
    home, threads, refusal
):
    home.use_threads(threads)
    threads.refuses["old"] = refusal
    home.run("ask", "One")
    assert home.run("ask", "-c", "Two")[0] == "You said: Two (3)\n"
    threads.requests.clear()
    home.run("ask", "-c", "Three")
    assert threads.posts() == ["/threads/T/messages", "/threads/T/runs"]
    assert said(threads)[::2] == ["One", "Two", "Three"]


def test_a_server_that_passes_over_the_prompt_is_found_out_before_its_reply_is_shown(home, threads):
    home.use_threads(threads)
    threads.ignores_prompts = True
    home.run("ask", "One")
    out, err = home.run("ask", "-c", "Two")
    assert out == "You said: Two (4)\n"  # the reply to nothing is in the thread, and was not shown
    assert "passed over the prompt" in err
    threads.requests.clear()
    home.run("ask", "-c", "Three")
    assert threads.posts() == ["/threads/T/messages", "/threads/T/runs"]
    assert said(threads, "user") == ["One", "Two", "Three"]


def test_a_prompt_is_never_posted_twice_where_a_list_is_in_another_order(home, threads):
    home.use_threads(threads)
    home.run("ask", "Yes")
    home.run("ask", "-t", "@last", "No", code=0)
    page = threads.page
    threads.page = lambda found, query: page(found, query.replace("order=desc", "order=asc"))
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
        database.execute("DELETE FROM endpoints")
    home.run("ask", "-c", "Yes")
    assert said(threads, "user") == ["Yes", "No", "Yes"]


def test_a_run_that_the_server_forgets_is_no_refusal(home, threads):
    home.use_threads(threads)
    real = threads.answer

    def forgetful(request):
        if request.method == "GET" and "/runs/" in request.path:
            return error(404, "Not Found")
        return real(request)

    threads.answer = forgetful
    threads.replies.append(Reply(raw=stream(STARTED, ("thread.message.delta", delta("Part")))))
    out, err = home.run("ask", "Hi", code=6)
    assert out == "Part\n"
    assert "can't say how the run run_2 ended" in err
    assert threads.posts() == ["/threads/runs"]


@pytest.mark.parametrize(
    "answer",
    [
        error(404, "No assistant found with id 'asst_1'."),
        error(400, "Invalid 'thread.messages[0].content': too long."),
    ],
    ids=["assistant", "content"],
)
def test_what_is_wrong_with_the_prompt_or_the_assistant_is_no_refusal_of_the_way(
    home, threads, answer
):
    home.use_threads(threads)
    threads.refuses["new"] = answer
    home.run("ask", "One", code=None)
    assert threads.posts() == ["/threads/runs"]


def test_a_classic_run_that_fails_to_start_leaves_the_thread_known(home, threads):
    home.use_threads(threads)
    threads.refuses["new"] = error(405, "no")
    threads.replies.append(error(400, "no credit"))
    assert "no credit" in home.run("ask", "One", code=1)[1]
    assert said(threads) == ["One"]


# How a run ends


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (run("completed"), 0, ""),
        (
            run("incomplete", incomplete_details={"reason": "max_completion_tokens"}),
            6,
            "limit of length (max_completion_tokens)",
        ),
        (
            run("incomplete", incomplete_details={"reason": "content_filter"}),
            6,
            "content filter ended the reply (content_filter)",
        ),
        (
            run(
                "failed",
                last_error={"code": "rate_limit_exceeded", "message": "Try again in 5 seconds"},
            ),
            7,
            "Try again in 5 seconds (rate_limit_exceeded)",
        ),
        (run("expired"), 6, "ended as expired"),
        (run("cancelled"), 6, "ended as cancelled"),
    ],
    ids=lambda value: value["status"] if isinstance(value, dict) else None,
)
def test_each_end_has_its_exit_code_and_one_line(home, threads, end, code, words):
    home.use_threads(threads)
    events = stream(
        STARTED,
        ("thread.message.delta", delta("Some text")),
        (f"thread.run.{end['status']}", end),
        DONE,
    )
    threads.replies.append(Reply(raw=events))
    out, err = home.run("ask", "Hello", code=code)
    assert out == "Some text\n"
    assert words in err
    assert len(err.splitlines()) == (1 if code else 0)


def test_a_tool_call_that_nobody_answers_is_shown_and_the_run_cancelled(home, threads):
    home.use_threads(threads)
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
    }
    waits = run(
        "requires_action",
        required_action={
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": [call]},
        },
    )
    threads.replies.append(Reply(raw=stream(STARTED, ("thread.run.requires_action", waits), DONE)))
    out, err = home.run("ask", "Weather?", code=6)
    assert out == ""
    assert 'tool call call_1: get_weather({"city": "Rome"})' in err
    assert "nothing here answers: the run was cancelled" in err
    assert threads.runs["thread_1"][0]["status"] == "cancelled"
    assert home.run("ask", "-c", "Next")[0]


# Quirks of real servers (numbers as in the table of quirks)


QUIRKS = {
    "1 no terminal event, done carries an object": stream(
        STARTED,
        ("thread.message.delta", delta("Hello")),
        ("thread.run.in_progress", run("in_progress")),
        ("done", {"status": "ok"}),
    ),
    "2 the stream simply ends": stream(STARTED, ("thread.message.delta", delta("Hello"))),
    "4 the name is around the data": b"".join(
        sse({"event": name, "data": data})
        for name, data in [
            STARTED,
            ("thread.message.delta", delta("Hello ")),
            ("thread.message.delta", delta("you")),
            ("thread.run.completed", run("completed")),
        ]
    ),
    "4 the name is only in the data": sse(run("queued"))
    + sse(delta("Hello "))
    + sse(delta("you"))
    + sse(run("completed")),
    "5 no deltas at all": stream(
        STARTED,
        ("thread.message.completed", whole("Hello you")),
        ("thread.run.completed", run("completed")),
        DONE,
    ),
    "7 the connection drops after run.created": stream(STARTED),
    "10 odd times": stream(
        ("thread.run.created", run("queued", created_at="2026-11-22T10:00:00Z")),
        ("thread.message.completed", whole("Hello you", created_at=1764000000000)),
        ("thread.run.completed", run("completed", created_at=1.5)),
        DONE,
    ),
    "11 text is a string": stream(
        STARTED,
        ("thread.message.delta", delta("", text="Hello ")),
        ("thread.message.delta", delta("", text=[{"value": "you"}])),
        ("thread.run.completed", run("completed")),
        DONE,
    ),
    "11 nulls for lists": stream(
        STARTED,
        (
            "thread.message.delta",
            delta("Hello you", text={"value": "Hello you", "annotations": None}),
        ),
        ("thread.message.completed", whole("Hello you", attachments=None, metadata=None)),
        ("thread.run.completed", run("completed")),
        DONE,
    ),
    "13 an empty message, and the text twice": stream(
        STARTED,
        ("thread.message.created", whole("", "msg_0")),
        ("thread.message.completed", whole("", "msg_0")),
        ("thread.message.delta", delta("Hello you")),
        ("thread.message.completed", whole("Hello you")),
        ("thread.message.completed", whole("Hello you", "msg_b")),
        ("thread.run.completed", run("completed")),
        DONE,
    ),
    "15 CRLF, comments, ids": stream(
        STARTED,
        ("thread.message.delta", delta("Hello ")),
        ("thread.message.delta", delta("you")),
        ("thread.run.completed", run("completed")),
        DONE,
    )
    .replace(b"\n\n", b"\n\n: ping\nid: 7\n\n")
    .replace(b"\n", b"\r\n"),
    "unknown events": stream(
        STARTED,
        ("thread.run.step.delta", {"id": "s"}),
        ("thread.surprise", {"x": 1}),
        ("thread.message.delta", delta("Hello you")),
        ("thread.run.completed", run("completed")),
        DONE,
    ),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_reply_is_whole_and_shown_once_whatever_the_server_does(home, threads, quirk):
    home.use_threads(threads)
    threads.replies.append(Reply(raw=QUIRKS[quirk], words=["Hello ", "you"]))
    out, err = home.run("ask", "Hi")
    assert out == "Hello you\n"
    assert len(err.splitlines()) <= 1


@pytest.mark.parametrize(
    ("name", "claim", "code"),
    [
        ("thread.run.completed", run("incomplete", incomplete_details={"reason": "max_prompt_tokens"}), 6),
        ("thread.run.completed", run("requires_action", required_action={"type": "submit_tool_approval", "submit_tool_approval": {"tool_calls": [{"id": "c", "type": "mcp", "name": "search", "arguments": "{}"}]}}), 6),
        ("thread.run.failed", run("in_progress", last_error={"code": "x", "message": "broken"}), 1),
    ],
    ids=["3 completed but incomplete", "3 completed but requires_action", "3 failed but in_progress"],
)  # fmt: skip
def test_a_name_that_contradicts_its_status_is_not_believed(home, threads, name, claim, code):
    home.use_threads(threads)
    threads.replies.append(
        Reply(raw=stream(STARTED, ("thread.message.delta", delta("Part")), (name, claim), DONE))
    )
    assert home.run("ask", "Hi", code=code)[0] == "Part\n"


def test_6_a_stream_answered_with_plain_json_is_polled(home, threads):
    home.use_threads(threads)
    threads.polls_left = 2
    threads.replies.append(
        Reply(raw=b"RUN", words=["Hello ", "you"], content_type="application/json")
    )
    threads.played = lambda thread, found, raw: iter([json.dumps(found).encode()])
    assert home.run("ask", "Hi")[0] == "Hello you\n"


def test_7_a_run_that_stays_queued_is_given_up_with_what_the_server_holds(home, threads):
    home.use_threads(threads, timeout="1")
    home.configure(home.config.read_text().replace('timeout = "1"', "timeout = 1"))
    threads.polls_left = 10_000
    threads.replies.append(Reply(raw=stream(STARTED)))
    err = home.run("ask", "Hi", code=7)[1]
    assert "is still queued after 1 s" in err
    threads.polls_left = 0
    assert follow(home, err)[0] == ["threads", "recover", "thread_1"]


@pytest.mark.parametrize(
    "body",
    [
        {"code": "server_error", "message": "it broke"},
        {"error": {"code": "server_error", "message": "it broke"}},
    ],
    ids=["8 flat", "nested"],
)
def test_8_an_error_event_is_an_error_and_the_thread_is_not_left_locked(home, threads, body):
    home.use_threads(threads)
    threads.replies.append(
        Reply(raw=stream(STARTED, ("thread.message.delta", delta("Part")), ("error", body)))
    )
    out, err = home.run("ask", "Hi", code=7)
    assert (out, err) == ("Part\n", "asstctl: the run failed: it broke (server_error)\n")
    assert threads.active("thread_1") is None


class Repeating(ThreadsServer):
    """9: a list that ignores `after` and `limit`, and says nothing of more."""

    def page(self, found, query):
        return {"data": found, "has_more": None}


def test_9_a_list_that_repeats_itself_ends(home):
    with Repeating() as server:
        home.use_threads(server)
        server.new_thread()
        for n in range(150):
            server.say("thread_1", "user", str(n))
        home.run("threads", "add", "thread_1")
        assert [m["text"] for m in history(home)] == [str(n) for n in range(150)]


def test_12_tool_calls_are_listed_once_whatever_their_ids_do(home, threads):
    home.use_threads(threads)
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": f"f{n}", "arguments": "{}"}}
        for n in range(2)
    ]
    steps = [
        (
            "thread.run.step.delta",
            {"id": "s", "delta": {"step_details": {"tool_calls": [{"index": 0, "id": f"new{n}"}]}}},
        )
        for n in range(3)
    ]
    waits = run(
        "requires_action",
        required_action={
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": calls},
        },
    )
    threads.replies.append(
        Reply(raw=stream(STARTED, *steps, ("thread.run.requires_action", waits), DONE))
    )
    out, _ = home.run("ask", "-o", "json", "Hi", code=6)
    assert [json.loads(line)["name"] for line in out.splitlines() if '"ToolCall"' in line] == [
        "f0",
        "f1",
    ]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (Reply(status=400, body={"detail": "plain detail"}), 1, "plain detail"),
        (Reply(status=502, body=b"text only", content_type="text/plain"), 7, "text only"),
        (Reply(status=403, body=b""), 4, "forbidden"),
    ],
    ids=["detail", "text", "empty"],
)
def test_14_errors_in_any_shape_are_shown(home, threads, answer, code, words):
    home.use_threads(threads)
    threads.replies.append(answer)
    assert words in home.run("ask", "Hi", code=code)[1]


def test_14_a_thread_that_is_null_is_not_found_and_a_slash_is_followed(home, threads):
    home.use_threads(threads)
    real = threads.answer

    def odd(request):
        path = request.path.partition("?")[0]
        if request.method == "GET" and path.endswith("/messages"):
            return Reply(
                status=307, headers={"location": request.path.replace("/messages", "/messages/")}
            )
        if path.endswith("/messages/"):
            return Reply(body=b"null")
        return real(request)

    threads.answer = odd
    assert "answered null" in home.run("threads", "add", "thread_none12", code=5)[1]


def test_16_17_the_servers_order_is_kept(home, threads):
    home.use_threads(threads)
    threads.new_thread()
    for text, seconds in (("hello", 0), ("answer", 2), ("question", 1), ("answer", 3)):
        threads.say("thread_1", "user", text)["created_at"] = NOW + seconds
    home.run("threads", "add", "thread_1")
    assert [m["text"] for m in history(home)] == ["hello", "answer", "question", "answer"]


# Cuts


@pytest.mark.parametrize("cut", [0, 60, 400, 900, 1300, 1700])
def test_a_cut_stream_is_completed_from_what_the_service_holds(home, threads, cut):
    home.use_threads(threads)
    text = "One two three four five six seven eight nine ten. " * 3
    threads.replies.append(Reply(text, cut=cut))
    out, _ = home.run("ask", "Hi", code=None)
    assert out in (f"{text}\n", "")
    if out:
        assert said(threads) == ["Hi", text]


def test_a_stalled_stream_is_completed_too(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply("One two three", stall=3))
    out, err = home.run("ask", "--timeout", "1", "Hi")
    assert out == "One two three\n"
    assert "asking for the rest" in err


def test_a_request_to_a_new_thread_that_got_no_answer_is_not_repeated(home, threads):
    home.use_threads(threads)
    real = threads.answer
    threads.answer = lambda request: (real(request), time.sleep(3))[0]
    err = home.run("ask", "--timeout", "1", "Hi", code=7)[1]
    assert "a new thread may exist at 127.0.0.1" in err
    assert threads.posts() == ["/threads/runs"]


def test_a_request_to_an_old_thread_that_got_no_answer_is_looked_for(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    real = threads.answer

    def slow(request):
        reply = real(request)
        if request.method == "POST":
            time.sleep(3)
        return reply

    threads.answer = slow
    assert home.run("ask", "-c", "--timeout", "1", "Two")[0] == "You said: Two (3)\n"
    assert said(threads, "user") == ["One", "Two"]


# Leaving


def test_ctrl_c_cancels_the_run_and_waits_for_its_end(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply("word " * 200, delay=0.05))
    process = home.start("ask", "Count")
    process.stdout.read(10)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=20)[1]
    assert (process.returncode, err) == (130, b"")
    assert threads.runs["thread_1"][0]["status"] == "cancelled"
    assert home.run("ask", "-c", "Next")[0].startswith("You said: Next")


def test_sigterm_and_a_closed_pipe_cancel_the_run_too(home, threads):
    home.use_threads(threads)
    threads.replies += [Reply("word " * 200, delay=0.05), Reply("word \n" * 200, delay=0.05)]
    process = home.start("ask", "Count")
    process.stdout.read(10)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert threads.runs["thread_1"][0]["status"] == "cancelled"
    process = home.start("ask", "Count")
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.wait(timeout=20) == 141
    assert threads.runs["thread_2"][0]["status"] == "cancelled"


def test_ctrl_c_before_the_run_has_an_id_cancels_it_on_an_old_thread(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    real = threads.answer

    def slow(request):
        reply = real(request)
        if request.method == "POST" and request.path.partition("?")[0].endswith("/runs"):
            time.sleep(2)
        return reply

    threads.answer = slow
    process = home.start("ask", "-c", "Two")
    while len(threads.asked("/runs")) < 2:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert threads.active("thread_1") is None


def test_ctrl_c_before_a_new_thread_has_an_id_says_that_it_may_exist(home, threads):
    home.use_threads(threads)
    real = threads.answer
    threads.answer = lambda request: (real(request), time.sleep(2))[0]
    process = home.start("ask", "One")
    while not threads.requests:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"a new thread may exist at 127.0.0.1" in err


def test_in_a_chat_ctrl_c_cancels_the_run_and_the_thread_goes_on(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply("one two " * 100, delay=0.1))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Count\r")
        screen.wait_for("one two one")
        screen.type("\x03")
        screen.wait_for("stopped")
        screen.wait_for_prompt()
        screen.type("Next\r")
        screen.wait_for("You said: Next")
        screen.wait_for_prompt()
        screen.type("\x04")
        assert screen.end() == 0
    assert [r["status"] for r in threads.runs["thread_1"]] == ["cancelled", "completed"]


# A locked thread


@pytest.fixture
def locked(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    threads.runs["thread_1"].append(
        {
            "id": "run_other",
            "thread_id": "thread_1",
            "status": "in_progress",
            "reply": "late",
            "created_at": NOW,
        }
    )
    threads.requests.clear()
    return home


def test_an_active_run_is_named_with_what_can_be_done(locked, threads):
    err = locked.run("ask", "-c", "Three", code=1)[1]
    assert "thread_1 already has an active run run_other" in err
    assert (
        "hint: --wait waits for its end, --cancel-active cancels it, as does: asstctl threads unlock"
        " thread_1\n" in err
    )
    assert (
        json.loads(locked.run("threads", "show", "@last", "-o", "json")[0])["active_run"]
        == "run_other"
    )


def test_wait_waits_for_its_end(locked, threads):
    threads.polls_left = 2
    out, err = locked.run("ask", "-c", "--wait", "Three")
    assert out.startswith("You said: Three")
    assert "waiting for the run run_other" in err
    assert [r["status"] for r in threads.runs["thread_1"]] == ["completed"] * 4


def test_cancel_active_cancels_it(locked, threads):
    assert locked.run("ask", "-c", "--cancel-active", "Three")[0].startswith("You said: Three")
    assert [r["status"] for r in threads.runs["thread_1"]] == [
        "completed",
        "completed",
        "cancelled",
        "completed",
    ]


def test_unlock_cancels_the_run_or_waits_for_it(locked, threads):
    assert locked.run("threads", "unlock", "@last")[1] == "asstctl: run_other is cancelled\n"
    assert locked.run("threads", "unlock", "@last")[1] == "asstctl: thread_1 is not locked\n"
    threads.runs["thread_1"].append(
        {
            "id": "run_third",
            "thread_id": "thread_1",
            "status": "queued",
            "reply": "late",
            "created_at": NOW,
        }
    )
    assert (
        locked.run("threads", "unlock", "--wait", "@last")[1] == "asstctl: run_third is completed\n"
    )


def test_wait_and_cancel_active_exclude_each_other(locked):
    assert (
        "exclude each other" in locked.run("ask", "-c", "--wait", "--cancel-active", "x", code=2)[1]
    )


# Citations, images, files


CITED = [
    ("thread.message.delta", delta("See 【4:")), ("thread.message.delta", delta("0†sou")), ("thread.message.delta", delta("rce】 and 【5:1†notes.txt】, 【中文】")),
    ("thread.message.delta", delta("", text={"value": "", "annotations": [{"type": "file_citation", "text": "【4:0†source】", "file_citation": {"file_id": "file-abc"}}]})),
    ("thread.message.delta", delta("", text={"value": ".", "annotations": [{"type": "url_citation", "text": "【4:0†source】", "url_citation": {"url": "http://x.y", "title": "T"}}]})),
    ("thread.run.completed", run("completed")), DONE,
]  # fmt: skip


def test_citation_markers_become_numbers_and_the_sources_follow(home, threads):
    home.use_threads(threads)
    threads.replies += [Reply(raw=stream(STARTED, *CITED)), Reply(raw=stream(STARTED, *CITED))]
    assert (
        home.run("ask", "Hi")[0]
        == "See [1] and [2], 【中文】.\n\n[1] T http://x.y\n[2] notes.txt\n"
    )
    events = [json.loads(line) for line in home.run("ask", "-o", "json", "Hi")[0].splitlines()]
    assert (
        "".join(e["text"] for e in events if e["event"] == "TextDelta")
        == "See 【4:0†source】 and 【5:1†notes.txt】, 【中文】."
    )
    assert [
        (e.get("id"), e.get("title"), e.get("url")) for e in events if e["event"] == "Citation"
    ] == [("file-abc", None, None), (None, "T", "http://x.y")]


def test_images_and_files_are_visible_placeholders(home, threads):
    home.use_threads(threads)
    image = {
        "id": "msg_a",
        "delta": {
            "content": [{"index": 0, "type": "image_file", "image_file": {"file_id": "file-img"}}]
        },
    }
    events = stream(
        STARTED,
        ("thread.message.delta", image),
        ("thread.message.delta", delta("A chart.", index=1)),
        ("thread.run.completed", run("completed")),
        DONE,
    )
    threads.replies.append(Reply(raw=events))
    assert "[image file-img]" in home.run("ask", "Hi")[0]
    threads.say("thread_1", "assistant", "x")["content"] = [
        {"type": "image_file", "image_file": {"file_id": "file-img"}}
    ]
    assert "[image file-img]" in home.run("threads", "history")[0]


def test_two_messages_of_one_reply_stand_apart(home, threads):
    home.use_threads(threads)
    events = stream(
        STARTED,
        ("thread.message.delta", delta("First.")),
        ("thread.message.delta", delta("Second.", "msg_b")),
        ("thread.run.completed", run("completed")),
        DONE,
    )
    threads.replies.append(Reply(raw=events))
    assert home.run("ask", "Hi")[0] == "First.\n\nSecond.\n"


# Threads


def test_new_show_history_delete_from_the_command_line(home, threads):
    home.use_threads(threads)
    out, err = home.run("threads", "new", "--name", "trip", "--metadata", "a=b")
    assert (out, err) == ("thread_1\n", "")
    assert threads.metadata["thread_1"] == {"a": "b"}
    home.run("ask", "-t", "trip", "Hello")
    facts = json.loads(home.run("threads", "show", "trip", "-o", "json")[0])
    assert (facts["messages"], facts["active_run"], facts["metadata"]) == (2, None, {"a": "b"})
    assert facts["endpoint"] == threads.url.rstrip("/")
    assert [m["text"] for m in history(home)] == ["Hello", "You said: Hello (1)"]
    home.run("threads", "delete", "-y", "trip")
    assert threads.threads == {}
    assert home.run("threads", "list", "-q")[0] == ""


def test_history_is_every_page_oldest_first(home, threads):
    home.use_threads(threads)
    threads.new_thread()
    for n in range(250):
        threads.say("thread_1", "assistant" if n % 2 else "user", f"message {n}")
    assert "added thread_1 (message 0)" in home.run("threads", "add", "thread_1")[1]
    threads.requests.clear()
    assert [m["text"] for m in history(home)] == [f"message {n}" for n in range(250)]
    assert len(threads.requests) == 3
    threads.requests.clear()
    out = home.run("threads", "history", "--last", "3", "-o", "jsonl")[0]
    assert [json.loads(line)["text"] for line in out.splitlines()] == [
        "message 247",
        "message 248",
        "message 249",
    ]
    assert len(threads.requests) == 1
    assert (
        len(home.run("threads", "history", "--last", "150", "-o", "jsonl")[0].splitlines()) == 150
    )


def test_delete_keeps_the_thread_on_the_server_if_asked(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    assert (
        home.run("threads", "delete", "--keep-remote", "@last")[1] == "asstctl: forgot thread_1\n"
    )
    assert "thread_1" in threads.threads


def test_an_unknown_full_id_is_looked_for_and_adopted(home, threads):
    home.use_threads(threads)
    threads.threads["thread_elsewhere"] = []
    threads.runs["thread_elsewhere"], threads.metadata["thread_elsewhere"] = [], {}
    assert home.run("ask", "-t", "thread_elsewhere", "Hi")[0] == "You said: Hi (1)\n"
    assert home.run("threads", "list", "-q")[0] == "thread_elsewhere\n"
    assert "No thread found" in home.run("ask", "-t", "thread_nowhere", "Hi", code=5)[1]


def test_a_thread_of_another_endpoint_is_refused_with_both_named(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    with ThreadsServer() as other:
        home.use_threads(other)
        err = home.run("ask", "-c", "Two", code=3)[1]
        assert threads.origin in err
        assert other.origin in err
        assert not other.requests


def test_recover_gives_the_last_reply_whole(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    assert home.run("threads", "recover", "@last") == ("You said: One (1)\n", "")


@pytest.mark.parametrize("host", ["https://api.openai.com/v1", "https://thing.openai.azure.com"])
def test_a_404_of_a_retired_service_tells_the_truth(host):
    from asstctl.backends import assistants
    from asstctl.wire.refusals import Refusal

    name = host.partition("//")[2].partition("/")[0]
    error = assistants.retired(name, Refusal("x", {}, 404))
    assert "was retired on 2026-08-26" in error.message
    assert error.hint
    assert error.exit_code == 5
    assert assistants.retired(name, Refusal("x", {}, 400)) is None
    assert assistants.retired("thing.services.ai.azure.com", Refusal("x", {}, 404)) is None


def test_without_a_store_the_threads_wire_works_and_says_that_nothing_is_remembered(home, threads):
    home.use_threads(threads)
    home.data.parent.mkdir(parents=True)
    home.data.write_text("a file where a folder should be")
    out, err = home.run("ask", "Hello")
    assert out == "You said: Hello (1)\n"
    assert "nothing is remembered" in err
    assert (
        "can't use the store"
        in home.run("-p", "local", "ask", "Hello", code=1, ASSTCTL_NO_DOWNLOAD="1")[1]
    )


# Retries


def test_429_is_tried_again_visibly_and_as_long_as_the_service_asks(home, threads):
    home.use_threads(threads)
    threads.replies += [
        Reply(status=429, body={"error": {"message": "slow"}}, headers={"retry-after": "0.3"}),
        error(429, "slow"),
    ]
    out, err = home.run("ask", "Hello")
    assert out == "You said: Hello (1)\n"
    assert "trying again in 0.3 s" in err
    assert len(threads.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        error(401, "bad key"),
        error(403, "no"),
        error(502, "oops"),
        error(503, "busy"),
        Reply(
            status=429,
            body={
                "error": {
                    "message": "You exceeded your current quota",
                    "code": "insufficient_quota",
                }
            },
        ),
    ],
    ids=[401, 403, 502, 503, "quota"],
)
def test_what_may_have_been_accepted_or_never_will_be_is_not_repeated(home, threads, answer):
    home.use_threads(threads)
    threads.replies.append(answer)
    home.run("ask", "Hello", code=None)
    assert threads.posts() == ["/threads/runs"]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (Reply(gone=True), 7, "no answer from"),
        (Reply(gone=True, reset=True), 7, "no answer from"),
        (Reply(body=b"<html>", content_type="text/html"), 1, "not JSON"),
        (Reply(body=b"{no"), 1, ""),
        (
            Reply(status=307, body={}, headers={"location": "http://127.0.0.2:9/"}),
            3,
            "redirects to",
        ),
        (error(500, "Oh no"), 7, "Oh no (HTTP 500)"),
    ],
)
def test_whatever_goes_wrong_while_deleting_is_one_line_and_the_thread_is_kept(
    home, threads, wrong, code, words
):
    home.use_threads(threads)
    home.run("ask", "Hello")
    threads.before = lambda _: wrong
    err = home.run("threads", "delete", "-y", "@last", code=code)[1]
    assert words in err
    assert "unexpected" not in err
    said = [line for line in err.splitlines() if "; trying again in" not in line]
    assert len(said) <= 2
    assert home.run("threads", "list", "-q")[0] == "thread_1\n"


def test_nobody_there_while_deleting_is_said_at_once(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    home.run("config", "set", "endpoint", "http://127.0.0.1:9")
    with sqlite3.connect(home.data / "threads.db") as db:
        db.execute("UPDATE threads SET endpoint = 'http://127.0.0.1:9'")
    db.close()
    err = home.run("threads", "delete", "-y", "@last", code=7, timeout=20)[1]
    assert err.startswith("asstctl: can't connect to 127.0.0.1:9")


def test_a_run_that_takes_a_while_to_be_cancelled_is_waited_for(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    run = threads.runs["thread_1"][0]
    run |= {"status": "in_progress", "will_complete": False}
    threads.polls_left = 3
    assert home.run("threads", "unlock", "@last")[1] == f"asstctl: {run['id']} is cancelled\n"


def test_a_cut_stream_of_a_run_that_waits_for_answers_shows_its_calls(home, threads):
    home.use_threads(threads)
    threads.replies.append(Reply(raw=stream(STARTED)))
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    wanted = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}

    def after(request, reply):
        if (
            request.method == "GET"
            and "/runs/" in request.path
            and reply.body["status"] != "cancelled"
        ):
            threads.runs["thread_1"][0] |= {"status": "requires_action", "required_action": wanted}
        return reply

    threads.after = after
    started = time.monotonic()
    err = home.run("ask", "--timeout", "20", "Hi", code=6)[1]
    assert time.monotonic() - started < 10
    assert "tool call call_1: weather({})" in err
    assert "the run was cancelled" in err
