"""`asstctl chat`: the loop, on a terminal and from a pipe."""

import json
import os
import stat

import pytest

from tests.servers import Reply
from tests.terminal import Screen


def test_a_chat_on_a_terminal_remembers_and_says_bye_with_the_thread(home, server):
    home.use_server(server)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("One\r")
        screen.wait_for("You said: One (1)")
        screen.wait_for_prompt()
        screen.type("Two\r")
        screen.wait_for("You said: Two (3)")
        screen.wait_for_prompt()
        screen.type("exit\r")
        assert screen.end() == 0
        thread = home.run("threads", "list", "-q")[0].strip()
        assert f"Bye! (thread: {thread})" in screen.text()


@pytest.mark.parametrize("ending", ["exit\r", "\r", "\x04"], ids=["exit", "empty line", "ctrl-d"])
def test_exit_an_empty_line_and_ctrl_d_end_a_chat(home, server, ending):
    home.use_server(server)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type(ending)
        assert screen.end() == 0
        assert screen.text().endswith("Bye!")


def test_ctrl_c_ends_the_reply_and_not_the_chat(home, server):
    home.use_server(server)
    server.replies.append(Reply("one two " * 100, delay=0.1))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Count\r")
        screen.wait_for("one two one")
        screen.type("\x03")
        screen.wait_for("stopped")
        screen.wait_for_prompt()
        screen.type("Again\r")
        screen.wait_for("You said: Again (3)")
        screen.wait_for_prompt()
        screen.type("\x04")
        assert screen.end() == 0


def test_ctrl_c_twice_at_an_empty_prompt_leaves_and_at_a_begun_line_clears_it(home, server):
    home.use_server(server)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("half a line")
        screen.wait_for("half a line")
        screen.type("\x03")
        screen.wait_for_prompt()
        screen.type("Whole\r")
        screen.wait_for("You said: Whole (1)")
        screen.wait_for_prompt()
        screen.type("\x03")
        screen.wait_for("Ctrl-D or an empty line ends the chat; so does Ctrl-C again")
        screen.wait_for_prompt()
        screen.type("\x03")
        assert screen.end() == 130
        assert "Bye! (thread:" in screen.text()


def test_pasted_lines_and_alt_enter_make_one_prompt(home, server):
    home.use_server(server)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("\x1b[200~first\nsecond\x1b[201~")
        screen.type("\x1b\rthird")
        screen.type("\r")
        screen.wait_for("You said")
        screen.wait_for_prompt()
        screen.type("\x04")
        screen.end()
    assert server.requests[0].body["messages"][0]["content"] == "first\nsecond\nthird"


def test_a_failed_reply_does_not_end_a_chat_on_a_terminal(home, server):
    home.use_server(server)
    server.replies.append(Reply(status=500, body={"error": {"message": "busy"}}))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("One\r")
        screen.wait_for("asstctl: busy (HTTP 500)")
        screen.wait_for_prompt()
        screen.type("Two\r")
        screen.wait_for("You said: Two (1)")
        screen.wait_for_prompt()
        screen.type("\x04")
        assert screen.end() == 0


def test_an_opened_thread_shows_its_last_messages_on_stderr(home, server):
    home.use_server(server)
    for word in ("One", "Two", "Three"):
        home.run("ask", *(["-c"] if word != "One" else []), word)
    out, err = home.run("chat", "-t", "@last", "--history", "2", stdin=b"Four\n")
    assert out == "You said: Four (7)\n"
    assert [
        line for line in err.splitlines() if line.startswith("You said") or line == "Three"
    ] == [
        "Three",
        "You said: Three (5)",
    ]
    assert "Two" not in err


def test_a_chat_from_a_pipe_reads_a_line_a_prompt_and_stops_at_exit(home, server):
    home.use_server(server)
    out, err = home.run("chat", stdin=b"Eins\nZwei \nexit\nDrei\n")
    assert out == "You said: Eins (1)\nYou said: Zwei  (3)\n"
    assert err.startswith("Bye! (thread: local_")
    assert len(server.requests) == 2


def test_a_failure_in_a_piped_chat_ends_it_with_its_exit_code(home, server):
    home.use_server(server)
    server.replies.append(Reply(status=500, body={"error": {"message": "busy"}}))
    err = home.run("chat", stdin=b"One\nTwo\n", code=7)[1]
    assert "busy (HTTP 500)" in err
    assert len(server.requests) == 1


def test_a_file_goes_with_the_first_prompt_alone(home, server):
    home.use_server(server)
    (home.path / "a.txt").write_text("data")
    home.run("chat", "-f", "a.txt", stdin=b"One\nTwo\n")
    first, second = (request.body["messages"][-1]["content"] for request in server.requests)
    assert (first, second) == ("One\n\na.txt:\n```\ndata\n```", "Two")


def test_what_was_typed_is_kept_for_the_next_chat_and_only_for_the_user(home, server):
    home.use_server(server)
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Remember me\r")
        screen.wait_for("You said")
        screen.wait_for_prompt()
        screen.type("\x04")
        screen.end()
    assert stat.S_IMODE(os.stat(home.data / "prompts").st_mode) == 0o600
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("\x1b[A")
        screen.wait_for("Remember me")
        screen.type("\x03")
        screen.wait_for_prompt()
        screen.type("\x04")
        screen.end()


def test_the_terminal_is_as_it_was_after_ctrl_c_in_a_reply(home, server):
    home.use_server(server)
    server.replies.append(Reply("one two " * 100, delay=0.1))
    with Screen(home, "ask", "Count") as screen:
        screen.wait_for("one two one")
        screen.type("\x03")
        assert screen.end() == 130
        assert not screen.screen.cursor.hidden
    message = json.loads(home.run("threads", "history", "-o", "json")[0])["messages"][1]
    assert message["status"] == "cancelled"


@pytest.mark.posix
def test_what_is_typed_while_a_reply_comes_is_not_drawn_into_it_and_not_lost(home, server):
    home.use_server(server)
    server.replies.append(Reply("one two " * 10, delay=0.1))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("Count\r")
        screen.wait_for("one two one")
        screen.type("Early\r")
        screen.wait_for("You said: Early (3)")
        assert "\n".join(screen.lines()).count("Early") == 2
        screen.wait_for_prompt()
        screen.type("\x04")
        assert screen.end() == 0


def test_what_is_missing_is_said_before_anything_is_typed(home):
    with Screen(home, "chat") as screen:
        assert screen.end() == 3
        assert "nothing is set up yet" in screen.text()
        assert ">" not in screen.text()


def test_a_key_that_is_refused_ends_no_chat_on_a_terminal(home, server):
    home.use_server(server)
    server.replies.append(Reply(status=401, body={"error": {"message": "bad key"}}))
    with Screen(home, "chat") as screen:
        screen.wait_for_prompt()
        screen.type("One\r")
        screen.wait_for("asstctl: bad key (HTTP 401)")
        screen.wait_for_prompt()
        screen.type("Two\r")
        screen.wait_for("You said: Two (1)")
        screen.wait_for_prompt()
        screen.type("\r")
        assert screen.end() == 0
        assert "Bye!" in screen.text()
