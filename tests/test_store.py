"""What is remembered survives: kills, crowds, full disks, closed folders, damage."""

import json
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing

import pytest

from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.parts import Text
from asstctl.store import schema
from asstctl.store.store import Store
from tests.servers import Reply

KILLS = int(os.environ.get("ASSTCTL_KILLS", "15"))
"""How often a process is killed; the full run says more."""


def whole(path):
    """Demand that the database is sound."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def history(home, thread):
    out = home.run("threads", "history", thread, "-o", "jsonl")[0]
    return [(m["role"], m["text"], m["status"]) for m in map(json.loads, out.splitlines())]


def killed(process, seconds):
    """Kill a process after so many seconds, unless it ends before."""
    time.sleep(seconds)
    process.kill()
    process.communicate()


def test_kill_9_at_any_moment_of_a_turn_leaves_every_turn_whole_or_marked(home, server):
    home.use_server(server)
    home.run("ask", "Begin")
    thread = home.run("threads", "list", "-q")[0].strip()
    clock = random.Random(7)
    shown = []
    for number in range(KILLS):
        server.replies.append(Reply(f"reply {number} " * 5, delay=0.002))
        process = home.start("ask", "-t", thread, f"prompt {number}")
        killed(process, clock.uniform(0, 0.25))
        server.replies.clear()
        shown.append(process.returncode == 0)
    whole(home.data / "threads.db")
    turns = history(home, thread)[2:]
    assert [role for role, _, _ in turns] == ["user", "assistant"] * (len(turns) // 2)
    prompts = [text for role, text, _ in turns if role == "user"]
    assert len(set(prompts)) == len(prompts)  # none twice
    for (_, prompt, _), (_, text, status) in zip(turns[::2], turns[1::2], strict=True):
        number = prompt.split()[1]
        expected = f"reply {number} " * 5
        assert (text, status) == (expected, "completed") or (text, status) == ("", "cut")
    for number, done in enumerate(shown):
        assert not done or f"prompt {number}" in prompts
    assert home.run("ask", "-t", thread, "And now?")[0].startswith("You said: And now?")


def old_store(path, turns):
    """A store as the first version wrote it, with a thread in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob("threads.db*"):
        leftover.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(schema.MIGRATIONS[0])
        db.execute(
            "INSERT INTO threads (id, backend, endpoint, profile, title, created_at, said_at)"
            " VALUES ('local_1', 'local', '', 'local', 'Old', 1, 1)"
        )
        rows = [
            (1, n, f"m{n}", "user", '[{"part": "Text", "text": "x"}]', "completed", 1, "{}")
            for n in range(turns)
        ]
        db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute("PRAGMA user_version = 1")
        db.commit()


