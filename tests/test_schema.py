"""Replies of a demanded shape, on every backend that has it."""

import json

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import ThreadsServer, error
from tests.terminal import Screen

SCHEMA = {
    "title": "An answer",
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": ["days"],
    "additionalProperties": False,
}
WANTED = {"name": "An_answer", "schema": SCHEMA, "strict": True}


@pytest.fixture
def schema(home):
    path = home.path / "days.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def test_a_chat_server_is_asked_for_the_shape(home, server, schema):
    home.use_server(server)
    home.run("ask", "How many?", "--schema", schema)
    wanted = {"type": "json_schema", "json_schema": WANTED}
    assert server.requests[-1].body["response_format"] == wanted


def test_a_chat_server_without_chats_is_asked_in_its_own_way(home, schema):
    with ResponsesServer() as server:
        server.keys = ("",)
        home.configure(f'backend = "local"\nendpoint = "{server.url}"\nmodel = "test"\n')
        home.run("ask", "How many?", "--schema", schema)
        asked = server.asked("/responses")
        assert asked[-1].body["text"] == {"format": {"type": "json_schema", **WANTED}}


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_threads_server_is_asked_at_each_run(home, schema, form):
    class Server(ThreadsServer):
        pass

    Server.form = form
    with Server() as server:
        home.use_threads(server)
        home.run("ask", "How many?", "--schema", schema)
        home.run("ask", "-c", "And?", "--schema", schema)
        home.run("ask", "-c", "And now?")
        runs = [r.body for r in server.requests if r.method == "POST" and r.path.count("/runs")]
        wanted = {"type": "json_schema", "json_schema": WANTED}
        assert [body.get("response_format") for body in runs] == [wanted, wanted, None]


def test_a_responses_server_is_asked_in_its_own_way(home, responses, schema):
    home.use_threads(responses)
    home.run("ask", "How many?", "--schema", schema)
    asked = responses.asked("/responses")[-1].body["text"]
    assert asked == {"format": {"type": "json_schema", **WANTED}}


def test_a_named_schema_goes_as_it_is(home, server):
    home.use_server(server)
    path = home.path / "own.json"
    path.write_text(json.dumps({"name": "mine", "schema": SCHEMA, "strict": False}))
    home.run("ask", "How many?", "--schema", str(path))
    sent = server.requests[-1].body["response_format"]["json_schema"]
    assert sent == {"name": "mine", "schema": SCHEMA, "strict": False}


def test_a_schema_of_the_profile_lies_beside_its_settings(home, server, schema):
    home.use_server(server)
    folder = home.path / ".config/asstctl"
    (folder / "s.json").write_text(json.dumps(SCHEMA))
    home.run("config", "set", "schema", "s.json")
    home.run("ask", "How many?")
    assert server.requests[-1].body["response_format"]["json_schema"] == WANTED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "can't read the schema"),
        ("{", "is not JSON"),
        ("[1]", "is no JSON Schema"),
        ("{}", "is no JSON Schema"),
        ("[" * 100_000, "is not JSON"),
    ],
)
@pytest.mark.parametrize("wire", ["threads", "responses", "server"])
def test_a_file_that_is_no_schema_is_one_line_and_nothing_is_asked(
    home, request, wire, text, words
):
    server = request.getfixturevalue(wire)
    (home.use_server if wire == "server" else home.use_threads)(server)
    path = home.path / "bad.json"
    if text is not None:
        path.write_text(text)
    err = home.run("ask", "Hi", "--schema", str(path), code=3)[1]
    assert words in err
    assert len(err.splitlines()) == 1
    assert not server.requests


def test_what_a_server_says_of_a_schema_is_shown(home, server, schema):
    home.use_server(server)
    server.replies.append(error(400, "Invalid schema for response_format"))
    err = home.run("ask", "Hi", "--schema", schema, code=1)[1]
    assert "Invalid schema for response_format" in err


def test_json_is_not_drawn_as_markdown(home, server, schema):
    home.use_server(server)
    with Screen(home, "ask", "*a* _b_", "--schema", schema) as screen:
        screen.wait_for("You said: *a* _b_ (1)")
