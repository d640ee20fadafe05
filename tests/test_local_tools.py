"""Threads here go to chat-completions servers whole: calls and their answers, images, roles."""

import base64
import json

import pytest

from asstctl.model import Message, Thread
from asstctl.parts import FileRef, Image, Text, ToolCall, ToolResult
from asstctl.transfer import archive
from tests.responses_server import ResponsesServer, event
from tests.servers import Reply, chunk, sse

PROFILE = """
[tools.weather]
command = ["sh", "-c", "cat; echo ' is dry'"]
confirm = false
description = "The weather of a city"
parameters = {type = "object"}
"""


def calling(*pieces, finish="tool_calls"):
    events = [sse(chunk({"role": "assistant", "content": "Let me look. "}))]
    events += [sse(chunk({"tool_calls": [piece]})) for piece in pieces]
    return Reply(events=[*events, sse(chunk({}, finish)), sse("[DONE]")])


CALL = (
    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather"}},
    {"index": 0, "id": "call_x", "function": {"arguments": '{"city": '}},
    {"index": 0, "function": {"arguments": '"Rome"}'}},
)


@pytest.fixture
def tooled(home, server):
    home.use_server(server)
    home.configure(home.config.read_text() + PROFILE)
    return home


def test_a_tool_of_the_profile_answers_a_model_behind_a_chat_server(tooled, server):
    server.replies.append(calling(*CALL))
    out, err = tooled.run("ask", "Weather in Rome?")
    assert out.startswith("Let me look. ")
    assert 'tool call call_1: weather({"city": "Rome"})' in err
    first, second = (r.body for r in server.requests if r.path.endswith("/chat/completions"))
    assert first["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "The weather of a city",
                "parameters": {"type": "object"},
            },
        }
    ]
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
    }
    assert second["messages"][-2:] == [
        {"role": "assistant", "content": "Let me look. ", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"city": "Rome"} is dry\n'},
    ]
    tooled.run("ask", "-c", "And then?")
    later = server.requests[-1].body["messages"]
    assert [m["role"] for m in later] == ["user", "assistant", "tool", "assistant", "user"]
    assert later[1]["tool_calls"] == [call]


def test_a_call_that_nobody_answers_ends_with_6_and_is_not_sent_again(tooled, server):
    server.replies.append(
        calling({"index": 0, "id": "c", "function": {"name": "other", "arguments": "{}"}})
    )
    err = tooled.run("ask", "Other?", code=6)[1]
    assert "other" in err
    tooled.run("ask", "-c", "Go on")
    assert not any("tool_calls" in m for m in server.requests[-1].body["messages"])


def test_images_and_roles_of_a_kept_thread_go_to_the_model(home, server):
    data = b"\x89PNG"
    encoded = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    messages = [
        Message("m0", "developer", (Text("Be kind."),)),
        Message("m1", "user", (Text("Look"), Image(FileRef(url=encoded)))),
        Message("m2", "assistant", (ToolCall("c", "f", "{}"),)),
        Message("m3", "assistant", (ToolResult("c", "5"),)),
        Message("m4", "assistant", (ToolCall("open", "f", "{}"), Text("A cat"))),
    ]
    path = home.path / "thread.json"
    found = archive.Archived(Thread("thread_x", "assistants", "", ""), messages)
    archive.write(path, archive.document(found))
    home.use_server(server)
    home.run("threads", "import", str(path))
    home.run("ask", "-t", "thread_x", "What is it?")
    sent = server.requests[-1].body["messages"]
    assert sent[0] == {"role": "system", "content": "Be kind."}
    assert sent[1] == {
        "role": "user",
        "content": [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": encoded}},
        ],
    }
    assert [m["role"] for m in sent[2:]] == ["assistant", "tool", "assistant", "user"]
    assert json.dumps(sent).count("tool_calls") == 1


def test_a_server_of_responses_alone_answers_threads_here_and_stores_nothing(home):
    with ResponsesServer() as server:
        server.keys = ("",)
        home.configure(f'backend = "local"\nendpoint = "{server.url}"\nmodel = "test"\n' + PROFILE)
        call = {"id": "fc", "type": "function_call", "call_id": "call_1", "name": "weather"}
        response = {"id": "RESP", "status": "completed", "output": [{**call, "arguments": "{}"}]}
        raw = event("created", 0, {"response": {"id": "RESP", "status": "in_progress"}})
        server.replies.append(Reply(raw=raw + event("completed", 1, {"response": response})))
        out, err = home.run("ask", "Weather?")
        assert "tool result call_1" in err
        assert out.startswith("It says: ")
        home.run("ask", "-c", "And now?")
        posts = [r for r in server.requests if r.method == "POST"]
        assert [r.path for r in posts].count("/v1/chat/completions") == 1  # found out once
        last = posts[-1].body
        assert last["store"] is False
        assert [one.get("type") for one in last["input"]] == [
            "message",
            "function_call",
            "function_call_output",
            "message",
            "message",
        ]
        assert last["input"][-1]["content"] == [{"type": "input_text", "text": "And now?"}]
        assert "previous_response_id" not in last
