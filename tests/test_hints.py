"""Hints work as typed: each command that one names is run, and the error is gone or another one.

The last tests look at every hint in the code: its command exists, with the options that it names.
"""

import ast
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.hints import commands, follow
from tests.responses_server import ResponsesServer
from tests.servers import NOW, error
from tests.terminal import Screen
from tests.test_carrying import Project, imported
from tests.test_moving import profiles
from tests.test_odd_servers import numbered, take_twice

GROUPS = ("threads", "config", "assistants", "models")

PACKAGE = Path(__file__).parent.parent / "asstctl"


@pytest.fixture
def world(home):
    """A server of threads, one of Responses, and this machine, the default."""
    with profiles(home, {"a": Project, "r": ResponsesServer}):
        yield home


def hinted(home, *words, code, of=None):
    """Run a command that fails; return what it said, and the command that its hint names."""
    err = home.run(*words, code=code)[1]
    found = [command for command in commands(err) if of is None or command[: len(of)] == of]
    assert found, err
    return err, found[0]


def mended(home, *words, code, of=None, extra=()):
    """Run a command that fails, then what its hint says, then the command again: it fares otherwise."""
    err, command = hinted(home, *words, code=code, of=of)
    home.run(*command, *extra)
    assert home.run(*words, code=None)[1] != err
    return command


def shown(home, *words, code, of=None):
    """Run a command that fails, then what its hint says, which shows something."""
    _, command = hinted(home, *words, code=code, of=of)
    out, err = home.run(*command)
    assert out or err
    return command


# What there is not


def test_threads_that_are_not_there(home, server):
    home.use_server(server)
    for words in (("threads", "show", "@last"), ("threads", "backup", "all.zip")):
        assert mended(home, *words, code=None)[0] == "ask"
        (home.data / "threads.db").unlink()
    err = home.run("threads", "list")[1]
    assert list(commands(err)) == [["ask", "Hello"]]
    home.run("ask", "Hello")
    assert shown(home, "threads", "show", "nothing", code=5) == ["threads", "list"]


def test_a_thread_that_a_profile_does_not_have(home, server):
    home.configure(
        f'[profiles."my work"]\nbackend = "local"\nmodel = "test"\nendpoint = "{server.url}"\n'
    )
    name = ["-p", "my work"]
    assert mended(home, *name, "threads", "show", "@last", code=5) == [*name, "ask", "Hello"]
    assert shown(home, *name, "threads", "show", "@2", code=5) == [*name, "threads", "list"]


def test_a_profile_that_is_not_there(home):
    flags = ("--no-input", "--backend", "local", "--endpoint", "http://127.0.0.1:9", "--model", "m")
    command = mended(home, "-p", "my work", "ask", "Hi", code=5, extra=flags)
    assert command == ["config", "init", "my work"]


def test_a_settings_file_that_is_not_there_and_is_named(home):
    flags = ("--no-input", "--backend", "local", "--endpoint", "http://127.0.0.1:9", "--model", "m")
    words = ("--config", "my settings.toml", "ask", "Hi")
    assert mended(home, *words, code=3, extra=flags)[:2] == ["--config", "my settings.toml"]
    assert not home.config.exists()


@pytest.mark.parametrize("profile", ["default", "my work"])
def test_settings_that_are_not_set(home, profile):
    table = "" if profile == "default" else f'[profiles."{profile}"]\n'
    home.configure(f'{table}backend = "assistants"\nendpoint = "https://x.openai.azure.com"\n')
    name = [] if profile == "default" else ["-p", profile]
    words = (*name, "ask", "Hi")
    mended(home, *words, code=3, of=[*name, "config", "set", "api_version"])
    mended(home, *words, code=3, of=[*name, "config", "set", "assistant_id"])
    err, command = hinted(home, *words, code=3, of=[*name, "config", "edit"])
    with Screen(home, *command, EDITOR="sed -i s/assistants/local/") as screen:
        assert screen.end() == 0
    assert home.run(*words, code=None)[1] != err
    home.configure(f'{table}backend = "local"\n')
    mended(home, *name, "config", "get", "model", code=3)


def test_nothing_is_set_up_at_all(home, server):
    home.environment["ASSTCTL_PORTS"] = ""
    err = home.run("ask", "Hi", code=3)[1]
    for command in commands(err):
        if command[:2] == ["config", "init"]:
            flags = () if "--no-input" in command else ("--no-input", "--backend", "local")
            home.environment["OPENAI_API_KEY"] = "sk-test"
            home.run(*command, *flags)
            assert home.run("config", "show")[0]
            return
    raise AssertionError(err)


def test_a_setting_that_counts_as_unset(home):
    home.configure('model = "m"\n')
    err = home.run("config", "set", "model", "<insert>", code=3)[1]
    assert follow(home, err) == [["config", "unset", "model"]]
    home.run("config", "get", "model", code=3)


