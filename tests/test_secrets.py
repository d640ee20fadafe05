"""A key is never seen: not in output, logs, tracebacks, files or arguments, nor at other origins."""

import sys
from pathlib import Path

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer, error

KEY = "sk-canary-0123456789"


class Keyed(ChatServer):
    """A chat-completions server that wants a key."""


@pytest.fixture(params=[ThreadsServer, ResponsesServer, Keyed])
def server(request, home):
    with request.param() as running:
        settings = {"backend": "local", "model": "test"}
        if isinstance(running, Keyed):
            home.use_server(running, **settings, api_key_env="MY_KEY")
        else:
            running.keys = (KEY,)
            home.use_threads(running)
        home.environment["MY_KEY"] = KEY
        yield running


def nowhere(home, *texts):
    for text in texts:
        assert KEY not in text
    for path in home.path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def echo(request):
    """A server that says the key back where it refuses."""
    key = request.headers.get("authorization") or request.headers.get("api-key")
    return error(401, f"Incorrect API key provided: {key}")


FAULTS = {
    "nothing": None,
    "the key said back": echo,
    "500": lambda _: error(500, "Oh no"),
    "a reset": lambda _: Reply(gone=True, reset=True),
    "garbage": lambda _: Reply(body=b"{no"),
    "a redirect": lambda _: Reply(status=307, headers={"location": "http://127.0.0.2:9/"}, body={}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_shows_the_key(home, server, fault):
    server.before = FAULTS[fault]
    for words in (["ask", "Hello"], ["ask", "-o", "json", "Hello"], ["config", "show", "--origin"]):
        nowhere(home, *home.run("--debug", *words, code=None))  # what is said without, and more
    server.before = None
    home.run("ask", "Hello")
    nowhere(home, *home.run("--debug", "threads", "export", "--all", code=None))


def test_debug_shows_requests_and_answers_with_the_key_struck_out(home, server):
    err = home.run("--debug", "ask", "Hello")[1]
    assert "asstctl: POST http://127.0.0.1" in err
    assert "***" in err
    assert '"Hello"' in err
    assert "asstctl: 200 {" in err
    nowhere(home, err)


def test_debug_strikes_out_a_key_that_it_would_spell_otherwise(home, server):
    key = "sk-\\'canary\\"
    server.keys = (key,)
    err = home.run("--debug", "ask", "Hello", MY_KEY=key)[1]
    assert "canary" not in err
    assert "'***'" in err


def test_debug_never_steers_the_terminal(home, server):
    server.before = lambda _: Reply(
        status=500, body={"error": "x"}, headers={"x-a": "\x1b]0;PWN\x07"}
    )
    err = home.run("--debug", "ask", "Hello", code=7)[1]
    assert "\x1b" not in err.replace("Traceback", "")


def test_another_origin_never_hears_the_key(home, server):
    with ChatServer() as other:
        target = {"location": f"{other.origin}/v1"}
        server.before = lambda _: Reply(status=307, headers=target, body={})
        home.run("ask", "Hello", code=3)
        assert not other.requests


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="arguments are read from /proc")
def test_the_key_is_in_no_argument(home, server):
    server.replies.append(Reply("word " * 50, delay=0.05))
    home.arguments = lambda *words: [sys.executable, "-m", "asstctl", *words]
    process = home.start("ask", "Hello")
    assert process.stdout.read(4) == b"word"
    assert KEY.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    process.kill()
    process.communicate()


def test_a_command_that_prints_the_key_leaves_it_in_memory_alone(home, server):
    home.run("config", "unset", "api_key_env")
    home.run("config", "set", "api_key_command", "sh -c 'printenv MY_KEY'")
    nowhere(home, *home.run("--debug", "ask", "Hello"))
    assert KEY in str(server.requests[-1].headers)
