"""What passed through is kept here, whole, and read from here where its server lets go of it."""

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import NOW, Reply, ThreadsServer, error


def messages(home, *words, code=0):
    """Return the messages that `threads history` says."""
    out = home.run("threads", "history", *words, "-o", "jsonl", code=code)[0]
    return [json.loads(line) for line in out.splitlines()]


def texts(found):
    return [(message["role"], message["text"]) for message in found]


def exported(home, *words, code=0):
    home.run("threads", "export", *words, "-d", "out", code=code)
    return [json.loads(path.read_text()) for path in sorted((home.path / "out").glob("*.json"))]


@pytest.fixture
def talked(home, threads):
    """A thread of two turns on a Foundry project."""
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    return home


TURNS = [
    ("user", "One"),
    ("assistant", "You said: One (1)"),
    ("user", "Two"),
    ("assistant", "You said: Two (3)"),
]


def test_a_turn_is_kept_as_it_passes_and_read_without_a_server(talked, threads):
    asked = len(threads.requests)
    assert texts(messages(talked, "--kept")) == TURNS
    assert len(threads.requests) == asked


def test_where_the_thread_is_gone_history_goes_on_from_what_is_kept(talked, threads):
    del threads.threads["thread_1"]
    out, err = talked.run("threads", "history", "-o", "jsonl")
    assert texts(map(json.loads, out.splitlines())) == TURNS
    assert "No thread found with id 'thread_1'" in err
    assert "thread_1 is read from what is kept here" in err


@pytest.mark.parametrize("fault", [error(503, "busy"), error(404, "Resource not found")])
def test_where_the_server_may_know_more_what_is_kept_is_said_with_exit_6(talked, threads, fault):
    threads.before = lambda _: fault
    assert texts(messages(talked, code=6)) == TURNS
    assert len(exported(talked, "@last", code=6)[0]["messages"]) == 4
    out, err = talked.run("threads", "copy", "@last", "--to", "local", code=6)
    assert out.startswith("local_")
    assert "4 messages of thread_1 copied" in err


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_never_falls_back(talked, threads, status):
    threads.before = lambda _: error(status, "no")
    assert messages(talked, code=4) == []


@pytest.mark.parametrize("marks", [True, False])
@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_fetch_finds_the_kept_turns_again_and_doubles_none(home, threads, form, marks):
    threads.form, threads.drops_metadata = form, not marks
    home.use_threads(threads)
    for prompt in ("Yes", "Yes", "No"):
        home.run("ask", *(("-c",) if threads.threads else ()), prompt)
    threads.say("thread_1", "user", "From elsewhere")
    out = home.run("threads", "fetch", "@last")[0].splitlines()
    assert out[0].split("\t") == [
        "thread",
        "messages",
        "new",
        "here only",
        "runs",
        "files",
        "missing",
    ]
    assert out[1].split("\t")[:4] == ["thread_1", "7", "1", "0"]
    kept = messages(home, "--kept")
    assert [m["id"] for m in kept] == [m["id"] for m in threads.threads["thread_1"]]
    assert [m["raw"] for m in kept] == threads.threads["thread_1"]
    assert home.run("threads", "fetch", "--all")[0].splitlines()[1].split("\t")[2] == "0"


def test_messages_that_the_server_dropped_stay_and_are_marked(talked, threads):
    talked.run("threads", "fetch", "@last")
    del threads.threads["thread_1"][1:3]
    row = talked.run("threads", "fetch", "@last")[0].splitlines()[1].split("\t")
    assert row[:4] == ["thread_1", "2", "0", "2"]
    kept = messages(talked, "--kept")
    assert texts(kept) == TURNS
    assert [bool(m.get("gone_at")) for m in kept] == [False, True, True, False]
    assert texts(messages(talked)) == [TURNS[0], TURNS[3]]


def test_a_changed_message_keeps_its_older_text_beside_it(talked, threads):
    talked.run("threads", "fetch", "@last")
    threads.threads["thread_1"][0]["content"][0]["text"]["value"] = "Changed"
    talked.run("threads", "fetch", "@last")
    first = messages(talked, "--kept")[0]
    assert (first["text"], first["was"]) == ("Changed", ["One"])