def test_kill_9_at_any_moment_of_a_migration_leaves_the_old_or_the_new(home):
    path = home.data / "threads.db"
    clock = random.Random(7)
    for _ in range(KILLS):
        old_store(path, 500)
        killed(home.start("threads", "list"), clock.uniform(0, 0.1))
        whole(path)
        with closing(sqlite3.connect(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        assert version in (1, len(schema.MIGRATIONS))
        assert ("endpoints" in tables) == (version > 1)
    assert home.run("threads", "list", "-q")[0] == "local_1\n"
    assert len(history(home, "local_1")) == 500


def test_a_version_of_the_schema_is_never_changed_after_it_was_written():
    """Whoever changes one of these must add another migration instead."""
    known = [
        "threads threads_by_profile threads_by_time messages",
        "endpoints",
        "replies copies",
        "threads_by_turn",
        "messages_by_place messages_by_id messages_by_turn messages_by_mark raw runs files files_by_id files_by_hash counter",
        "removed",
        "searching unindexed",
        "runs_by_place",
        "uploading title_words title_words_by_thread",
    ]
    with closing(sqlite3.connect(":memory:")) as db:
        before = set()
        for migration, names in zip(schema.MIGRATIONS, known, strict=True):
            db.executescript(migration)
            after = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            made = {name for name in after - before if not name.startswith("sqlite_")}
            assert made == set(names.split())
            before = after


def test_ten_processes_at_once_on_one_thread_lose_and_double_nothing(home, server):
    home.use_server(server)
    home.run("ask", "Begin")
    thread = home.run("threads", "list", "-q")[0].strip()
    running = [home.start("ask", "-t", thread, f"prompt {n}") for n in range(10)]
    for process in running:
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
    turns = history(home, thread)[2:]
    assert sorted(text for role, text, _ in turns if role == "user") == [
        f"prompt {n}" for n in range(10)
    ]
    for (_, prompt, _), (_, reply, _) in zip(turns[::2], turns[1::2], strict=True):
        assert reply.startswith(f"You said: {prompt}")  # each reply stands below its prompt


def test_a_full_disk_is_one_line_and_loses_nothing_that_was_there(home, server):
    home.use_server(server)
    home.run("ask", "Begin")
    thread = home.run("threads", "list", "-q")[0].strip()
    before = history(home, thread)
    size = str((home.data / "threads.db").stat().st_size + 8192)
    text = "x" * 200_000
    out, err = home.run(
        "ask", "-t", thread, "-f", "/dev/stdin", stdin=text.encode(), code=None, TEST_FILE_SIZE=size
    )
    assert err.startswith("asstctl: can't use the store ")
    assert len(err.splitlines()) <= 2
    assert out == ""
    whole(home.data / "threads.db")
    assert history(home, thread) == before
    assert home.run("ask", "-t", thread, "And now?")[0].startswith("You said: And now?")


def test_a_disk_that_fills_up_in_a_transaction_is_said_in_the_databases_words(tmp_path):
    store = Store(tmp_path / "threads.db")
    store.index.put(Thread("local_1", "local", "", "default"))
    store._db._db.execute("PRAGMA max_page_count = 20")
    with pytest.raises(AsstctlError, match="disk is full"):
        store.messages.append(("local_1", ""), [Message("", "user", (Text("x" * 1_000_000),))])
    store._db._db.execute("PRAGMA max_page_count = 100000")
    store.messages.append(("local_1", ""), [Message("", "user", (Text("small"),))])
    assert [m.text for m in store.messages.of(("local_1", ""))] == ["small"]
    store.close()


@pytest.fixture
def closed(home, server):
    """A home with a thread whose data folder nobody may write to."""
    home.use_server(server)
    home.run("ask", "Hello")
    home.environment["TEST_NO_OVERRIDE"] = "1"
    for path in (home.data / "threads.db", home.data):
        path.chmod(path.stat().st_mode & ~0o222)
    yield home
    home.data.chmod(0o700)


def test_a_folder_that_can_only_be_read_can_be_read(closed, server):
    assert [m[1] for m in history(closed, "@last")] == ["Hello", "You said: Hello (1)"]
    assert closed.run("threads", "list")[0]
    assert closed.run("threads", "export", "@last")[0]
    asked = len(server.requests)
    err = closed.run("ask", "-c", "More", code=1)[1]
    assert err == f"asstctl: the store {closed.data}/threads.db can't be written\n"
    assert len(server.requests) == asked


def test_with_a_folder_that_can_only_be_read_remote_threads_go_on(closed, threads):
    with closed.config.open("a") as file:
        lines = "".join(f'{k} = "{v}"\n' for k, v in threads.settings.items())
        file.write(f"[profiles.far]\n{lines}")
    out, err = closed.run("-p", "far", "ask", "Hello", MY_KEY="canary")
    assert out == "You said: Hello (1)\n"
    assert err == (
        f"asstctl: nothing is remembered: the store {closed.data}/threads.db can't be written\n"
    )


@pytest.mark.parametrize("data", ["/dev/null/x", "/proc/x"])
def test_without_a_home_remote_threads_go_on_and_local_ones_refuse(home, server, threads, data):
    home.use_threads(threads)
    out, err = home.run("ask", "Hello", XDG_DATA_HOME=data)
    assert out == "You said: Hello (1)\n"
    assert err.startswith("asstctl: nothing is remembered: can't use the store ")
    home.use_server(server)
    err = home.run("ask", "Hello", code=1, XDG_DATA_HOME=data)[1]
    assert err.startswith("asstctl: can't use the store ")
    assert not server.requests


@pytest.mark.parametrize("data", [b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_kept_aside_and_never_overwritten(home, server, data):
    home.use_server(server)
    path = home.data / "threads.db"
    home.data.mkdir(parents=True)
    for number in (1, 2):
        path.write_bytes(data)
        path.chmod(0o600)
        aside = home.data / f"threads.db.damaged-{number}"
        err = home.run("threads", "list", code=1)[1].splitlines()
        assert err[0].startswith(f"asstctl: can't use the store {path}: ")
        assert err[1] == (
            f"hint: it is kept as {aside}; 0 threads, 0 messages, 0 runs, 0 files were salvaged;"
            " run the command again"
        )
        assert aside.read_bytes() == data
    home.run("ask", "Hello")
    assert home.run("threads", "list", "-q")[0].startswith("local_")


def test_a_page_that_is_damaged_is_one_line_and_the_file_is_left_alone(home, server):
    home.use_server(server)
    for prompt in ("One", "Two"):
        home.run("ask", prompt)
    path = home.data / "threads.db"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    err = home.run("threads", "list", code=1)[1]
    assert err.startswith(f"asstctl: can't use the store {path}: ")
    assert len(err.splitlines()) == 2
    kept = [path, *home.data.glob("threads.db.damaged-*")]
    assert any(p.exists() and p.read_bytes() == data for p in kept)


def test_a_store_and_its_folder_are_the_users_alone(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    assert stat.S_IMODE(home.data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in home.data.iterdir()} == {0o600}


def test_files_that_others_can_read_are_warned_about(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    (home.data / "threads.db").chmod(0o644)
    home.config.chmod(0o604)
    err = home.run("threads", "list")[1].splitlines()
    assert err == [
        f"asstctl: others can read {home.config}; chmod 600 {home.config}",
        f"asstctl: others can read {home.data}/threads.db; chmod 600 {home.data}/threads.db",
    ]


def test_sigterm_while_a_turn_is_written_keeps_what_came(home, server):
    home.use_server(server)
    server.replies.append(Reply("word " * 50, delay=0.05))
    process = home.start("ask", "Count")
    assert process.stdout.read(5) == b"word "
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20) is not None
    assert process.returncode == 143
    _, (role, text, status) = history(home, "@last")
    assert (role, status) == ("assistant", "cancelled")
    assert text.startswith("word ")


def test_twenty_processes_at_once_on_an_empty_store_make_it_once(home, server):
    home.use_server(server)
    running = [home.start("ask", f"prompt {n}") for n in range(20)]
    for process in running:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert err == b""
    assert len(home.run("threads", "list", "-q")[0].split()) == 20
    whole(home.data / "threads.db")


def test_a_disk_that_is_full_at_the_first_write_leaves_a_store_that_can_be_used_later(tmp_path):
    store = Store(tmp_path / "threads.db")
    store._db._appear()
    store._db._db.execute("PRAGMA max_page_count = 2")
    with pytest.raises(AsstctlError, match="disk is full"):
        store.index.put(Thread("local_1", "local", "", "default"))
    assert store.index.threads() == []
    store._db._db.execute("PRAGMA max_page_count = 100000")
    store.index.put(Thread("local_1", "local", "", "default"))
    assert [thread.id for thread in store.index.threads()] == ["local_1"]
    store.close()


AT_ONCE = """
import multiprocessing, pathlib, sys
from asstctl.model import Thread
from asstctl.store.store import Store

def begin(number, barrier, folder, rounds):
    for each in range(rounds):
        barrier.wait()
        store = Store(pathlib.Path(folder, str(each), "threads.db"))
        store.index.put(Thread(f"local_{number}", "local", "", "default"))
        store.close()

folder, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
context = multiprocessing.get_context("fork")
barrier = context.Barrier(count)
all_ = [context.Process(target=begin, args=(n, barrier, folder, rounds)) for n in range(count)]
for one in all_:
    one.start()
for one in all_:
    one.join()
sys.exit(max(one.exitcode for one in all_))
"""


def test_a_store_that_several_processes_begin_in_the_same_moment_is_begun_once(tmp_path):
    count, rounds = 8, 40
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE, str(tmp_path), str(count), str(rounds)],
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    for number in range(rounds):
        with closing(Store(tmp_path / str(number) / "threads.db")) as store:
            assert len(store.index.threads()) == count
            assert store._db.value("PRAGMA journal_mode") == "wal"


def test_a_variable_moves_the_store(home, server):
    home.use_server(server)
    home.run("ask", "Hello", ASSTCTL_DATA=str(home.path / "elsewhere"))
    assert (home.path / "elsewhere/threads.db").exists()
    assert not home.data.exists()
    assert home.run("threads", "list", "-q", ASSTCTL_DATA="~/elsewhere")[0]


def test_a_first_write_that_fails_leaves_a_store_that_can_be_read():
    with closing(Store(None)) as store:
        with pytest.raises(AsstctlError):
            store.messages.append(("nowhere", ""), [Message("", "user", (Text("x"),))])
        assert store.index.threads() == []
        store.index.put(Thread("local_1", "local", "", "default"))
        assert len(store.index.threads()) == 1


# The thread that was said to last


def test_the_last_thread_is_told_by_a_counter_and_not_by_a_clock_or_a_file(home, server):
    home.use_server(server)
    home.run("ask", "Mine")
    mine = home.run("threads", "list", "-q")[0].split()[0]
    home.run("ask", "Older")
    path = home.run("threads", "export", "@last")[0].strip()
    found = json.loads((home.path / path).read_text())
    found["thread"] |= {"id": "local_imported", "last_used_at": "2100-01-01T00:00:00Z"}
    for message in found["messages"]:
        message["created_at"] = "2100-01-01T00:00:00Z"
    (home.path / path).write_text(json.dumps(found))
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as db:
        db.execute("UPDATE threads SET said_at = 4e9")  # the clock was ahead, and was set back
    home.run("ask", "-t", mine, "Again")
    home.run("threads", "import", path)
    home.run("ask", "-c", "A secret")
    assert ("user", "A secret", "completed") in history(home, mine)
    assert home.run("threads", "list", "-q")[0].split()[0] == mine


@pytest.mark.parametrize("prompts", [[], ["Before"]])
def test_a_failed_prompt_leaves_no_thread_on_top(home, server, responses, prompts):
    for kept in (True, False):
        holder = server if kept else responses
        home.use_server(server) if kept else home.use_threads(responses)
        for prompt in prompts:
            home.run("ask", prompt)
        top = home.run("threads", "list", "-q")[0].split()[:1]
        holder.replies.append(Reply(status=400, body={"error": {"message": "no"}}))
        home.run("ask", "Wrong", code=1)
        if prompts:
            assert home.run("threads", "list", "-q")[0].split()[:1] == top
            home.run("ask", "-c", "Right")
            assert home.run("threads", "list", "-q")[0].split()[:1] == top


def test_new_add_and_fork_put_a_thread_on_top_and_a_copy_does_not(home, threads):
    home.use_threads(threads)

    def top():
        return home.run("threads", "list", "-q")[0].split()[0]

    made = [home.run("threads", "new")[0].strip() for _ in range(2)]
    assert top() == made[1]
    threads.new_thread()
    home.run("threads", "add", "thread_3")
    assert top() == "thread_3"
    fork = home.run("threads", "fork", made[0])[0].strip()
    assert top() == fork
    home.run("threads", "copy", made[0], "--to", "local")
    assert top() == fork


# Damage


def filled(home, server):
    """Make a store of 16 threads, all in its one file; return its path."""
    home.use_server(server)
    for number in range(16):
        server.replies.append(Reply(f"reply {number} " * 150))
        home.run("ask", f"prompt {number}")
    path = home.data / "threads.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def test_damage_anywhere_is_set_aside_and_what_can_be_read_is_salvaged(home, server):
    path = filled(home, server)
    with closing(sqlite3.connect(path)) as db:
        before = db.execute("SELECT count(*) FROM messages").fetchone()[0]
        leaves = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'")
        root = leaves.fetchone()[0]
    data = bytearray(path.read_bytes())
    pages = len(data) // 4096
    hurt = next(n for n in range(pages - 1, 0, -1) if b"reply" in data[n * 4096 : (n + 1) * 4096])
    assert hurt + 1 != root
    data[hurt * 4096 : hurt * 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)
    home.run("threads", "export", "--all", "-d", "out", code=None)
    err = "".join(home.run("threads", "export", "--all", "-d", "out", code=None)[1])
    [aside] = home.data.glob("threads.db.damaged-1")
    assert aside.read_bytes() == bytes(data)
    whole(path)
    with closing(sqlite3.connect(path)) as db:
        after = db.execute("SELECT count(*) FROM messages").fetchone()[0]
        assert before * 0.7 < after < before
        assert db.execute("SELECT count(*) FROM threads").fetchone() == (16,)
    assert "unexpected" not in err
    home.run("ask", "And now?")


def hurt(path, number, size=64):
    """Spoil the head of a page."""
    with path.open("r+b") as file:
        file.seek((number - 1) * 4096 + (100 if number == 1 else 0))
        file.write(b"\xff" * size)


@pytest.mark.parametrize("table", ["messages", "raw", "runs", "sqlite_schema", "messages_by_place"])
def test_a_damaged_root_costs_no_row_that_stands_elsewhere(home, threads, table):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    for number in range(150):
        threads.say("thread_1", "user", f"filler {number} " + "x" * 400)
        run = dict(threads.runs["thread_1"][0], id=f"run_x{number}", instructions="y" * 99)
        threads.runs["thread_1"].append(run)
    home.run("threads", "fetch", "@last")
    path = home.data / "threads.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        root = (db.execute(sql, (table,)).fetchone() or (1,))[0]
    hurt(path, root)
    home.run("threads", "export", "@last", "--kept", "-d", "out", code=1)
    whole(path)
    home.run("threads", "export", "thread_1", "--kept", "-d", "out")
    found = json.loads((home.path / "out" / "thread_1.json").read_text())
    assert len(found["messages"]) == 152
    assert sum("raw" in message for message in found["messages"]) >= 151
    assert len(found["runs"]) >= 130  # those of the root itself are lost
    threads.threads["thread_1"][5]["content"][0]["text"]["value"] = "edited"
    threads.say("thread_1", "user", "the newest")
    home.run("threads", "fetch", "thread_1")
    told = home.run("threads", "history", "thread_1", "--kept")[0]
    assert told.endswith("the newest\n")
    assert "edited" in told


def test_a_chat_goes_on_in_the_store_that_another_command_has_mended(home, server):
    home.use_server(server)
    home.run("ask", "A " + "x" * 50_000)
    home.run("ask", "One")
    path = home.data / "threads.db"
    chat = home.start("chat", "-c", stdin=subprocess.PIPE)
    try:
        chat.stdin.write(b"Two\n")
        chat.stdin.flush()
        while b"Two" not in path.read_bytes():
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            time.sleep(0.05)
        with closing(sqlite3.connect(path)) as db:
            sql = "SELECT rootpage FROM sqlite_master WHERE name = 'copies'"
            root = db.execute(sql).fetchone()[0]
        hurt(path, root)
        (home.path / "x.json").write_text(
            '{"schema": "asstctl-thread/v2", "thread": {"id": "t"}, "messages": []}'
        )
        home.run("threads", "import", "x.json", code=None)
        assert list(home.data.glob("*.damaged-1"))
        out, err = chat.communicate(b"Three\nexit\n", timeout=60)
    finally:
        chat.kill()
    assert b"You said: Three" in out
    thread = err.split(b"(thread: ")[1].split(b")")[0].decode()
    told = home.run("threads", "history", thread)[0]
    assert [w for w in ("One", "Two", "Three") if f"You said: {w}" in told] == [
        "One",
        "Two",
        "Three",
    ]


def test_a_disk_that_is_full_while_a_store_is_mended_leaves_it_as_it_was(home, server):
    path = filled(home, server)
    with closing(sqlite3.connect(path)) as db:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        hurt(path, db.execute(sql).fetchone()[0])
    before = path.read_bytes()
    limit = 40_000

    def narrow():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = [sys.executable, "-m", "asstctl", "threads", "export", "--all", "-d", "out"]
    done = subprocess.run(
        words, env=home.environment, cwd=home.path, capture_output=True, preexec_fn=narrow
    )
    assert b"can't be mended" in done.stderr
    assert path.read_bytes() == before
    home.run("threads", "export", "--all", "-d", "out", code=None)
    assert len(home.run("threads", "list", "-q")[0].splitlines()) == 16


def test_a_store_that_was_cut_short_gives_back_the_rows_before_the_cut(home, server):
    path = filled(home, server)
    data = path.read_bytes()
    path.write_bytes(data[: -3 * 4096])
    home.run("threads", "list", code=1)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM threads").fetchone()[0] > 8
        assert db.execute("SELECT count(*) FROM messages").fetchone()[0] > 8
    home.run("threads", "list")


@pytest.mark.parametrize("bad", [b'[{"type": "Text", "text": "You \xff"}]', b"[{", b"[[[]]]"])
def test_one_unreadable_message_hides_no_other(home, server, bad):
    home.use_server(server)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    with closing(sqlite3.connect(home.data / "threads.db")) as db, db:
        db.execute("UPDATE messages SET parts = CAST(? AS TEXT) WHERE place = 2", (bad,))
    out, err = home.run("threads", "history", code=6)
    assert "One" in out
    assert "You said: Two" in out
    assert "can't be read: the disk damaged" in out
    assert "1 of the messages that are kept of" in err
    assert home.run("ask", "New")[0] == "You said: New (1)\n"
    err = home.run("threads", "export", "--all", "-d", "out", code=6)[1]
    assert "2 written" in err
    assert "can't be read" in "".join(f.read_text() for f in (home.path / "out").glob("*.json"))
    thread = home.run("threads", "list", "-q")[0].split()[1]
    out, err = home.run("ask", "-t", thread, "Three")
    assert "the model does not see them" in err
    assert out == "You said: Three (3)\n"


def test_a_store_that_was_cut_to_nothing_is_said(home, server):
    home.use_server(server)
    assert "is empty" not in home.run("threads", "list")[1]
    home.run("ask", "One")
    for leftover in home.data.glob("threads.db-*"):
        leftover.unlink()
    (home.data / "threads.db").write_bytes(b"")
    os.utime(home.data / "threads.db", (1, 1))  # a moment ago it might be being made
    assert "threads.db is empty: threads that it held are lost" in home.run("ask", "Two")[1]
    assert "is empty" not in home.run("threads", "list")[1]


def test_a_damaged_store_ends_no_remote_reply(home, threads):
    home.use_threads(threads)
    home.run("ask", "One")
    path = home.data / "threads.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    home.run("ask", "Two", code=None)
    assert home.run("ask", "Three")[0] == "You said: Three (1)\n"


# Settings


def test_settings_that_are_changed_at_once_are_all_kept(home):
    home.configure("")
    processes = [
        home.start("-p", f"p{number}", "config", "set", "model", f"m{number}")
        for number in range(15)
    ]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    for number in range(15):
        assert home.run("-p", f"p{number}", "config", "get", "model")[0] == f"m{number}\n"


def test_two_at_once_that_begin_a_settings_file_make_it_once(home):
    processes = [
        home.start("config", "set", "model", "m"),
        home.start("config", "set", "timeout", "5"),
    ]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert home.run("config", "get", "model")[0] == "m\n"
    assert home.run("config", "get", "timeout")[0] == "5.0\n"
