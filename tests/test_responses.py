"""Conversations + Responses through the program: events, ends, cuts, cancelling, chains."""

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from tests.hints import follow
from tests.responses_server import ResponsesServer, event
from tests.servers import Reply, error, sse
from tests.terminal import Screen


@pytest.fixture
def resource():
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as running:
        yield running


def created(**facts):
    return event("created", 0, {"response": {"id": "RESP", "status": "in_progress", **facts}})


def ended(status, number=9, **facts):
    return event(status, number, {"response": {"id": "RESP", "status": status, **facts}})


def delta(words, number=1, **where):
    return event("output_text.delta", number, {"output_index": 0, "delta": words, **where})


def message(text, **facts):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_9", "type": "message", "role": "assistant", "content": content, **facts}


def history(home, *words):
    out = home.run("threads", "history", "-o", "jsonl", *words)[0]
    return [(m["role"], m["text"], m["status"]) for m in map(json.loads, out.splitlines())]


def posted(responses, path="/responses"):
    return [r.body for r in responses.asked(path) if r.method == "POST"]


def test_openai_needs_a_key_and_a_model_and_names_both(home):
    err = home.run("ask", "x", code=3, ASSTCTL_BACKEND="responses")[1]
    assert "variable OPENAI_API_KEY" in err
    assert "model (variable ASSTCTL_MODEL" in err


def test_a_prompt_makes_a_conversation_and_is_one_request_from_then_on(home, responses):
    home.use_threads(responses, instructions="Be brief.")
    assert home.run("ask", "Hello") == ("You said: Hello (1)\n", "")
    assert home.run("ask", "-c", "Again") == ("You said: Again (3)\n", "")
    posts = [r.path for r in responses.requests if r.method == "POST"]
    assert posts == ["/v1/conversations", "/v1/responses", "/v1/responses"]
    assert len(responses.requests) == 3
    body = posted(responses)[1]
    assert body["conversation"] == "conv_000001"  # an object is refused by some
    assert (body["model"], body["instructions"]) == ("test", "Be brief.")
    assert (body["truncation"], body["background"], body["stream"]) == ("auto", True, True)
    assert home.run("threads", "list", "-q")[0] == "conv_000001\n"
    assert [m[:2] for m in history(home)] == [
        ("user", "Hello"),
        ("assistant", "You said: Hello (1)"),
        ("user", "Again"),
        ("assistant", "You said: Again (3)"),
    ]
    shown = json.loads(home.run("threads", "show", "@last", "-o", "json")[0])
    assert (shown["messages"], shown["active_run"]) == (4, None)


def test_tools_and_other_settings_go_along_as_they_are(home, responses):
    home.use_threads(responses)
    home.run("config", "set", "tools", '[{"type": "web_search", "filters": {"n": [1]}}]')
    home.run("config", "set", "reasoning_summary", "auto")
    home.run("config", "set", "truncation", "disabled")
    home.run("ask", "Hello")
    body = posted(responses)[0]
    assert body["tools"] == [{"type": "web_search", "filters": {"n": [1]}}]
    assert (body["reasoning"], body["truncation"]) == ({"summary": "auto"}, "disabled")
    assert json.loads(home.run("config", "get", "tools")[0]) == body["tools"]
    home.run("config", "set", "instructions", "Later keys stay at the top.")
    home.run("ask", "Hello")
    assert posted(responses)[1]["instructions"].startswith("Later")


@pytest.mark.parametrize("version", [None, "3"])
def test_a_foundry_agent_is_named_by_reference_and_brings_the_rest(home, version):
    class Project(ResponsesServer):
        form = "project"

    with Project() as server:
        server.agents["helper"] = {"id": "helper", "name": "helper"}
        settings = {"agent": "helper"} | ({"agent_version": version} if version else {})
        home.use_threads(server, **settings)
        home.run("config", "unset", "model")
        assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"
    body = posted(server)[0]
    reference = {"type": "agent_reference", "name": "helper"}
    assert body["agent_reference"] == reference | ({"version": version} if version else {})
    assert not {"model", "instructions", "tools", "truncation"} & set(body)


# Events