@pytest.mark.parametrize("change", ["none", "edited", "deleted", "reordered", "stopped"])
@pytest.mark.parametrize("ids", ["lasting", "of the list alone"])
@pytest.mark.parametrize("marks", [True, False])
@pytest.mark.parametrize("form", ["project", "compatible"])
def test_whatever_became_of_a_thread_two_fetches_keep_all_that_was_seen_once(
    home, threads, form, marks, ids, change
):
    threads.form, threads.drops_metadata = form, not marks
    if ids != "lasting":
        page = threads.page

        def renamed(found, query):
            found = [{**m, "id": m["id"].replace("msg", "item")} for m in found]
            return page(found, query.replace("msg", "item"))

        threads.page = lambda found, query: (
            renamed(found, query) if found and "content" in found[0] else page(found, query)
        )
    home.use_threads(threads)
    home.run("ask", "One")
    if change == "stopped":  # the reply is cut, and can't be completed
        threads.after = lambda r, reply: error(404, "no") if r.method == "GET" else reply
        threads.replies.append(Reply("You said: Two (3)", cut=900))
        home.run("ask", "-c", "Two", code=None)
        threads.after = None
    else:
        home.run("ask", "-c", "Two")
    held = threads.threads["thread_1"]
    turns = [(m["role"], m["content"][0]["text"]["value"]) for m in held]
    if change == "edited":
        held[1]["content"][0]["text"]["value"] = "Another answer"
    elif change == "deleted":
        del held[1]
    elif change == "reordered":
        held[:] = [*held[2:], *held[:2]]
        turns = turns[2:] + turns[:2]
        for second, message in enumerate(held):
            message["created_at"] = NOW + second
    rows = [home.run("threads", "fetch", "@last")[0].splitlines()[1] for _ in range(2)]
    kept = messages(home, "--kept")
    if change == "edited":
        changed = [m for m in kept if m["text"] == "Another answer"]
        assert [m.get("was") for m in changed] == [["You said: One (1)"]]
        kept = [{**m, "text": "You said: One (1)"} if m in changed else m for m in kept]
    assert texts(kept) == turns
    assert [m["text"] for m in kept if m.get("gone_at")] == (
        ["You said: One (1)"] if change == "deleted" else []
    )
    assert rows[1].split("\t")[2] == "0"  # the second fetch finds nothing new


STEP = {
    "id": "step_1",
    "object": "thread.run.step",
    "type": "tool_calls",
    "status": "completed",
    "step_details": {
        "type": "tool_calls",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "code_interpreter",
                "code_interpreter": {
                    "input": "print(6)\nprint(7)",
                    "outputs": [{"type": "logs", "logs": "6\n7\n"}],
                },
            }
        ],
    },
}


def test_runs_and_their_steps_are_told_kept_and_exported(home, threads):
    threads.form = "project"
    threads.steps["run_2"] = [STEP | {"run_id": "run_2"}]
    home.use_threads(threads)
    err = home.run("ask", "Count")[1]
    assert err == "asstctl: code interpreter: 2 lines of code, 2 lines of output\n"
    asked = len(threads.requests)
    [kept] = exported(home, "@last", "--kept")
    assert len(threads.requests) == asked
    [run] = kept["runs"]
    assert run["id"] == "run_2"
    assert run["steps"] == [STEP | {"run_id": "run_2"}]
    [fetched] = exported(home, "@last")
    assert fetched["runs"][0]["steps"] == run["steps"]


def test_an_export_of_the_same_thread_has_the_same_bytes(talked):
    exported(talked, "@last")
    path = talked.path / "out" / "thread_1.json"
    first = path.read_bytes()
    path.unlink()
    exported(talked, "@last", "--kept")
    assert path.read_bytes() == first
    assert "1 unchanged" in talked.run("threads", "export", "@last", "-d", "out")[1]


def test_an_export_never_holds_less_than_the_file_that_it_replaces(talked, threads):
    exported(talked, "@last")
    path = talked.path / "out" / "thread_1.json"
    before = path.read_bytes()
    (talked.data / "threads.db").unlink()  # another machine, say
    del threads.threads["thread_1"][1:3]
    talked.run("threads", "add", "thread_1")
    err = talked.run("threads", "export", "@last", "-d", "out", code=6)[1]
    assert "holds 2 messages that would be lost" in err
    assert "hint: --replace overwrites it" in err
    assert path.read_bytes() == before
    talked.run("threads", "export", "@last", "-d", "out", "--replace")
    assert len(json.loads(path.read_text())["messages"]) == 2


