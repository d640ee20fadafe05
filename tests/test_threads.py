"""`asstctl threads`: the index and what was said."""

import json
import os
import sqlite3
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.servers import Reply
from tests.terminal import Screen


@pytest.fixture
def talked(home, server):
    """Two threads: one of two turns, then a newer one of one."""
    home.use_server(server)
    home.run("ask", "What is the capital of France? Please answer with one word, and no more.")
    home.run("ask", "-c", "And of Spain?")
    home.run("ask", "Other")
    return home


def test_new_prints_the_id_alone_and_the_thread_is_there(home):
    out, err = home.run("-p", "local", "threads", "new", "--name", "trip", "--metadata", "a=b=c")
    assert err == ""
    facts = json.loads(home.run("threads", "show", "trip", "-o", "json")[0])
    assert (facts["id"] + "\n", facts["name"], facts["metadata"]) == (out, "trip", {"a": "b=c"})
    assert facts["messages"] == 0
    assert home.run("-p", "local", "threads", "new", "--metadata", "nonsense", code=2)


def test_list_is_newest_first_with_titles_from_the_first_prompt(talked):
    rows = [line.split("\t") for line in talked.run("threads", "list")[0].splitlines()]
    assert [row[2] for row in rows] == [
        "Other",
        "What is the capital of France? Please answer with one word,…",
    ]
    talked.run("ask", "-t", rows[1][0], "Again")
    assert talked.run("threads", "list", "-q", "--limit", "1")[0].strip() == rows[1][0]
    listed = json.loads(talked.run("threads", "list", "-o", "json")[0])
    assert listed["schema"] == 2
    assert [thread["id"] for thread in listed["threads"]] == [rows[1][0], rows[0][0]]


def test_an_empty_list_says_what_to_do(home):
    assert home.run("-p", "local", "threads", "list") == (
        "",
        'asstctl: no threads yet; asstctl ask "..." makes one\n',
    )


@pytest.mark.parametrize("columns", [20, 60, 160])
def test_the_table_shortens_the_title_and_never_the_id(talked, columns):
    ids = talked.run("threads", "list", "-q")[0].split()
    with Screen(talked, "threads", "list", columns=columns) as screen:
        assert screen.end() == 0
        shown = screen.text().replace("\n", "").replace(" ", "")
    assert all(identity in shown for identity in ids)


def test_a_reference_is_an_id_a_prefix_a_name_or_a_place(talked):
    newest, oldest = talked.run("threads", "list", "-q")[0].split()
    talked.run("threads", "rename", oldest, "france")
    for reference, identity in [
        (oldest, oldest),
        (oldest[:14], oldest),
        (oldest[6:14], oldest),
        ("france", oldest),
        ("@last", newest),
        ("@1", newest),
        ("@2", oldest),
    ]:
        assert (
            json.loads(talked.run("threads", "show", reference, "-o", "json")[0])["id"] == identity
        )
    assert "there are 2" in talked.run("threads", "show", "@3", code=5)[1]
    assert "no thread 'nope'" in talked.run("threads", "show", "nope", code=5)[1]
    assert "no thread '@x'" in talked.run("threads", "show", "@x", code=5)[1]


def test_a_name_is_taken_once_and_is_no_reference_of_another_kind(talked):
    newest, oldest = talked.run("threads", "list", "-q")[0].split()
    talked.run("threads", "rename", oldest, "mine")
    assert "the name 'mine' is taken" in talked.run("threads", "rename", newest, "mine", code=3)[1]
    assert "no name for a thread" in talked.run("threads", "rename", newest, "@last", code=3)[1]


def test_show_says_what_the_thread_is(talked):
    out = talked.run("threads", "show", "@2")[0]
    assert "messages" in out
    assert out.splitlines()[-2].split() == ["messages", "4"]
    assert out.splitlines()[-1].split(None, 1) == ["tokens", "prompt 22, completion 23"]


def test_history_is_every_message_oldest_first_and_the_same_each_time(talked):
    out = talked.run("threads", "history", "@2")[0]
    assert [line for line in out.splitlines() if line.endswith((")", "?"))] == [
        "You said: What is the capital of France? Please answer with one word, and no more. (1)",
        "And of Spain?",
        "You said: And of Spain? (3)",
    ]
    assert [line.split(",")[0] for line in out.splitlines() if line.endswith("Z:")] == [
        "user",
        "assistant",
    ] * 2
    assert talked.run("threads", "history", "@2")[0] == out


