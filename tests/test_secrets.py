"""A key is never seen: not in output, logs, tracebacks, files or arguments, nor at other origins."""

import html
import json
import re
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from asstctl import _secrets
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer, error, named
from tests.test_tools import threads_calls

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


# Every way in which a server can say a key back

CANARY = "sk-/a+b'c\"d=Canary&<01>"
"""A key with everything that is escaped somewhere."""

UNUSED = "\u043a\u043b\u044e\u0447-kanarejka-77"
"""A key of the environment that this profile never sends."""


def escaped(key):
    return "".join(f"\\u{ord(letter):04x}" for letter in key)


SPELLINGS = {
    "raw": str,
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON, slashes too": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)),
    "JSON, every letter": escaped,
    "percent": lambda key: quote(key, safe=""),
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": html.escape,
    "HTML, every letter": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "repr": repr,
    "base64": lambda key: b64encode(f"user:{key}".encode()).decode(),
}


def header(said):
    """A text as a header can hold it."""
    return quote(said, safe=" &;%'\"\\/+=<>#")


def at_the_end_of_a_long_line(key):
    return "x" * 490 + key


def refusing(status, **facts):
    return lambda said: Reply(status=status, body={"error": {"message": f"wrong {said}"}}, **facts)


def failed(said):
    error = {"code": "server_error", "message": f"oops {said}"}
    failure = {"id": "RUN", "thread_id": "THREAD", "status": "failed", "last_error": error}
    return Reply(raw=named("thread.run.failed", failure))


ECHOES = {
    "an error's words": refusing(400),
    "401": refusing(401),
    "429": refusing(429, headers={"retry-after": "0.01"}),
    "an error's words, in plain text": lambda said: Reply(
        status=502, body=f"bad {said}".encode(), content_type="text/plain"
    ),
    "a code": lambda said: Reply(status=400, body={"error": {"message": "", "code": said}}),
    "words that are cut": lambda said: refusing(400)(at_the_end_of_a_long_line(said)),
    "the reason beside the status": lambda said: Reply(status=418, body=b"", reason=header(said)),
    "the request's name": lambda said: Reply(
        status=500, body={}, headers={"x-request-id": header(said)}
    ),
    "the request's name, of a success": None,
    "a cookie": lambda said: Reply(
        status=400, body={}, headers={"set-cookie": f"key={quote(said, safe='')}"}
    ),
    "a redirect elsewhere": lambda said: Reply(
        status=307, body={}, headers={"location": f"http://{quote(said, safe='')}.test/"}
    ),
    "a redirect to nowhere": lambda said: Reply(
        status=307, body={}, headers={"location": f"http://[{quote(said, safe='')}"}
    ),
    "a failed run": failed,
    "an error in the stream": lambda said: Reply(
        raw=named("error", {"error": {"message": f"oh {said}", "code": "x"}})
    ),
    "an encoding": lambda said: Reply(
        status=200, body={}, headers={"content-encoding": quote(said, safe="")}
    ),
    "a status of the run": lambda said: Reply(
        raw=named("thread.run.cancelled", {"id": "RUN", "thread_id": "THREAD", "status": said})
    ),
}

FORMS = {
    "text": ["ask", "Hello"],
    "JSON": ["ask", "-o", "json", "Hello"],
    "stats": ["ask", "--stats", "Hello"],
    "log": ["--debug", "ask", "Hello"],
    "a list": ["--debug", "threads", "history", "-o", "json", "@last"],
    "an export": ["threads", "export", "@last"],
}


@pytest.mark.parametrize("echoed", ECHOES)
def test_no_echo_shows_a_key_in_any_form_of_output(home, threads, echoed):
    threads.form = "project"
    threads.keys = (CANARY,)
    home.use_threads(threads)
    home.environment |= {"MY_KEY": CANARY, "OPENAI_API_KEY": UNUSED}
    home.run("ask", "Before")
    home.configure(home.config.read_text() + "timeout = 0.4\n")  # no pause for a repetition
    secret = re.compile("anary|kanarej|Q2FuYXJ5|NhbmFye|jYW5hcn", re.IGNORECASE)
    said = " ".join(spell(key) for spell in SPELLINGS.values() for key in (CANARY, UNUSED))
    make = ECHOES[echoed]
    for form, words in FORMS.items():
        if make:
            threads.before = lambda _: make(said)
        else:
            threads.after = lambda _, reply: replace(reply, headers={"x-request-id": header(said)})
        out, err = home.run(*words, code=None)
        threads.before = threads.after = None
        for text in (out, err):
            assert not secret.search(text), (form, text)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_key_is_struck_out_and_no_other_word(spelling):
    for key in (CANARY, UNUSED, KEY):
        _secrets.learn(key)
        said = f"before {SPELLINGS[spelling](key)} after"
        told = _secrets.struck(said)
        assert "***" in told
        assert not re.search("anary|kanarej", told, re.IGNORECASE)
        assert (told.split()[0], told.split()[-1]) == ("before", "after")
    assert _secrets.struck("short and \\n usual %20 words") == "short and \\n usual %20 words"


def test_a_message_that_holds_a_key_is_shown_as_it_was_said(home, threads):
    home.use_threads(threads)
    home.environment["MY_KEY"] = "canary"
    home.environment["OPENAI_API_KEY"] = KEY
    assert home.run("ask", KEY)[0] == f"You said: {KEY} (1)\n"
    assert KEY in home.run("ask", "-o", "json", KEY)[0]
    assert home.run("threads", "history", "@last")[0].count(KEY) == 2


def test_a_key_command_that_fails_does_not_show_what_it_printed(home, threads):
    home.use_threads(threads)
    home.configure(
        f'endpoint = "{threads.url}"\nassistant_id = "asst_1"\napi_version = "v1"\n'
        f"""api_key_command = ["sh", "-c", "echo {KEY}; echo 'no {KEY}' >&2; exit 1"]\n"""
    )
    err = home.run("ask", "Hello", code=4)[1]
    assert KEY not in err
    assert "api_key_command sh failed: no ***" in err


def test_commands_that_we_start_do_not_get_keys_unless_let_through(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    tables = "[tools.show]\ncommand = ['env']\nconfirm = false\n"
    home.configure(home.config.read_text() + tables)
    home.environment |= {"OPENAI_API_KEY": KEY, "AZURE_OPENAI_API_KEY": KEY, "OTHER": "stays"}
    calls = threads_calls([("a", "show", "{}")])
    threads.replies.append(Reply(raw=calls))
    home.run("ask", "Hello")
    assert "OTHER=stays" in threads.outputs[-1][0]
    assert KEY not in threads.outputs[-1][0]
    assert "MY_KEY" not in threads.outputs[-1][0]
    home.configure(home.config.read_text() + "env = ['MY_KEY']\n")
    threads.replies.append(Reply(raw=calls))
    home.run("ask", "Hello")
    assert "MY_KEY=canary" in threads.outputs[-1][0]
    assert KEY not in threads.outputs[-1][0]