def play(home, responses, *stream, **settings):
    responses.replies.append(Reply(raw=b"".join(stream)))
    home.use_threads(responses, **settings)


def test_a_refusal_is_printed_and_said(home, responses):
    refusal = event("refusal.delta", 1, {"output_index": 0, "delta": "I won't."})
    play(home, responses, created(), refusal, ended("completed"))
    assert home.run("ask", "x") == ("I won't.\n", "asstctl: the model refuses\n")


def test_reasoning_is_shown_on_stderr_where_it_is_asked_for(home, responses):
    stream = [
        created(),
        event("reasoning_summary_text.delta", 1, {"output_index": 0, "delta": "Hm."}),
        event("reasoning_summary_text.done", 2, {"output_index": 0, "text": "Hm."}),
        delta("Yes", 3),
        ended("completed"),
    ]
    play(home, responses, *stream)
    assert home.run("ask", "x") == ("Yes\n", "")
    play(home, responses, *stream)
    out, err = home.run("ask", "--show-reasoning", "x")
    assert (out, err.strip()) == ("Yes\n", "Hm.")


WORK = (
    {"type": "web_search_call", "action": {"query": "sky"}},
    {
        "type": "file_search_call",
        "queries": ["blue"],
        "results": [{"file_id": "f", "filename": "a.pdf", "text": "The sky\nis blue"}],
    },
    {
        "type": "code_interpreter_call",
        "code": "for n in range(2):\n    print(n)",
        "outputs": [{"type": "logs", "logs": "0\n1\n"}, {"type": "image", "url": "https://x/i"}],
    },
    {"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "output": "5"},
    {"type": "reasoning", "summary": []},
    {"type": "novel_call", "action": {"what": 1}},
)
"""Items of the server's own tools."""

TOLD = (
    "web search: sky",
    "file search: blue (1 result)",
    "code interpreter: 2 lines of code, 2 lines of output, 1 image",
    "tool call t4: s.f({})",
    "tool result t4: 5",
    'novel call {"what": 1}',
)


def test_the_work_of_each_tool_is_one_line_and_whole_in_json_and_history(home, responses):
    items = [{"id": f"t{n}", **item} for n, item in enumerate(WORK, 1)]

    def done(number, item):
        facts = {"output_index": number, "item": item}
        return event("output_item.done", number + 1, facts)

    stream = [done(n, item) for n, item in enumerate(items)]
    output = [*items, message("Yes")]
    for words in (("ask", "x"), ("ask", "-o", "json", "x")):
        play(home, responses, created(), *stream, ended("completed", output=output))
        out, err = home.run(*words)
        if "json" in words:
            events = [json.loads(line) for line in out.splitlines()]
        else:
            assert out == "Yes\n"
            assert err.splitlines() == [f"asstctl: {line}" for line in TOLD]
    [code] = [e for e in events if e["event"] == "Code"]
    assert code["code"] == WORK[2]["code"]
    assert [output["type"] for output in code["outputs"]] == ["Text", "Image"]
    [search] = [e for e in events if e["event"] == "Search" and e["kind"] == "file_search"]
    assert search["results"] == [{"id": "f", "title": "a.pdf", "quote": "The sky\nis blue"}]
    names = [e["event"] for e in events]
    assert names.count("ToolCall") == names.count("ToolResult") == 1


def test_annotations_become_footnotes(home, responses):
    def note(number, **facts):
        where = {"output_index": 0, "annotation": facts}
        return event("output_text.annotation.added", number, where)

    text = "Blue【4:0†source】 and red."
    page = {"type": "url_citation", "url": "https://a.example", "title": "A"}
    play(
        home,
        responses,
        created(),
        delta(text),
        note(2, **page, start_index=4, end_index=16),
        note(3, type="file_citation", file_id="file_1", filename="b.pdf", index=20),
        note(4, type="file_citation", file_id="file_1", filename="b.pdf", index=22),
        ended("completed"),
    )
    assert home.run("ask", "x")[0] == (
        "Blue[1] and red.\n\n[1] A https://a.example\n[2] b.pdf file_1\n"
    )


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (ended("completed"), 0, ""),
        (
            ended("incomplete", incomplete_details={"reason": "max_output_tokens"}),
            6,
            "the reply reached the model's limit of length (max_output_tokens)",
        ),
        (
            ended("incomplete", incomplete_details={"reason": "content_filter"}),
            6,
            "the service's content filter ended the reply (content_filter)",
        ),
        (
            ended("incomplete", incomplete_details={"reason": "steered"}),
            6,
            "the service ended the reply early (steered)",
        ),
        (
            ended("failed", error={"code": "server_error", "message": "Oh no."}),
            7,
            "the response failed: Oh no (server_error)",
        ),
        (ended("cancelled"), 6, "the response resp_1 ended as cancelled"),
        (
            sse({"type": "error", "code": "rate_limit_exceeded", "message": "Slow down"}),
            7,
            "the response failed: Slow down (rate_limit_exceeded)",
        ),
        (
            sse({"error": {"code": "boom", "message": "Nested"}}),
            1,
            "the response failed: Nested (boom)",
        ),
        (  # the name says one thing, the status another
            event("completed", 9, {"response": {"id": "RESP", "status": "incomplete"}}),
            6,
            "the service ended the reply early",
        ),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_each_end_has_its_exit_code_and_one_line(home, responses, end, code, words):
    play(home, responses, created(), delta("part"), end)
    out, err = home.run("ask", "x", code=code)
    assert out == "part\n"
    assert err == (f"asstctl: {words}\n" if words else "")


QUIRKS = {
    "4 the name is in the data": [
        sse({"type": "response.created", "response": {"id": "RESP", "status": "in_progress"}}),
        sse({"type": "response.output_text.delta", "delta": "All of it"}),
        sse({"type": "response.completed", "response": {"id": "RESP", "status": "completed"}}),
    ],
    "5 no deltas": [created(), ended("completed", output=[message("All of it")])],
    "5 half in deltas": [
        created(),
        delta("All "),
        ended("completed", output=[message("All of it")]),
    ],
    "13 another place in the end": [
        created(),
        delta("All of it"),
        ended("completed", output=[{"type": "reasoning", "id": "r"}, message("All of it")]),
    ],
    "13 told four times": [
        created(),
        delta("All of it"),
        event("output_text.done", 2, {"output_index": 0, "text": "All of it"}),
        event("output_item.done", 3, {"output_index": 0, "item": message("All of it")}),
        ended("completed", output=[message("All of it")]),
    ],
    "15 comments and CRLF": [
        b": hello\r\n\r\n",
        created().replace(b"\n", b"\r\n"),
        delta("All of it").replace(b"\n", b"\r\n"),
        ended("completed").replace(b"\n", b"\r\n"),
    ],
    "unknown events": [
        created(),
        event("never.heard.of", 1, {"x": []}),
        delta("All of it", 2),
        ended("completed"),
    ],
    "an end mark all the same": [created(), delta("All of it"), ended("completed"), sse("[DONE]")],
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_reply_is_whole_and_shown_once_whatever_the_server_does(home, responses, quirk):
    play(home, responses, *QUIRKS[quirk])
    assert home.run("ask", "x") == ("All of it\n", "")


def test_6_a_stream_answered_with_plain_json_is_read(home, responses):
    body = {"id": "resp_7", "object": "response", "status": "completed"}
    responses.replies.append(Reply(body={**body, "output": [message("All of it")]}))
    home.use_threads(responses)
    assert home.run("ask", "x") == ("All of it\n", "")


def test_a_call_that_nobody_answers_is_shown_and_the_conversation_goes_on(home, responses):
    call = {
        "id": "fc_1",
        "type": "function_call",
        "call_id": "call_1",
        "name": "get_weather",
        "arguments": '{"city": "Ulm"}',
    }
    item = event("output_item.done", 1, {"output_index": 0, "item": call})
    play(home, responses, created(), item, ended("completed", output=[call]))
    out, err = home.run("ask", "x", code=6)
    assert out == ""
    assert err.splitlines() == [
        'asstctl: tool call call_1: get_weather({"city": "Ulm"})',
        'asstctl: the model calls get_weather({"city": "Ulm"}), and nothing here answers: it was told so',
    ]
    (answer,) = posted(responses, "/items")[0]["items"]
    assert (answer["type"], answer["call_id"]) == ("function_call_output", "call_1")


def test_every_item_of_a_conversation_is_in_its_history(home, responses):
    home.use_threads(responses)
    home.run("ask", "Hello")
    responses.conversations["conv_000001"] += [
        {
            "id": "i1",
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "file_id": "file_1"},
                {"type": "input_file", "file_id": "file_2", "filename": "a.pdf"},
            ],
        },
        {"id": "i2", "type": "reasoning", "summary": []},
        {"id": "i3", "type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {"id": "i4", "type": "function_call_output", "call_id": "c", "output": "5"},
        {"id": "i5", "type": "web_search_call", "action": {"query": "q"}},
        {"id": "i6", "type": "message", "role": "developer", "content": "Be kind."},
        message("No", content=[{"type": "refusal", "refusal": "No."}], status="incomplete"),
    ]
    out = home.run("threads", "history", "--last", "7")[0]
    for line in (
        "[image file_1]",
        "[file file_2 a.pdf]",
        "[call] f({})",
        "[result] 5",
        "[web search] q",
        "developer:\nBe kind.",
        "[refused] No.",
    ):
        assert f"\n{line}\n" in out
    assert "assistant, cut off:" in out
    assert len(history(home)) == 9


# Fields that a server does not take


def test_a_server_without_background_replies_is_served_in_the_foreground_and_remembered(
    home, responses
):
    responses.refuses["background"] = "Unknown parameter: 'background'."
    home.use_threads(responses)
    out, err = home.run("ask", "Hello")
    assert out == "You said: Hello (1)\n"
    assert "takes no background: a reply that is stopped or cut may be missing" in err
    assert home.run("ask", "-c", "Again") == ("You said: Again (3)\n", "")
    assert ["background" in body for body in posted(responses)] == [True, False, False]


def test_a_refusal_of_something_else_is_not_taken_for_one_of_a_field(home, responses):
    home.use_threads(responses, model="other")
    err = home.run("ask", "Hello", code=1)[1]
    assert "The requested model 'other' does not exist. (HTTP 400)" in err
    assert len(posted(responses)) == 1


# A conversation in use


def test_a_conversation_in_use_is_tried_again_visibly(home, responses):
    home.use_threads(responses)
    responses.locked = 1
    out, err = home.run("ask", "Hello")
    assert out == "You said: Hello (1)\n"
    assert err == (
        "asstctl: Another process is currently operating on this conversation;"
        " trying again in 0.5 s\n"
    )
    assert history(home)[0][1] == "Hello"
    assert len(history(home)) == 2


def test_a_conversation_that_stays_in_use_is_given_up_in_time(home, responses):
    home.use_threads(responses)
    responses.locked = 1000
    err = home.run("ask", "--timeout", "2", "Hello", code=1)[1].splitlines()
    assert err[-2].startswith("asstctl: Another process is currently operating")
    assert err[-1] == "hint: try again when it has ended"


# Cuts


@pytest.mark.parametrize("cut", [100, 700, 900, 1000, 1100, 1500])
def test_a_cut_stream_is_resumed_where_it_stopped(home, responses, cut):
    responses.replies.append(Reply("One two three four", cut=cut))
    home.use_threads(responses)
    if cut == 100:  # before the response has an id
        err = home.run("ask", "Hello", code=7)[1]
        assert "whether conv_000001 holds this prompt is not known" in err
        assert len(posted(responses)) == 1
        return
    out, err = home.run("ask", "Hello")
    assert out == "One two three four\n"
    assert "asking for the rest" in err
    resumed = [r.path for r in responses.requests if "starting_after" in r.path]
    assert len(resumed) == 1
    assert history(home)[-1][1] == "One two three four"


def test_a_stream_that_is_cut_again_and_again_is_completed_by_looking(home, responses):
    responses.replies += [Reply("One two three four", cut=900), *[Reply(cut=20)] * 3]
    home.use_threads(responses)
    out, err = home.run("ask", "Hello")
    assert out == "One two three four\n"
    assert err.count("asking for the rest") == 1
    assert err.count("trying again in") == 2


def test_a_server_that_does_not_resume_is_looked_at(home, responses):
    responses.cant_resume = True
    responses.polls_left = 2
    responses.replies.append(Reply("One two three four", cut=900))
    home.use_threads(responses)
    assert home.run("ask", "Hello")[0] == "One two three four\n"


def test_a_cut_reply_that_the_conversation_never_got_is_shown_and_that_is_said(home, responses):
    responses.ignores_background = True
    responses.replies.append(Reply("One two three four", cut=900))
    home.use_threads(responses)
    out, err = home.run("ask", "Hello")
    assert out == "One two three four\n"
    last = err.splitlines()[-1]
    assert last == "asstctl: conv_000001 does not hold this prompt: it goes on from before it"
    assert history(home) == []


def test_a_response_that_never_ends_is_given_up_with_what_can_be_done(home, responses):
    responses.cant_resume = True
    responses.polls_left = 1000
    responses.replies.append(Reply("One two three four", cut=1300))
    home.use_threads(responses)
    err = home.run("ask", "--timeout", "1", "Hello", code=6)[1].splitlines()
    assert "the response resp_1 is still in_progress after 1 s" in err[-2]
    assert "asstctl threads recover conv_000001" in err[-1]
    responses.polls_left = 0
    follow(home, err[-1])
    assert home.run("threads", "recover", "@last")[0] == "One two three four\n"
    assert len(history(home)) == 2


# Cancelling


def stopped(home, responses, signum):
    responses.replies.append(Reply("word " * 100, delay=0.05))
    process = home.start("ask", "Count")
    assert process.stdout.read(5) == b"word "
    process.send_signal(signum)
    err = process.communicate(timeout=20)[1]
    return process.returncode, err.decode()


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_response_and_says_what_the_thread_holds(
    home, responses, signum, code
):
    home.use_threads(responses)
    assert stopped(home, responses, signum) == (
        code,
        "asstctl: conv_000001 does not hold this prompt: it goes on from before it\n",
    )
    assert responses.responses["resp_1"]["status"] == "cancelled"
    assert home.run("ask", "-c", "Again")[0] == "You said: Again (1)\n"


def test_in_the_foreground_nothing_can_be_cancelled_and_that_is_said(home, responses):
    responses.ignores_background = True
    home.use_threads(responses)
    code, err = stopped(home, responses, signal.SIGINT)
    assert code == 130
    assert err == "asstctl: conv_000001 does not hold this prompt: it goes on from before it\n"
    assert not responses.asked("/cancel")


def test_a_closed_pipe_cancels_the_response(home, responses):
    home.use_threads(responses)
    responses.replies.append(Reply("line\n" * 100, words=["line\n"] * 100, delay=0.02))
    process = home.start("ask", "Count")
    assert process.stdout.readline() == b"line\n"
    process.stdout.close()
    with process.stderr:
        assert process.wait(20) == 141
        assert process.stderr.read() == b""
    assert responses.responses["resp_1"]["status"] == "cancelled"


def test_in_a_chat_ctrl_c_cancels_the_response_and_the_chat_goes_on(home, responses):
    home.use_threads(responses)
    responses.replies.append(Reply("word " * 200, delay=0.05))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Count\r")
        screen.wait_for("word word")
        screen.type("\x03")
        screen.wait_for("does not hold this prompt")
        screen.wait_for_prompt()
        screen.type("Again\r")
        screen.wait_for("You said: Again (1)")
        screen.type("\r")
        assert screen.end() == 0


def test_unlock_cancels_a_reply_that_was_left_behind(home, responses):
    home.use_threads(responses)
    responses.replies.append(Reply("word " * 100, delay=0.05))
    process = home.start("ask", "Count")
    process.stdout.read(5)
    responses.polls_left = 1000
    process.kill()
    process.communicate()
    shown = json.loads(home.run("threads", "show", "@last", "-o", "json")[0])
    assert (shown["messages"], shown["active_run"]) == (0, "resp_1")
    err = home.run("threads", "unlock", "@last")[1]
    assert err == "asstctl: resp_1 is cancelled\n"
    assert (
        home.run("threads", "unlock", "@last")[1]
        == "asstctl: conv_000001 has no active reply that was begun here\n"
    )


# Chains: an Azure OpenAI resource keeps responses, and no conversations


def test_a_resource_without_conversations_chains_its_replies(home, resource):
    home.use_threads(resource)
    assert home.run("ask", "One") == ("You said: One (1)\n", "")
    assert home.run("ask", "-c", "Two") == ("You said: Two (3)\n", "")
    assert "previous_response_id" not in posted(resource)[0]
    assert posted(resource)[1]["previous_response_id"] == "resp_1"
    home.run("ask", "Elsewhere")
    assert len(resource.asked("/conversations")) == 1  # found out once, and remembered
    thread = home.run("threads", "list", "-q")[0].splitlines()[1]
    assert thread.startswith("chain_")
    assert [m[1] for m in history(home, thread)] == [
        "One",
        "You said: One (1)",
        "Two",
        "You said: Two (3)",
    ]
    assert history(home, thread, "--last", "3")[0][1] == "You said: One (1)"


def test_history_says_which_turns_of_a_chain_the_service_no_longer_has(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    del resource.responses["resp_1"]
    assert history(home)[1] == ("assistant", "You said: One (1)", "completed")  # kept here
    with closing(sqlite3.connect(home.data / "threads.db")) as db, db:
        db.execute("DELETE FROM messages WHERE run = 'resp_1'")  # as before it was kept
    out = home.run("threads", "history")[0]
    assert out.startswith("assistant, no longer held by the service:\n\nuser, ")
    assert history(home)[0] == ("assistant", "", "gone")


def test_a_chain_goes_on_from_before_a_reply_that_was_stopped(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    resource.replies.append(Reply("word " * 100, delay=0.05))
    process = home.start("ask", "-c", "Count")
    process.stdout.read(5)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130
    assert "does not hold this prompt: it goes on from before it" in err
    assert home.run("ask", "-c", "Two")[0] == "You said: Two (3)\n"
    assert [m[1] for m in history(home)][::2] == ["One", "Two"]


def test_a_chain_is_deleted_reply_by_reply(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    home.run("threads", "delete", "@last", "-y")
    assert resource.responses == {}
    assert home.run("threads", "list")[0] == ""


def test_deleting_a_conversation_says_what_the_service_keeps(home, responses):
    home.use_threads(responses)
    home.run("ask", "One")
    err = home.run("threads", "delete", "@last", "-y")[1]
    assert err == (
        "asstctl: deleted conv_000001; the service deletes the conversation,"
        " and keeps its items until they expire\n"
    )


def test_a_conversation_made_elsewhere_is_adopted_by_its_id(home, responses):
    home.use_threads(responses)
    made = responses.new_conversation()["id"]
    responses.conversations[made] += [
        responses.item({"type": "message", "role": "user", "content": "Hi"})
    ]
    assert home.run("ask", "-t", made, "Hello")[0] == "You said: Hello (2)\n"
    assert "Hi" in home.run("threads", "list")[0]
    del responses.conversations[made]
    home.run("threads", "delete", "@last", "--keep-remote", "-y")
    assert "not found" in home.run("ask", "-t", made, "Hello", code=5)[1]


# What strangers found


ODD = {
    "usage": {"usage": [5]},
    "usage of words": {"usage": {"input_tokens": "abc"}},
    "details": {"incomplete_details": "max"},
    "output": {"output": 1},
    "output of null": {"output": [None, {"type": "message", "content": 5}]},
}


@pytest.mark.parametrize("odd", ODD)
def test_a_whole_reply_is_whole_whatever_stands_beside_it(home, responses, odd):
    play(home, responses, created(), delta("All"), ended("completed", **ODD[odd]))
    out, err = home.run("ask", "x", code=None)
    assert out == "All\n"
    assert "unexpected" not in err


def test_a_call_that_the_server_answered_itself_waits_for_nobody(home, responses):
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc"}
    output = {"type": "function_call_output", "call_id": "c", "output": "5", "id": "fo"}
    items = [call, output, message("It is 5")]
    play(home, responses, created(), ended("completed", output=items))
    out, err = home.run("ask", "x")
    assert out == "It is 5\n"
    assert err == "asstctl: tool call c: f({})\nasstctl: tool result c: 5\n"


def test_a_reply_that_was_taken_is_never_asked_for_again(home, responses):
    responses.ignores_background = True
    responses.replies.append(Reply(raw=created()))
    looks = error(503, "busy")
    responses.before = lambda r: looks if r.method == "GET" and "resp_" in r.path else None
    home.use_threads(responses)
    home.run("ask", "--timeout", "1", "Hello", code=7)
    assert len(posted(responses)) == 1


def test_a_refusal_that_only_sounds_like_one_of_a_field_is_not_remembered(home, responses):
    home.use_threads(responses)
    flagged = error(400, "Your prompt about the background was flagged")
    responses.before = lambda r: flagged if r.body and "input" in r.body else None
    home.run("ask", "Hello", code=1)
    responses.before = None
    home.run("ask", "Hello")
    assert posted(responses)[-1]["background"] is True


def test_ctrl_c_before_the_response_has_an_id_says_what_is_not_known(home, responses):
    home.use_threads(responses)
    responses.replies.append(Reply("x", delay=3))
    process = home.start("ask", "Hello")
    while not posted(responses):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130
    assert "whether conv_000001 holds this prompt is not known" in err


def test_a_cancel_that_fails_is_said(home, responses):
    home.use_threads(responses)
    responses.replies.append(Reply("word " * 100, delay=0.05))
    responses.polls_left = 10_000
    responses.before = lambda r: error(500, "no") if r.path.endswith("/cancel") else None
    process = home.start("ask", "Count")
    process.stdout.read(5)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=30)[1].decode()
    assert "resp_1 could not be cancelled and goes on: threads unlock ends it" in err


def test_two_prompts_at_once_on_a_chain_never_make_a_history_that_was_not(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    thread = home.run("threads", "list", "-q")[0].strip()
    resource.replies += [Reply("slow " * 20, delay=0.02), Reply("slow " * 20, delay=0.02)]
    running = [home.start("ask", "-t", thread, f"At once {n}") for n in range(2)]
    errs = [process.communicate(timeout=20)[1].decode() for process in running]
    assert sum("went on meanwhile, and without this turn" in err for err in errs) == 1
    told = [text for role, text, _ in history(home, thread) if role == "user"]
    assert len(told) == 2
    assert home.run("ask", "-c", "Next")[0] == "You said: Next (5)\n"


def test_unlock_keeps_a_reply_that_was_whole(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    resource.replies.append(Reply("word " * 100, delay=0.05))
    resource.polls_left = 2
    process = home.start("ask", "-c", "Count")
    process.stdout.read(5)
    process.kill()
    process.communicate()
    assert home.run("threads", "unlock", "@last", "--wait")[1] == "asstctl: resp_2 is completed\n"
    assert [m[1] for m in history(home)][2] == "Count"


def test_messages_put_into_a_chain_stay_until_a_prompt_takes_them_along(home, resource):
    home.use_threads(resource)
    home.run("ask", "One")
    fork = home.run("threads", "fork", "@last")[0].strip()
    home.run("threads", "recover", fork)
    assert len(history(home, fork)) == 2
    assert home.run("ask", "-t", fork, "Two")[0] == "You said: Two (3)\n"
    assert len(history(home, fork)) == 4


def test_a_wrong_path_is_no_server_without_conversations(home, resource):
    home.use_threads(resource)
    home.run("config", "set", "endpoint", f"{resource.origin}/wrong")
    assert "HTTP 404" in home.run("threads", "new", code=5)[1]
    assert home.run("threads", "list", "-q")[0] == ""
    home.run("config", "set", "endpoint", resource.origin)
    assert home.run("threads", "new")[0].startswith("chain_")


def test_recover_shows_the_last_reply_of_the_thread_though_another_followed_ours(home, responses):
    home.use_threads(responses)
    home.run("ask", "Ours")
    assert home.run("threads", "recover", "@last")[0] == "You said: Ours (1)\n"
    for role, text in (("user", "Theirs"), ("assistant", "A later reply")):
        item = {"type": "message", "role": role, "content": text}
        responses.conversations["conv_000001"].append(responses.item(item))
    assert home.run("threads", "recover", "@last")[0] == "A later reply\n"
