"""The commands of a chat: what they do, and what is never taken for one."""

import base64
import json
import re

import pytest

from asstctl.commands._slash import COMMANDS
from tests.pages import ALL
from tests.servers import Reply
from tests.terminal import Screen


@pytest.fixture
def chat(home, server):
    home.use_server(server)
    home.run("ask", "Earlier")
    home.run("threads", "rename", "@last", "old")
    with Screen(home, "chat", columns=100, rows=40) as screen:
        screen.wait_for_prompt()
        yield screen


def do(screen, line, wanted):
    screen.type(f"{line}\r")
    screen.wait_for(wanted)
    screen.wait_for_prompt()


def prompts(server):
    return [r.body["messages"][-1]["content"] for r in server.requests if r.method == "POST"]


def test_a_chat_greets_in_two_lines_and_says_where_one_is(chat):
    assert chat.lines()[:2] == [
        "a new thread, default: test",
        "/help shows the commands; an empty line ends the chat",
    ]
    chat.wait_for("default: test · a new thread")
    do(chat, "Hello", "You said: Hello (1)")
    chat.wait_for("default: test · local_")
    chat.wait_for("(Hello)")  # the title too


def test_every_command_is_in_the_help_and_in_the_readme(chat):
    do(chat, "/help", "// says a slash")
    readme = ALL.replace("\\|", "|")
    for command in COMMANDS:
        assert f"/{command.name}" in chat.text()
        assert f"`/{command.name}{f' {command.usage}' if command.usage else ''}`" in readme


def test_an_unknown_command_is_never_sent_and_a_path_and_two_slashes_are_text(chat, server):
    before = len(prompts(server))
    do(chat, "/nothing at all", "no command /nothing")
    do(chat, "//nothing", "You said: /nothing (1)")
    do(chat, "/usr/bin is a folder", "You said: /usr/bin is a folder (3)")
    assert prompts(server)[before:] == ["/nothing", "/usr/bin is a folder"]


def test_threads_are_listed_switched_to_and_begun(chat):
    do(chat, "One", "You said: One (1)")
    do(chat, "/threads", "old: Earlier")
    do(chat, "/switch old", "this is old (Earlier)")
    assert "You said: Earlier (1)" in chat.text()
    do(chat, "Two", "You said: Two (3)")
    do(chat, "/new", "the next prompt begins a new thread")
    do(chat, "Three", "You said: Three (1)")
    do(chat, "/switch nothing", "no thread 'nothing'")
    do(chat, "Four", "You said: Four (3)")


def test_retry_asks_again_and_says_what_the_thread_keeps(chat, server):
    do(chat, "/retry", "nothing was said yet")
    do(chat, "One", "You said: One (1)")
    do(chat, "/retry", "You said: One (3)")
    assert "the thread keeps the first prompt and its reply too" in chat.text()


def test_retry_and_copy_are_of_the_thread_that_is_open(chat, server):
    do(chat, "/switch old", "this is old (Earlier)")
    do(chat, "/copy", "copied 21 characters by")
    do(chat, "/retry", "You said: Earlier (3)")
    do(chat, "Secret", "You said: Secret (5)")
    do(chat, "/new", "the next prompt begins a new thread")
    do(chat, "/retry", "nothing was said yet")
    assert prompts(server)[-2:] == ["Earlier", "Secret"]


def test_what_needs_nothing_takes_nothing(chat):
    do(chat, "/new foo", "/new takes nothing behind it")
    do(chat, "/instructions Be brief.", "Be brief.")
    do(chat, "/instructions -", "there are none")


def test_files_are_brought_along_with_one_prompt(chat, home, server):
    (home.path / "a.txt").write_text("inside")
    do(chat, "/file nothing.txt", "can't read nothing.txt")
    do(chat, "/file a.txt", "the next prompt brings a.txt")
    do(chat, "See", "inside")
    do(chat, "And", "You said: And (3)")
    assert prompts(server)[-2:] == ["See\n\na.txt:\n```\ninside\n```", "And"]


def test_code_is_copied_through_the_terminal_where_no_tool_is(chat, server):
    server.replies.append(Reply("So:\n```python\nx = 1\n```\nand\n```\ny = 2\n```\nDone"))
    do(chat, "Code", "Done")
    do(chat, "/copy code", "copied 6 characters by the terminal (OSC 52)")
    [sent] = re.findall(rb"\x1b\]52;c;([\w+/=]+)\x07", chat.raw)
    assert base64.b64decode(sent) == b"y = 2\n"
    do(chat, "/copy", "copied 46")


def test_a_thread_is_saved_in_the_form_of_its_name(chat, home):
    do(chat, "/save a.md", "nothing was said yet")
    do(chat, "One", "You said: One (1)")
    do(chat, "/save a.jsonl", "2 messages are in a.jsonl")
    lines = (home.path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["One", "You said: One (1)"]
    do(chat, "/save a.jsonl", "is there already")
    do(chat, "/save out", "the last reply made no files")
    do(chat, "/save a.doc", "a thread can't be written as .doc")


def test_model_and_instructions_change_for_this_chat(chat, home, server):
    do(chat, "/model other", "default: other")
    do(chat, "/instructions Be brief.", "Be brief.")
    do(chat, "One", "You said: One (1)")
    body = [r.body for r in server.requests if r.method == "POST"][-1]
    assert body["model"] == "other"
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert 'model = "test"' in home.config.read_text()


def test_what_is_kept_is_searched_and_figures_are_shown(chat):
    do(chat, "A purple cow", "You said: A purple cow (1)")
    do(chat, "/search purple", "user")
    do(chat, "/stats", "figures: on")
    do(chat, "One", "characters a second")
    do(chat, "/history 1", "You said: One (3)")


@pytest.mark.parametrize("word", ["/quit", "QUIT", "Exit", "quit"])
def test_farewells_leave_in_any_case(chat, word):
    chat.type(f"{word}\r")
    assert chat.end() == 0
    assert chat.lines()[-1].startswith("Bye!")


def test_commands_and_threads_are_completed(chat):
    chat.type("/sw\t")
    chat.wait_for("/switch")
    chat.type("ol\t")
    chat.wait_for("/switch old")
    chat.type("\r")
    chat.wait_for("this is old")


def test_an_editor_writes_a_prompt(home, server):
    home.use_server(server)
    editor = home.path / "editor"
    editor.write_text("#!/bin/sh\nprintf 'From the editor' > \"$1\"\n")
    editor.chmod(0o755)
    with Screen(home, "chat", EDITOR=str(editor)) as screen:
        screen.wait_for_prompt()
        do(screen, "/edit", "You said: From the editor (1)")
        screen.type("half\x18\x05")
        while screen.text().count("> From the editor") < 2:
            assert screen.read(1)
        screen.type("\r")
        screen.wait_for("You said: From the editor (3)")


def test_piped_lines_are_never_commands_unless_that_is_asked_for(home, server):
    home.use_server(server)
    (home.path / "secret.txt").write_text("secret")
    lines = b"/file secret.txt\n/quit\nquit\n"
    home.run("chat", stdin=lines)
    assert prompts(server) == ["/file secret.txt", "/quit"]
    server.requests.clear()
    home.run("chat", "--commands", stdin=b"/file secret.txt\nSee\n/quit\nNever\n")
    assert prompts(server) == ["See\n\nsecret.txt:\n```\nsecret\n```"]
    assert "no command /foo" in home.run("chat", "--commands", stdin=b"/foo\n", code=3)[1]