FORMS = [("markdown", "md"), ("text", "txt"), ("html", "html"), ("jsonl", "jsonl")]


@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_no_form_of_an_export_holds_less_than_the_file_that_it_replaces(
    talked, threads, form, suffix
):
    go = ("threads", "export", "@last", "-d", "out", "--format", form)
    talked.run(*go)
    path = talked.path / "out" / f"thread_1.{suffix}"
    before = path.read_bytes()
    threads.threads["thread_1"][-1]["content"][0]["text"]["value"] += " and more"
    talked.run(*go)
    assert path.read_bytes() != before
    before = path.read_bytes()
    (talked.data / "threads.db").unlink()
    del threads.threads["thread_1"][1:3]
    talked.run("threads", "add", "thread_1")
    err = talked.run(*go, code=6)[1]
    assert "holds 2 " in err
    assert "hint: --replace overwrites it" in err
    assert path.read_bytes() == before
    talked.run(*go, "--replace")
    assert path.read_bytes() != before


def test_an_export_never_loses_older_texts_or_what_a_run_held(talked, threads):
    threads.threads["thread_1"][0]["content"][0]["text"]["value"] = "Edited"
    exported(talked, "@last")
    path = talked.path / "out" / "thread_1.json"
    before = path.read_bytes()
    with closing(sqlite3.connect(talked.data / "threads.db")) as database, database:
        database.execute("UPDATE messages SET was = '[]'")
        packed = zlib.compress(b'{"id": "run_1", "status": "completed"}')
        database.execute(
            "UPDATE runs SET object = ? WHERE id = (SELECT min(id) FROM runs)", (packed,)
        )
    err = talked.run("threads", "export", "@last", "--kept", "-d", "out", code=6)[1]
    assert "holds 1 message, 1 run that would be lost" in err
    assert path.read_bytes() == before


