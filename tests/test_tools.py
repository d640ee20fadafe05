"""Functions that a model calls, answered by the user's commands."""

import json
import os
import signal
import time

import pytest

from tests.responses_server import ResponsesServer, event
from tests.servers import Reply, ThreadsServer, named
from tests.terminal import Screen


def threads_calls(calls):
    action = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {
            "tool_calls": [
                {"id": i, "type": "function", "function": {"name": n, "arguments": a}}
                for i, n, a in calls
            ]
        },
    }
    run = {"id": "RUN", "thread_id": "THREAD", "status": "requires_action"}
    wants = named("thread.run.requires_action", {**run, "required_action": action})
    return (
        named("thread.run.created", {**run, "status": "queued"}) + wants + named("done", "[DONE]")
    )


def responses_calls(calls):
    items = [
        {"id": f"fc_{i}", "type": "function_call", "call_id": i, "name": n, "arguments": a}
        for i, n, a in calls
    ]
    response = {"id": "RESP", "status": "in_progress"}
    done = [
        event("output_item.done", k, {"output_index": k, "item": item})
        for k, item in enumerate(items, 1)
    ]
    return (
        event("created", 0, {"response": response})
        + b"".join(done)
        + event("completed", 9, {"response": {**response, "status": "completed", "output": items}})
    )


class Resource(ResponsesServer):
    form = "resource"


@pytest.fixture(params=[ThreadsServer, ResponsesServer, Resource])
def server(request, home):
    with request.param() as running:
        home.use_threads(running)
        yield running


def calls(server, *wanted):
    write = threads_calls if isinstance(server, ThreadsServer) else responses_calls
    server.replies.append(Reply(raw=write(wanted)))


def tool(home, name, script, **settings):
    """Make a command, and the tool that it answers."""
    path = home.path / f"{name}.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    with home.config.open("a") as file:
        file.write(f"[tools.{name}]\ncommand = [{json.dumps(str(path))}]\n{lines}")
    return path


def test_a_call_is_answered_by_the_profiles_command_and_the_reply_goes_on(home, server):
    tool(home, "weather", 'read asked; echo "$asked $#" > asked; echo sunny')
    calls(server, ("call_1", "weather", '{"city": "Ulm"}'))
    out, err = home.run("ask", "--yes", "How is it?")
    assert out == "It says: ['sunny\\n']\n"
    assert err.splitlines() == [
        'asstctl: tool call call_1: weather({"city": "Ulm"})',
        "asstctl: tool result call_1: sunny",
    ]
    assert (home.path / "asked").read_text() == '{"city": "Ulm"} 0\n'  # stdin, and no argument
    assert home.run("ask", "-c", "Next")[0].startswith("You said: Next")


def test_several_calls_are_answered_at_once(home, server):
    tool(home, "one", "echo 1", confirm=False)
    tool(home, "two", "echo 2", confirm=False)
    calls(server, ("a", "one", "{}"), ("b", "two", "{}"), ("c", "one", "{}"))
    assert home.run("ask", "x")[0] == "It says: ['1\\n', '2\\n', '1\\n']\n"


def test_one_call_after_another_is_answered(home, server):
    if isinstance(server, ThreadsServer):
        pytest.skip("its test server answers outputs with text alone")
    tool(home, "one", "echo 1", confirm=False)
    calls(server, ("a", "one", "{}"))
    calls(server, ("b", "one", "{}"))
    assert home.run("ask", "x")[0] == "It says: ['1\\n']\n"
    history = home.run("threads", "history", "-o", "jsonl")[0]
    if isinstance(server, Resource):
        assert json.loads(history.splitlines()[0])["text"] == "x"


@pytest.mark.parametrize(
    ("script", "settings", "told"),
    [
        (
            "echo out; echo Oh no >&2; exit 3",
            {},
            {"error": "exit 3", "stderr": "Oh no", "stdout": "out\n"},
        ),
        ("sleep 30 & sleep 30", {"timeout": 0.5}, {"error": "weather took more than 0.5 s"}),
        ("yes", {}, {"error": "weather printed more than 256 KiB"}),
        ("kill -9 $$", {}, {"error": "exit -9", "stderr": "", "stdout": ""}),
    ],
    ids=["exit", "time", "size", "signal"],
)
def test_a_tool_that_fails_is_told_to_the_model_as_an_error(home, threads, script, settings, told):
    home.use_threads(threads)
    tool(home, "weather", script, **settings)
    calls(threads, ("call_1", "weather", "{}"))
    started = time.monotonic()
    assert home.run("ask", "--yes", "x")[0].startswith("It says: ")
    assert json.loads(threads.outputs[0][0]) == told
    assert time.monotonic() - started < 10


def test_a_command_that_is_not_there_is_told_to_the_model(home, threads):
    home.use_threads(threads)
    tool(home, "weather", "true").unlink()
    calls(threads, ("call_1", "weather", "{}"))
    home.run("ask", "--yes", "x")
    assert "No such file" in json.loads(threads.outputs[0][0])["error"]


def test_a_tool_that_reads_nothing_is_answered_too(home, threads):
    home.use_threads(threads)
    tool(home, "weather", "exec 0<&-; echo sunny")
    calls(threads, ("call_1", "weather", json.dumps({"a": "x" * 1_000_000})))
    home.run("ask", "--yes", "x")
    assert threads.outputs == [["sunny\n"]]