def test_history_in_json_jsonl_and_markdown_is_the_same_story(talked):
    whole = json.loads(talked.run("threads", "history", "@2", "-o", "json")[0])
    lines = [
        json.loads(line)
        for line in talked.run("threads", "history", "@2", "--format", "jsonl")[0].splitlines()
    ]
    assert whole["schema"] == 2
    assert whole["messages"] == lines
    assert [m["role"] for m in lines] == ["user", "assistant"] * 2
    markdown = talked.run("threads", "history", "@2", "--format", "markdown")[0]
    assert [line for line in markdown.splitlines() if line.startswith("## ")] == [
        f"## {m['role']}, {m['created_at'][:19]}Z" for m in lines
    ]


def test_last_since_and_role_choose_messages(talked):
    def texts(*words):
        out = talked.run("threads", "history", "@2", "-o", "jsonl", *words)[0]
        return [json.loads(line)["text"] for line in out.splitlines()]

    everything = texts()
    assert texts("--last", "1") == everything[-1:]
    assert texts("--role", "user") == everything[::2]
    assert texts("--role", "assistant", "--last", "1") == everything[-1:]
    assert (
        texts("--since", "1h")
        == texts("--since", "2020-01-01")
        == texts("--since", "2020-01-01T10:00+02:00")
        == everything
    )
    assert texts("--since", "2999-01-01") == []
    assert "is no time" in talked.run("threads", "history", "--since", "soon", code=2)[1]
    assert "is no time" in talked.run("threads", "history", "--since", "999999w", code=2)[1]


def test_history_on_a_terminal_is_drawn_with_headings(home, server):
    home.use_server(server)
    server.replies.append(Reply("Some **bold** text\n\n- item\n"))
    home.run("ask", "Hello")
    with Screen(home, "threads", "history") as screen:
        assert screen.end() == 0
        text = screen.text()
    assert "Some bold text" in text
    assert " • item" in text
    assert "**" not in text
    assert "user, 20" in text


def test_a_hostile_title_and_text_never_reach_the_terminals_parser(home, server):
    home.use_server(server)
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe [bold]x[/bold]"
    server.replies.append(Reply(words=list(evil)))
    home.run("ask", evil.replace("\x00", ""))
    for words in (
        ["threads", "list"],
        ["threads", "history"],
        ["threads", "history", "-o", "text"],
        ["threads", "show", "@last"],
    ):
        with Screen(home, *words, columns=160) as screen:
            screen.end()
            assert screen.screen.title == ""
            assert "\u202e".encode() not in screen.raw
            assert b"\x1b]" not in screen.raw
            assert b"\x1b[2J" not in screen.raw
            assert "owned" in screen.text() or "history" not in words


def test_delete_asks_on_a_terminal_and_wants_a_yes_elsewhere(talked):
    assert "add -y" in talked.run("threads", "delete", "@last", code=3)[1]
    with Screen(talked, "threads", "delete", "@last") as screen:
        screen.wait_for("for good?")
        screen.type("n\r")
        assert screen.end() == 1
        assert "nothing was deleted" in screen.text()
    assert len(talked.run("threads", "list", "-q")[0].split()) == 2
    with Screen(talked, "threads", "delete", "@last") as screen:
        screen.wait_for("for good?")
        screen.type("y\r")
        assert screen.end() == 0
    left = talked.run("threads", "list", "-q")[0].split()
    assert len(left) == 1
    talked.run("threads", "delete", "-y", left[0])
    database = sqlite3.connect(talked.data / "threads.db")
    assert database.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    database.close()


def test_ten_processes_at_once_lose_and_double_nothing(home, server):
    home.use_server(server)
    thread = home.run("threads", "new")[0].strip()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda n: home.run("ask", "-t", thread, f"prompt {n}"), range(10)))
    lines = home.run("threads", "history", thread, "-o", "jsonl")[0].splitlines()
    messages = [json.loads(line) for line in lines]
    prompts = sorted(m["text"] for m in messages if m["role"] == "user")
    assert prompts == sorted(f"prompt {n}" for n in range(10))
    assert sum(m["role"] == "assistant" for m in messages) == 10


def test_the_store_is_only_the_users(talked):
    assert stat.S_IMODE(os.stat(talked.data).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(talked.data / "threads.db").st_mode) == 0o600