def test_with_keep_false_no_word_is_written_here(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    secret = "xylophone"
    home.run("ask", secret, ASSTCTL_KEEP="false")
    home.run("ask", "-c", f"{secret} again", ASSTCTL_KEEP="false")
    threads.say("thread_1", "user", secret)
    assert secret in home.run("threads", "history", ASSTCTL_KEEP="false")[0]
    home.run("threads", "export", "@last", "-d", "out", ASSTCTL_KEEP="false")
    assert secret in (home.path / "out" / "thread_1.json").read_text()
    err = home.run("threads", "fetch", "@last", code=3, ASSTCTL_KEEP="false")[1]
    assert "keep is false" in err
    home.run("threads", "add", "thread_1", ASSTCTL_KEEP="false")
    threads.new_thread({"about": secret})
    for words in (["fetch"], ["copy", "--to", "local", "--dry-run"]):
        home.run("threads", *words, "--remote", code=None, ASSTCTL_KEEP="false")
    for path in home.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_what_was_kept_of_a_deleted_thread_is_gone(talked, threads):
    talked.run("threads", "fetch", "@last")
    talked.run("threads", "delete", "@last", "-y")
    with closing(sqlite3.connect(talked.data / "threads.db")) as db:
        for table in ("threads", "messages", "raw", "runs", "replies"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    for path in talked.data.rglob("*"):
        assert not path.is_file() or b"You said: Two" not in path.read_bytes(), path


def test_fetch_remote_takes_in_every_thread_that_the_server_lists(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    for number in range(3):
        thread = threads.new_thread()["id"]
        for count in range(number + 1):
            threads.say(thread, "user", f"{number}.{count}")
    out = home.run("threads", "fetch", "--remote")[0].splitlines()[1:]
    assert {tuple(row.split("\t")[:3]) for row in out} == {
        ("thread_1", "1", "1"),
        ("thread_2", "2", "2"),
        ("thread_3", "3", "3"),
    }
    threads.threads.clear()
    assert texts(messages(home, "thread_3", "--kept"))[0] == ("user", "2.0")
    assert len(exported(home, "--all")) == 3


def test_a_fetch_that_is_cut_keeps_what_came_and_is_worth_another_try(home):
    class Cut(ThreadsServer):
        form = "project"
        pages = 0

        def answer(self, request):
            if "/messages" in request.path and "after" in request.path and self.pages:
                self.pages -= 1
                return error(503, "busy")
            return super().answer(request)

    with Cut() as server:
        home.use_threads(server)
        thread = home.run("threads", "new")[0].strip()
        for number in range(150):
            server.say(thread, "user", str(number))["created_at"] = NOW + number
        server.pages = 9
        home.run("threads", "fetch", thread, code=7)
        assert len(messages(home, "--kept")) == 100
        server.pages = 0
        home.run("threads", "fetch", thread)
        assert [m["text"] for m in messages(home, "--kept")] == [str(n) for n in range(150)]


def test_history_goes_on_from_what_is_kept_where_a_later_page_can_not_be_had(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    thread = threads.new_thread()["id"]
    for number in range(150):
        threads.say(thread, "user", f"{number}")
    home.run("threads", "fetch", "--remote")

    def before(request):
        later = "/messages" in request.path and "after=" in request.path
        return error(503, "busy") if later else None

    threads.before = before
    out, err = home.run("threads", "history", thread, "-o", "jsonl", code=6)
    assert [json.loads(line)["text"] for line in out.splitlines()] == [str(n) for n in range(150)]
    assert "is read from what is kept here" in err


def test_the_last_messages_are_so_many_though_others_were_deleted(talked):
    talked.run("threads", "fetch", "@last")
    [*_, third, fourth] = messages(talked, "--kept")
    talked.run("threads", "delete", "@last", "--message", third["id"], "--kept", "--yes")
    found = messages(talked, "--kept", "--last", "2")
    assert len(found) == 2
    assert found[1] == fourth


def test_a_conversations_items_are_kept_and_merged_by_their_ids(home):
    with ResponsesServer() as server:
        home.use_threads(server)
        home.run("ask", "One")
        home.run("ask", "-c", "Two")
        home.run("threads", "fetch", "@last")
        kept = messages(home, "--kept")
        assert texts(kept) == [
            ("user", "One"),
            ("assistant", "You said: One (1)"),
            ("user", "Two"),
            ("assistant", "You said: Two (3)"),
        ]
        [thread] = server.conversations
        assert [m["id"] for m in kept] == [item["id"] for item in server.conversations[thread]]


def test_two_processes_that_fetch_and_ask_at_once_lose_and_double_nothing(talked, threads):
    running = [talked.start("threads", "fetch", "thread_1") for _ in range(4)]
    running += [talked.start("ask", "-t", "thread_1", "--wait", f"P{n}") for n in range(3)]
    for process in running:
        process.communicate(timeout=60)
        assert process.returncode == 0
    talked.run("threads", "fetch", "thread_1")
    kept = messages(talked, "--kept")
    assert [m["id"] for m in kept] == [m["id"] for m in threads.threads["thread_1"]]


def test_what_is_kept_of_a_thread_can_be_deleted_alone(talked, threads):
    talked.run("threads", "fetch", "@last")
    err = talked.run("threads", "delete", "--kept", "@last", "-y")[1]
    assert err == "asstctl: deleted what was kept of thread_1\n"
    assert messages(talked, "--kept") == []
    assert texts(messages(talked)) == TURNS
    for path in talked.data.rglob("*"):
        assert not path.is_file() or b"You said" not in path.read_bytes(), path


def test_a_reader_that_holds_deleted_words_is_named(talked):
    with closing(sqlite3.connect(talked.data / "threads.db")) as db:
        db.execute("BEGIN")
        db.execute("SELECT * FROM messages").fetchall()
        err = talked.run("threads", "delete", "@last", "-y")[1]
        assert "another process keeps its words in a file until it ends" in err


def test_an_imported_thread_answers_to_the_id_that_it_had(talked, threads):
    exported(talked, "@last")
    (talked.data / "threads.db").unlink()
    talked.run("-p", "local", "threads", "import", str(talked.path / "out"))
    found = messages(talked, "thread_1")
    assert texts(found) == TURNS
    assert [m["metadata"]["asstctl_id"] for m in found] == [
        m["id"] for m in threads.threads["thread_1"]
    ]
    assert [m["raw"] for m in found] == threads.threads["thread_1"]
    again = exported(talked, "thread_1", "--kept")
    copied = next(found for found in again if found["thread"]["backend"] == "local")
    assert [run["id"] for run in copied["runs"]] == [r["id"] for r in threads.runs["thread_1"]]


# A store of an older version


@pytest.fixture
def older(home):
    """The store that version 4 of the schema left, with a local thread named sky and others."""
    home.data.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(home.data / "threads.db")) as db:
        db.executescript((Path(__file__).parent / "store_4.sql").read_text())
    return home


def test_a_store_of_the_version_before_is_kept_whole(older, server):
    older.use_server(server)
    found = messages(older, "sky")
    assert texts(found) == [
        ("user", "Why is the sky blue?"),
        ("assistant", "You said: Why is the sky blue? (1)"),
        ("user", "And at night?"),
        ("assistant", "You said: And at night? (3)"),
        ("user", "A third?"),
        ("assistant", ""),
    ]
    assert found[0]["id"] == "msg_548fa5c4f4d5af59"
    assert found[-1]["status"] == "failed"
    assert len(older.run("threads", "list", "-q")[0].splitlines()) == 5
    assert older.run("ask", "-t", "sky", "Again")[0] == "You said: Again (5)\n"
    assert len(messages(older, "sky")) == 8


def test_tab_never_brings_a_store_up_to_date(older):
    before = (older.data / "threads.db").read_bytes()
    assert older.run("__complete", "threads")[0] == ""
    assert (older.data / "threads.db").read_bytes() == before
    older.run("threads", "list")
    assert "sky" in older.run("__complete", "threads")[0]


def test_the_first_turn_that_is_kept_of_a_server_is_announced_once(older, threads):
    threads.form = "project"
    older.use_threads(threads)
    told = "turns at servers are kept here now, whole"
    assert told in older.run("ask", "One")[1]
    assert told not in older.run("ask", "-c", "Two")[1]


def test_a_chain_of_an_older_store_goes_on_with_messages_put_into_it_by_hand(older):
    class Resource(ResponsesServer):
        form = "resource"

    with Resource() as server:
        older.use_threads(server)
        with closing(sqlite3.connect(older.data / "threads.db")) as db, db:
            for table in ("threads", "replies", "endpoints"):
                sql = f"UPDATE {table} SET endpoint = ? WHERE endpoint LIKE '%:9'"
                db.execute(sql, (server.url.removesuffix("/openai/v1"),))
        chain = "chain_6ba4acf2ba343249"
        out = older.run("ask", "-t", chain, "Further")[0]
        assert out == "You said: Further (7)\n"
        assert len(messages(older, chain)) == 8


def test_a_text_of_sources_alone_is_read_back(home):
    cited = {"type": "Text", "citations": [{"id": "file_1", "title": "a.csv"}]}
    message = {"id": "m1", "role": "assistant", "status": "completed", "parts": [cited]}
    path = home.path / "a.json"
    thread = {"id": "thread_x", "created_at": None, "metadata": {}}
    content = {"schema": "asstctl-thread/v2", "thread": thread, "messages": [message]}
    path.write_text(json.dumps(content))
    home.configure('backend = "local"\nendpoint = "http://127.0.0.1:9"\nmodel = "x"\n')
    here = home.run("threads", "import", str(path))[0].strip()
    assert messages(home, here)[0]["parts"][0]["citations"] == cited["citations"]


def test_an_import_brings_back_messages_that_have_no_ids(talked, threads):
    kept = exported(talked, "@last", "--kept")
    assert [bool(m["id"]) for m in kept[0]["messages"]].count(False)
    talked.run("threads", "delete", "thread_1", "--kept", "-y")
    threads.before = lambda _: error(503, "gone")
    [path] = (talked.path / "out").glob("*.json")
    assert "4 messages came back" in talked.run("threads", "import", str(path))[1]
    assert texts(messages(talked, "thread_1", "--kept")) == TURNS
