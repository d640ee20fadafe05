"""The first minute: what a person sees who has set nothing up, and how a server is connected."""

import json
import shlex
import socket
import time

import pytest

from asstctl.offers import PORTS
from tests.servers import ChatServer, Reply, error
from tests.terminal import Screen


@pytest.fixture
def at_hand():
    """A chat-completions server on one of the usual ports; skipped where all are taken."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        with ChatServer(port=port) as server:
            yield server
        return
    pytest.skip("every usual port is taken")


def test_alone_it_shows_what_matters_and_what_to_type_next(home, server):
    out = home.run()[0]
    assert len(out.splitlines()) < 24
    assert 'Next: asstctl config init, or without any account: asstctl -p local ask "Hello"' in out
    home.use_server(server)
    assert 'Next: asstctl ask "Hello"    (test at 127.0.0.1 replies)' in home.run()[0]
    home.configure("modle = 3\n")
    assert "Next: asstctl config edit mends the settings: no setting 'modle'" in home.run()[0]


@pytest.mark.parametrize("command", [["ask", "Hello"], ["chat"], ["threads", "new"]])
def test_with_nothing_set_up_the_choices_are_named_in_five_lines(home, command):
    err = home.run(*command, code=3)[1]
    assert len(err.splitlines()) <= 5
    for variable in ("ENDPOINT", "API_VERSION", "API_KEY"):
        assert f"AZURE_OPENAI_{variable}" in err
    assert "ASSISTANT_ID" in err
    assert "set OPENAI_API_KEY, then: asstctl config init" in err
    assert "the key is set: asstctl" in home.run(*command, code=3, OPENAI_API_KEY="sk-x")[1]
    said = json.loads(home.run(*command, "-o", "json", code=3)[1]) if command[0] == "ask" else {}
    assert "embedded" in said.get("hint", "embedded")


def test_each_choice_works_as_it_is_typed(home, at_hand):
    lines = home.run("ask", "Hello", code=3)[1].splitlines()[1:]
    [typed] = [line.partition(": ")[2] for line in lines if "on this machine" in line]
    home.run(*shlex.split(typed)[1:])
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"


def test_init_is_a_conversation_that_loses_no_answer(home, server):
    with Screen(home, "config", "init", columns=120) as screen:
        screen.wait_for("Number [")
        screen.type("9\r")
        screen.wait_for("a number from 1 to 3 is wanted")
        screen.type("local\r")
        screen.wait_for("endpoint (")
        screen.type("http://bad host\r")
        screen.wait_for("is no address that begins with http:// or https://")
        screen.type("localhost:1\r")
        screen.wait_for("Keep it all the same?")
        screen.type("n\r")
        screen.type(server.origin.removeprefix("http://") + "\r")
        screen.wait_for("1  test")
        screen.type("7\r")
        screen.wait_for("a number from 1 to 1 is wanted, or a name")
        screen.type("1\r")
        screen.wait_for("instructions (")
        screen.type("\r")
        assert screen.end() == 0
        assert 'try: asstctl ask "Hello"' in screen.text()
    assert [(r.method, r.path) for r in server.requests] == [("GET", "/v1/models")]
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"


def test_what_could_not_be_tried_is_written_only_after_a_yes(home):
    words = ("config", "init", "x", "--backend", "local", "--endpoint", "http://localhost:1/v1")
    for answer, code in (("n", 1), ("y", 0)):
        with Screen(home, *words, "--model", "m", columns=120) as screen:
            screen.wait_for("instructions (")
            screen.type("\r")
            screen.wait_for("it could not be tried: can't connect to localhost:1")
            screen.type(f"{answer}\r")
            assert screen.end() == code
        assert home.config.exists() == (answer == "y")


def test_assistants_and_agents_are_chosen_from_the_servers_list(home, threads):
    threads.form = "compatible"
    home.environment["MY_KEY"] = "canary"
    words = ("--backend", "assistants", "--endpoint", threads.url, "--api-key-env", "MY_KEY")
    with Screen(home, "config", "init", *words, columns=120) as screen:
        screen.wait_for("1  asst_1 Ada")
        screen.type("1\r")
        assert screen.end() == 0
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"


def test_a_server_that_wants_a_key_is_asked_with_one(home, threads):
    threads.form = "compatible"
    home.environment["MY_KEY"] = "canary"
    words = ("--backend", "assistants", "--endpoint", threads.url.removeprefix("http://"))
    with Screen(home, "config", "init", *words, columns=120) as screen:
        screen.wait_for("api_key_env (")
        screen.type("MY_KEY\r")
        screen.wait_for("1  asst_1 Ada")
        screen.type("1\r")
        assert screen.end() == 0
    assert home.run("ask", "Hello")[0] == "You said: Hello (1)\n"


def test_doctor_says_what_to_do_about_a_key_that_is_refused(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    home.environment["MY_KEY"] = "wrong"
    out = home.run("doctor", code=4)[0]
    assert "try: asstctl config set api_key_env VARIABLE" in out
    assert "wire" not in out
    err = home.run("ask", "Hello", code=4)[1]
    assert "hint: asstctl doctor looks at the settings and the server" in err


def test_models_are_listed_and_the_profiles_own_is_marked(home, server):
    home.use_server(server)
    assert home.run("models", "list")[0] == "test\tthe profile's\n"
    assert home.run("models", "list", "-q")[0] == "test\n"
    found = json.loads(home.run("models", "list", "-o", "json")[0])["models"]
    assert found == [{"id": "test", "chosen": True}]


def test_a_sign_of_waiting_is_gone_without_a_trace_and_never_in_a_pipe(home, server):
    home.use_server(server)

    def late(_):
        time.sleep(0.8)
        return Reply("Late")

    server.before = late
    with Screen(home, "ask", "Hello") as screen:
        screen.wait_for("waiting")
        assert screen.end() == 0
        assert screen.text() == "Late"
    server.before = lambda _: Reply("At once")
    with Screen(home, "ask", "Hello") as screen:
        assert screen.end() == 0
        assert b"waiting" not in screen.raw
    server.before = late
    assert home.run("ask", "Hello") == ("Late\n", "")


# doctor


def state(home, *words, code=0, **environment):
    out = home.run("doctor", *words, "-o", "json", code=code, **environment)[0]
    found = json.loads(out)["checks"]
    return {check["name"]: (check["state"], check["text"]) for check in found}


def test_doctor_says_that_all_is_well_and_posts_nothing(home, threads):
    threads.form = "compatible"
    home.use_threads(threads)
    found = state(home)
    assert {name for name, (how, _) in found.items() if how != "ok"} <= {"completion"}
    assert found["wire"][1].startswith("it speaks threads")
    assert found["assistant"][1] == "asst_1 Ada (gpt-4o)"
    assert threads.posts() == []
    out = home.run("doctor")[0]
    assert "canary" not in out
    assert "assistant_id = asst_1 (file)" in out


def test_doctor_with_a_prompt_leaves_no_thread(home, threads, server):
    for use, speaker in ((home.use_threads, threads), (home.use_server, server)):
        use(speaker)
        assert state(home, "--ask")["reply"][0] == "ok"
        assert home.run("threads", "list", "-q")[0] == ""
    assert threads.threads == {}


def test_doctor_fails_with_the_exit_code_of_what_is_wrong(home, threads):
    assert state(home, code=3)["settings"][1] == "no server is chosen"
    home.use_threads(threads)
    threads.keys = ("another",)
    assert state(home, code=4)["server"][0] == "failed"
    threads.before = lambda _: error(503, "busy")
    assert state(home, code=7, ASSTCTL_TIMEOUT="1")["server"][0] == "failed"


def test_doctor_names_the_wire_that_a_server_really_speaks(home, server):
    home.use_server(server)
    home.run("config", "set", "backend", "responses")
    found = json.loads(home.run("doctor", "-o", "json", code=None)[0])["checks"]
    [wire] = [check for check in found if check["name"] == "wire"]
    assert wire["state"] == "warning"
    assert wire["hint"] == "asstctl config set backend local"


def test_doctor_has_what_a_server_lacked_asked_for_again(home, responses):
    class Resource(type(responses)):
        form = "resource"

    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One")
        assert state(home)["abilities"][1].startswith("was found to lack: conversations")
        assert "abilities" not in state(home)


def test_doctor_goes_on_where_the_settings_are_broken(home):
    home.configure("timeuot = 3\n")
    out = home.run("doctor", code=3)[0]
    assert "no  settings: no setting 'timeuot'" in out
    assert "try: did you mean 'timeout'?" in out
    assert "versions: " in out
    assert "completion: " in out


def test_a_list_of_words_is_set_as_a_shell_or_as_json_writes_it(home):
    for typed in ("pass show 'my key'", '["pass", "show", "my key"]'):
        home.run("config", "set", "api_key_command", typed)
        assert 'api_key_command = ["pass", "show", "my key"]' in home.config.read_text()