def test_without_a_terminal_and_consent_nothing_runs_and_the_thread_is_free(home, server):
    tool(home, "weather", "touch ran")
    calls(server, ("call_1", "weather", "{}"))
    out, err = home.run("ask", "x", code=6)
    assert out == ""
    assert "the model calls weather({}), and nothing here answers: " in err
    assert err.splitlines()[-1] == "hint: --yes allows it"
    assert not (home.path / "ran").exists()
    assert home.run("ask", "-c", "Next")[0].startswith("You said: Next")


def test_a_call_without_a_command_gives_all_up(home, server):
    tool(home, "weather", "touch ran", confirm=False)
    calls(server, ("a", "launch", "{}"))
    err = home.run("ask", "--yes", "x", code=6)[1]
    assert "the model calls launch({}), and nothing here answers: " in err
    assert home.run("ask", "-c", "Next")[0].startswith("You said: Next")


@pytest.mark.parametrize(
    ("answer", "told"), [("y", "sunny"), ("n", "did not allow"), ("", "did not allow")]
)
def test_on_a_terminal_the_user_is_asked_once_a_session(home, threads, answer, told):
    home.use_threads(threads)
    tool(home, "weather", "echo sunny")
    calls(threads, ("a", "weather", '{"city": "\x1b[31mUlm"}'))
    calls(threads, ("b", "weather", "{}"))
    with Screen(home, "chat", columns=120) as screen:
        screen.wait_for_prompt()
        screen.type("x\r")
        screen.wait_for("[y/N]")
        screen.type(f"{answer}\r")
        screen.wait_for(told)
        screen.wait_for_prompt()
        screen.type("y\r")
        screen.wait_for("It says")
        screen.wait_for_prompt()
        screen.type("exit\r")
        assert screen.end() == 0
        assert screen.text().count("[y/N]") == 1
    assert all(told in output for (output,) in threads.outputs)


@pytest.mark.posix
def test_what_was_typed_ahead_allows_nothing(home, threads):
    home.use_threads(threads)
    tool(home, "weather", "touch ran")
    write = threads_calls([("a", "weather", "{}")])
    threads.replies.append(Reply(raw=write, delay=1))
    with Screen(home, "ask", "x", columns=120) as screen:
        time.sleep(0.7)
        screen.type("y\r")
        screen.wait_for("[y/N]")
        screen.type("\r")
        screen.end()
    assert not (home.path / "ran").exists()


def test_ctrl_c_while_a_tool_works_ends_it_and_frees_the_thread(home, server):
    tool(home, "weather", "echo $$ > pid; sleep 60", confirm=False)
    calls(server, ("a", "weather", "{}"))
    process = home.start("ask", "x")
    deadline = time.monotonic() + 10
    while not (home.path / "pid").exists() or not (home.path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((home.path / "pid").read_text()), 0)
    assert home.run("ask", "-c", "Next")[0].startswith("You said: Next")


def test_a_tools_table_describes_it_to_the_server(home, responses):
    home.use_threads(responses)
    tool(home, "weather", "true", description="How it is", parameters=[])
    with home.config.open("a") as file:
        file.write('[tools.search]\ntype = "web_search"\n')
    home.run("ask", "x")
    assert responses.asked("/responses")[0].body["tools"] == [
        {"type": "function", "name": "weather", "description": "How it is", "parameters": []},
        {"type": "web_search"},
    ]


@pytest.mark.parametrize(
    "table", ['command = "x"', "command = []", 'confirm = "no"', "timeout = 0", ""]
)
def test_a_wrong_table_is_one_clear_line(home, threads, table):
    home.use_threads(threads)
    with home.config.open("a") as file:
        file.write(f"[tools.weather]\n{table}\n")
    err = home.run("ask", "x", code=3)[1]
    assert "tools in " in err
    assert "tables like [tools.NAME] with a command" in err


def test_a_model_that_calls_without_end_is_stopped(home, responses):
    home.use_threads(responses)
    tool(home, "one", "echo 1", confirm=False)
    for _ in range(150):
        calls(responses, ("a", "one", "{}"))
    err = home.run("ask", "x", code=6)[1]
    assert "the model calls a tool, and nothing here answers" in err
    assert len(responses.asked("/responses")) == 100


def test_a_chain_keeps_what_its_tools_answered_once_and_says_it_again_once(home):
    with Resource() as server:
        home.use_threads(server)
        tool(home, "one", "echo 1", confirm=False)
        calls(server, ("a", "one", "{}"))
        calls(server, ("b", "one", "{}"))
        home.run("ask", "x")
        for words in (["--kept"], [], ["--kept"]):
            found = home.run("threads", "history", *words, "-o", "jsonl")[0].splitlines()
            parts = [part for line in found for part in json.loads(line)["parts"]]
            assert [part["type"] for part in parts] == [
                "Text",
                *("ToolCall", "ToolResult") * 2,
                "Text",
            ]
            home.run("threads", "fetch", "@last")
        server.responses.clear()
        home.run("ask", "-c", "y")
        said = [r.body for r in server.requests if r.method == "POST"][-1]["input"]
        assert [item["type"] for item in said] == [
            "message",
            *("function_call", "function_call_output") * 2,
            *["message"] * 2,
        ]