def test_a_server_of_several_models(home, server):
    server.models = ["test", "other"]
    home.configure(f'backend = "local"\nendpoint = "{server.url}"\n')
    words = ("ask", "Hi")
    assert mended(home, *words, code=3) == ["config", "set", "model", "test"]
    home.run(*words)


def test_a_profile_that_keeps_nothing(world):
    world.run("config", "set", "keep", "false", "-p", "a")
    command = mended(world, "threads", "fetch", "--remote", "-p", "a", code=3)
    assert command == ["-p", "a", "config", "unset", "keep"]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("threads", "list", "--remote"), ["threads", "list"]),
        (("assistants", "list"), ["config", "show"]),
        (("assistants", "list", "-p", "r"), ["config", "show"]),
        (("threads", "list", "--remote", "-p", "r"), ["threads", "list"]),
    ],
)
def test_lists_that_a_server_has_not(world, words, command):
    world.run("ask", "Hello")
    assert shown(world, *words, code=1) == command


# Threads that are locked, gone, refused


def test_a_thread_that_a_run_locks(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    run = {"id": "run_other", "thread_id": "thread_1", "status": "in_progress", "created_at": NOW}
    threads.runs["thread_1"].append({**run, "reply": "late"})
    assert mended(home, "ask", "-c", "Two", code=1) == ["threads", "unlock", "thread_1"]
    threads.runs["thread_1"][-1] |= {"status": "requires_action"}
    command = mended(home, "threads", "recover", "thread_1", code=6)
    assert command == ["threads", "unlock", "thread_1"]


def test_a_server_that_cannot_delete(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    threads.before = lambda r: error(405, "Method not allowed") if r.method == "DELETE" else None
    command = mended(home, "threads", "delete", "thread_1", "-y", code=1)
    assert command == ["threads", "delete", "thread_1", "--keep-remote"]
    assert home.run("threads", "list", "-q")[0] == ""


def test_a_copy_that_is_gone(world):
    first = imported(world, numbered(2))
    target = world.run("threads", "copy", first, "--to", "r")[0].strip()
    del world.servers["r"].conversations[target]
    world.run("ask", "-t", first, "More")
    words = ("threads", "copy", first, "--to", "r")
    assert mended(world, *words, code=5) == ["threads", "delete", target, "--keep-remote"]
    world.run(*words)


def test_a_copy_that_holds_a_message_twice(world):
    take_twice(world.servers["r"])
    first = imported(world, numbered(2))
    words = ("threads", "copy", first, "--to", "r")
    world.run(*words, code=7)
    mended(world, *words, code=6, extra=("-y",))
    world.run(*words)


def test_messages_that_are_not_there(world):
    first = imported(world, numbered(2))
    assert shown(world, "threads", "fork", first, "--at", "7", code=5)[-1] == "jsonl"
    words = ("threads", "delete", first, "--message", "nope", "--kept", "-y")
    assert shown(world, *words, code=5)[:3] == ["threads", "history", first]


def test_a_source_that_lost_what_was_copied_last(world):
    first = imported(world, numbered(2))
    world.run("threads", "copy", first, "--to", "r")
    with closing(sqlite3.connect(world.data / "threads.db")) as db:
        db.execute(
            "DELETE FROM messages WHERE number IN (SELECT max(number) FROM messages WHERE number >> 24 = 1)"
        )
        db.commit()
    command = shown(world, "threads", "copy", first, "--to", "r", code=1)
    assert command == ["threads", "export", first]


def test_a_reply_without_code(home, server):
    home.use_server(server)
    assert shown(home, "ask", "-x", "Hi", code=1) == ["threads", "history"]


# Every hint in the code

LEFT_OUT = ("commands/help.py", "commands/welcome.py", "commands/app.py")


def templates():
    """The commands that texts of the code name; `X` stands for what is filled in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if str(path.relative_to(PACKAGE)) in LEFT_OUT:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        inner = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
        docs = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in inner | docs:
                continue
            if isinstance(node, ast.JoinedStr):
                values = (v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
                yield from commands("".join(values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from commands(node.value)


def test_every_command_that_the_code_names_exists_with_its_options(home):
    shapes = {tuple(words) for words in templates()}
    assert len(shapes) > 20
    for words in sorted(shapes):
        named = [word for word in words if word.startswith("--")]
        profile = 2 if words[0] == "-p" else 0
        path = [word.rstrip("X") or "X" for word in words[profile : profile + 2]]
        if path[0] in ("X", "thr<TAB>"):  # the command that was typed, and half of one
            continue
        if path[0] not in GROUPS:
            path = path[:1]
        known = home.run(*path, "--help")[0] + home.run("--help")[0]
        assert all(name in known for name in named), words