def test_a_store_of_a_newer_schema_is_refused(talked):
    database = sqlite3.connect(talked.data / "threads.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    err = talked.run("threads", "list", code=1)[1]
    assert "written by a newer asstctl" in err
    assert "hint: upgrade" in err


def test_the_memory_of_history_is_flat_in_the_threads_length(home):
    thread = home.run("-p", "local", "threads", "new")[0].strip()
    database = sqlite3.connect(home.data / "threads.db")

    def peak(count):
        database.execute("DELETE FROM messages")
        rows = (
            (
                1 << 24 | n,
                n,
                f"msg_{n}",
                "user",
                json.dumps([{"part": "Text", "text": "word " * 80}]),
                "completed",
                1.0,
                "{}",
            )
            for n in range(count)
        )
        database.executemany(
            "INSERT INTO messages (number, place, id, role, parts, status, created_at, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        database.commit()
        code = (
            "import sys, resource, runpy; sys.argv = ['asstctl', *sys.argv[1:]]\n"
            "import os; leave = os._exit\n"
            "def out(code): sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)); sys.stderr.flush(); leave(code)\n"
            "os._exit = out\nfrom asstctl.__main__ import run; run()"
        )
        import sys

        done = subprocess.run(
            [sys.executable, "-c", code, "threads", "history", thread, "-o", "json"],
            env=home.environment,
            capture_output=True,
            check=True,
        )
        assert len(json.loads(done.stdout)["messages"]) == count
        return int(done.stderr)

    small, large = peak(100), peak(8_000)
    database.close()
    assert large <= small * 1.1


def test_a_prefix_of_several_threads_lists_them(home):
    from asstctl.errors import ConfigError
    from asstctl.model import Thread
    from asstctl.store.store import Store

    store = Store(home.path / "threads.db")
    for identity in ("local_ab1", "local_ab2"):
        store.index.put(Thread(identity, "local", "", "default"))
    for prefix in ("local_ab", "ab"):
        with pytest.raises(ConfigError, match=r"could be: local_ab\d .*, local_ab\d"):
            store.index.find(prefix)
    store.close()


def test_an_empty_reference_means_no_thread(talked):
    for reference in ("", "local_", "thread_"):
        talked.run("threads", "delete", "-y", reference, code=5)
    assert len(talked.run("threads", "list", "-q")[0].split()) == 2


def test_a_name_never_stands_for_another_threads_id(talked):
    newest, oldest = talked.run("threads", "list", "-q")[0].split()
    assert "no name for a thread" in talked.run("threads", "rename", newest, oldest, code=3)[1]


def test_a_name_that_is_taken_makes_no_thread(talked):
    talked.run("threads", "rename", "@last", "mine")
    assert "the name 'mine' is taken" in talked.run("threads", "new", "--name", "mine", code=3)[1]
    assert len(talked.run("threads", "list", "-q")[0].split()) == 2


def test_local_threads_are_read_without_their_model_key_or_profile(talked):
    talked.configure('[profiles.other]\nbackend = "local"\n')
    talked.run("threads", "history", "@2")
    talked.run("threads", "show", "@2")
    talked.run("threads", "delete", "-y", "@2", code=None)


def test_a_thread_begun_with_a_profile_that_is_gone_is_still_there(home, server):
    home.configure(f'[profiles.work]\nbackend = "local"\nendpoint = "{server.url}"\nmodel = "m"\n')
    home.run("-p", "work", "ask", "Hello")
    home.configure("")
    assert "Hello" in home.run("threads", "history")[0]
    home.run("threads", "rename", "@last", "mine")
    home.run("threads", "delete", "-y", "mine")


def test_a_profile_that_is_not_there_is_not_found(home):
    assert home.run("-p", "nope", "threads", "list", code=5)


def test_numbers_beyond_all_bounds_are_wrong_command_lines(talked):
    for words in (
        ["threads", "list", "--limit", "9" * 30],
        ["threads", "history", "--last", "9" * 30],
        ["ask", "--typing-delay", "9" * 20, "x"],
    ):
        assert "is more than" in talked.run(*words, code=2)[1]
    assert talked.run("threads", "show", "@" + "9" * 30, code=5)
    assert "at most 86400" in talked.run("ask", "--timeout", "inf", "x", code=3)[1]
