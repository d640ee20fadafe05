"""What is kept stays whole, whatever servers, other processes and users do meanwhile."""

import json
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from asstctl.model import Thread
from asstctl.store.files import Known
from asstctl.store.store import Store
from tests.responses_server import ResponsesServer
from tests.servers import Reply, error, named


def kept(home, thread="@last"):
    out = home.run("threads", "history", thread, "--kept", "-o", "jsonl")[0]
    return [json.loads(line) for line in out.splitlines()]


class Resource(ResponsesServer):
    form = "resource"


class Same(Resource):
    """Gives every reply the same id of its message."""

    def told(self, identity, reply):
        events = super().told(identity, reply)
        said = self.responses[identity]["will_say"]
        old, said["id"] = said["id"], "msg_same"
        return json.loads(json.dumps(events).replace(f'"{old}"', '"msg_same"'))


@pytest.fixture
def project(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    return threads


def test_a_chain_that_was_fetched_is_not_said_to_the_server_again(home):
    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One", ASSTCTL_KEEP="false")
        home.run("ask", "-c", "Two", ASSTCTL_KEEP="false")
        home.run("threads", "fetch", "@last")
        home.run("ask", "-c", "Three")
        body = [r.body for r in server.requests if r.method == "POST"][-1]
        assert (body["input"], body["previous_response_id"]) == ("Three", "resp_2")


def test_what_a_server_says_in_place_of_an_expired_reply_is_no_message(home):
    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "One", ASSTCTL_KEEP="false")
        expired = server.responses.pop("resp_1")
        home.run("threads", "fetch", "@last", code=None)
        server.responses["resp_1"] = expired
        home.run("threads", "fetch", "@last")
        assert [m["text"] for m in kept(home)] == ["One", "You said: One (1)"]


def test_messages_without_an_id_are_kept_once(home, project):
    for number, identity in enumerate(("", None, None)):
        project.say("thread_1", "user", "The same")["id"] = identity
        project.threads["thread_1"][-1]["created_at"] += number // 2
    for _ in range(2):
        home.run("threads", "fetch", "@last")
    home.run("threads", "export", "@last", "-d", "out")
    found = json.loads((home.path / "out" / "thread_1.json").read_text())
    assert [m["parts"][0]["text"] for m in found["messages"]][2:] == ["The same"] * 3


def test_a_turn_kept_beside_a_held_store_of_a_deleted_thread_stops_nobody(home, project):
    home.run("ask", "Another")
    project.replies.append(Reply(words=["a ", "b ", "c"], stall=4))
    asked = home.start("ask", "-t", "thread_1", "Two")
    while b"b" not in asked.stdout.read1(100):
        pass
    home.run("threads", "delete", "thread_1", "--keep-remote")
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        asked.communicate(timeout=60)
        database.execute("ROLLBACK")
    assert asked.returncode == 0
    for _ in range(2):
        assert home.run("threads", "list", "-q")[0] == "thread_2\n"


def test_a_fetch_that_overlaps_a_delete_writes_into_no_other_thread(home, project):
    reached, deleted = threading.Event(), threading.Event()

    def before(request):
        if request.method == "GET" and request.path.partition("?")[0].endswith("/runs"):
            reached.set()
            deleted.wait(20)

    project.before = before
    fetching = home.start("threads", "fetch", "@last")
    assert reached.wait(20)
    project.before = None
    home.run("threads", "delete", "thread_1", "--keep-remote")
    home.run("ask", "Another")
    deleted.set()
    err = fetching.communicate(timeout=60)[1].decode()
    assert fetching.returncode == 5
    assert "thread_1" in err
    home.run("threads", "export", "thread_2", "--kept", "-d", "out")
    found = json.loads((home.path / "out" / "thread_2.json").read_text())
    assert {run["thread_id"] for run in found["runs"]} == {"thread_2"}


def test_replies_that_share_an_id_are_all_kept_and_said_again(home):
    with Same() as server:
        home.use_threads(server)
        for number, prompt in enumerate(("One", "Two", "Three")):
            home.run("ask", *(["-c"] if number else []), prompt)
        replies = [m["text"] for m in kept(home) if m["role"] == "assistant"]
        assert replies == [
            f"You said: {w} ({n})" for w, n in (("One", 1), ("Two", 3), ("Three", 5))
        ]
        server.responses.clear()
        home.run("ask", "-c", "Four")
        said = [r.body for r in server.requests if "input" in (r.body or {})][-1]["input"]
        assert [one["content"] for one in said][1::2] == replies


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_prompt_whose_run_failed_or_whose_mark_was_refused_stands_once(home, threads, form):
    threads.form = form
    home.use_threads(threads)
    threads.refuses = {"new": error(404, "no route"), "old": error(400, "additional_messages?")}
    threads.before = lambda r: (
        error(400, "broken")
        if r.method == "POST" and r.path.partition("?")[0].endswith("thread_1/runs")
        else None
    )
    home.run("ask", "One", code=1)
    threads.before = None
    home.run("threads", "fetch", "thread_1")
    assert [m["text"] for m in kept(home, "thread_1") if m["role"] == "user"] == ["One"]
    threads.before = lambda r: (
        error(400, "metadata is too large")
        if r.method == "POST" and "metadata" in json.dumps(r.body)
        else None
    )
    home.run("ask", "-t", "thread_1", "Two")
    home.run("threads", "fetch", "thread_1")
    assert [m["text"] for m in kept(home, "thread_1") if m["role"] == "user"] == ["One", "Two"]


def test_a_stopped_reply_of_which_the_server_kept_less_stands_once(home, project):
    project.replies.append(Reply(words=["Hello ", "wor", "ld and more ", "never"], stall=20))
    asked = home.start("ask", "-c", "Two")
    while b"more" not in asked.stdout.read1(100):
        pass
    asked.send_signal(signal.SIGINT)
    asked.communicate(timeout=60)
    run = project.runs["thread_1"][-1]
    said = project.say("thread_1", "assistant", "Hello wo", run["id"])
    said |= {"status": "incomplete", "incomplete_details": {"reason": "run_cancelled"}}
    home.run("threads", "fetch", "@last")
    assert [m["text"] for m in kept(home)][2:] == ["Two", "Hello wo"]
    assert kept(home)[-1]["was"] == ["Hello world and more "]


# Files


def attached(server, *names, thread="thread_1"):
    """A message with files, each with 1,000 bytes of its own."""
    said = server.say(thread, "user", "See these")
    said["attachments"] = [{"file_id": name, "tools": []} for name in names]
    server.files |= {
        name: (f"{name}.bin", "assistants_output", name.encode() * 100) for name in names
    }
    return said


def test_a_file_that_comes_short_or_breaks_off_is_not_kept_and_stops_no_other(home, project):
    attached(project, "file_short", "file_good", "file_odd")

    def after(request, reply):
        path = request.path.partition("?")[0]
        if path.endswith("file_short/content"):
            return Reply(body=reply.body[:10], content_type="application/octet-stream")
        return Reply(body="odd") if path.endswith("file_odd") else reply

    project.after = after
    out, err = home.run("threads", "fetch", "@last", code=7)
    assert "file_short came with 10 of 1000 bytes" in err
    assert out.splitlines()[1].split("\t")[5] == "1"
    home.run("threads", "export", "@last", "-d", "out", code=6)
    found = json.loads((home.path / "out" / "thread_1.json").read_text())
    assert [one["id"] for one in found["files"]] == ["file_good"]
    project.after = None
    home.run("threads", "export", "@last", "-d", "out")
    found = json.loads((home.path / "out" / "thread_1.json").read_text())
    assert len([one for one in found["files"] if one.get("sha256")]) == 3


def test_contents_that_are_lost_here_are_fetched_again_or_said_to_be_missing(home, project):
    attached(project, "file_a")
    home.run("threads", "fetch", "@last")
    [path] = [path for path in (home.data / "files").rglob("*") if path.is_file()]
    path.write_bytes(path.read_bytes()[:-1])
    out = home.run("threads", "export", "@last", "--kept", "-d", "out")[0]
    found = json.loads((home.path / out.strip()).read_text())
    assert "what was kept of it is damaged" in found["missing"][0]
    home.run("threads", "fetch", "@last")
    assert path.read_bytes() == b"file_a" * 100


def test_a_thread_deleted_while_its_file_is_fetched_leaves_no_contents(home, project):
    attached(project, "file_a")
    reached, deleted = threading.Event(), threading.Event()

    def before(request):
        if request.path.partition("?")[0].endswith("/content"):
            reached.set()
            deleted.wait(20)

    project.before = before
    fetching = home.start("threads", "fetch", "@last")
    assert reached.wait(20)
    project.before = None
    home.run("threads", "delete", "thread_1", "--yes")
    deleted.set()
    fetching.communicate(timeout=60)
    assert [path for path in (home.data / "files").rglob("*") if path.is_file()] == []


def test_contents_that_others_replaced_do_not_stay(tmp_path):
    with closing(Store(tmp_path / "threads.db")) as store:
        for name in ("one", "two"):
            store.index.put(Thread(name, "assistants", "https://a", "a"))
        one, two = (store.messages.number((name, "https://a")) for name in ("one", "two"))
        store.files.keep(one, "https://a", Known("file_a"), [b"1"], 9)
        store.files.keep(two, "https://a", Known("file_b"), [b"1"], 9)
        store.files.keep(one, "https://a", Known("file_a"), [b"2"], 9)
        store.files.keep(two, "https://a", Known("file_b"), [b"3"], 9)
        there = [path.read_bytes() for path in (tmp_path / "files").rglob("*") if path.is_file()]
        assert sorted(there) == [b"2", b"3"]


# Exports


def exported(home, *words, code=0):
    err = home.run("threads", "export", "@last", "-d", "out", *words, code=code)[1]
    return json.loads(next((home.path / "out").glob("*.json")).read_text()), err


def test_an_export_never_loses_runs_or_files(home, project):
    attached(project, "file_a")
    whole, _ = exported(home)
    with closing(sqlite3.connect(home.data / "threads.db")) as database, database:
        database.execute("DELETE FROM runs")
        database.execute("DELETE FROM files")
    found, err = exported(home, "--kept", code=6)
    assert "holds 1 run, 1 file that would be lost" in err
    assert found == whole
    assert exported(home, "--kept", "--replace")[0]["runs"] == []


def test_a_poorer_reading_replaces_no_richer_one(home, project):
    note = {
        "type": "file_citation",
        "text": "【4:0†a.pdf】",
        "file_citation": {"file_id": "file_c", "quote": "the quote"},
    }
    said = project.say("thread_1", "assistant", "See 【4:0†a.pdf】")
    said["content"][0]["text"]["annotations"] = [note]
    said["metadata"] = {"note": "ours"}
    rich, _ = exported(home)
    said["content"][0]["text"]["annotations"] = []
    said["metadata"] = {}
    assert exported(home)[0] == rich
    said["content"][0]["text"]["value"] = "Another text"
    assert "Another text" in json.dumps(exported(home)[0])


def test_a_run_that_ended_replaces_what_was_seen_of_it_as_it_waited(home, project):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calls = {"tool_calls": [call | {"id": f"call_{n}"} for n in range(9)]}
    run = project.runs["thread_1"][0]
    run |= {"status": "requires_action", "required_action": {"submit_tool_outputs": calls}}
    exported(home)
    run |= {"status": "completed", "required_action": None}
    assert exported(home)[0]["runs"][0]["status"] == "completed"


def test_signed_links_and_odd_numbers_make_the_same_bytes_and_json(home, project):
    said = project.say("thread_1", "user", "See")
    plain = "https://video.example/results?q=x&sp=EgIQAQ&se=2"
    for number in range(2):
        link = f"https://blob.example/a.png?sv=1&sig=abc{number}&se=2"
        said["content"][1:] = [
            {"type": "image_url", "image_url": {"url": link}},
            {"type": "image_url", "image_url": {"url": plain}},
        ]
        found, err = exported(home)
        assert ("1 written" in err) is (number == 0)
        text = json.dumps(found, allow_nan=False)
        assert "sig=abc" not in text
        assert plain in text


def test_an_export_has_the_threads_own_object_and_all_that_is_missing(home, project):
    project.metadata["thread_1"] = {"topic": "sky"}
    project.before = lambda r: (
        error(405, "Not allowed")
        if r.method == "GET" and r.path.partition("?")[0].endswith("/runs")
        else None
    )
    found, _ = exported(home)
    assert found["thread"]["raw"]["object"] == "thread"
    assert found["thread"]["raw"]["metadata"] == {"topic": "sky"}
    assert "can't list the runs" in found["missing"][0]
    assert "1 unchanged" in exported(home, "--kept")[1]


def test_steps_that_were_seen_in_passing_are_asked_for_once_with_all_they_hold(home, project):
    run = project.runs["thread_1"][0]
    project.steps[run["id"]] = [{"id": "step_1", "run_id": run["id"], "status": "completed"}]
    home.run("threads", "fetch", "@last")
    home.run("threads", "fetch", "@last")
    asked = [r.path for r in project.requests if "/steps" in r.path]
    assert len(asked) == 1
    assert "include" in asked[0]


def test_a_copy_and_a_fork_carry_what_only_we_hold(home, project):
    home.run("ask", "-c", "Two")
    home.run("threads", "fetch", "@last")
    del project.threads["thread_1"][:2]
    for words in (("copy", "thread_1", "--to", "local"), ("fork", "thread_1")):
        made = home.run("threads", *words)[0].strip()
        out = home.run("threads", "history", made, "-o", "jsonl")[0]
        assert len(out.splitlines()) == 4


# Gone, or not to be reached


def test_a_404_that_is_about_no_thread_proves_nothing(home, project):
    home.run("ask", "Another")
    project.before = lambda r: error(404, f"No such path: {r.method} {r.path}")
    home.run("threads", "fetch", "--all", code=5)
    home.run("threads", "history", "thread_1", code=6)
    project.before = lambda r: error(404, "gone") if "thread_1" in r.path else None
    out, err = home.run("threads", "history", "thread_1")
    assert "You said: One" in out
    assert "is read from what is kept here" in err


def test_import_brings_back_what_the_store_lost(home, server):
    home.use_server(server)
    home.run("ask", "One")
    home.run("ask", "-c", "Two")
    exported(home)
    with closing(sqlite3.connect(home.data / "threads.db")) as database, database:
        database.execute("DELETE FROM messages WHERE place < 4")
    err = home.run("threads", "import", "out")[1]
    assert "3 messages came back" in err
    assert [m["text"] for m in kept(home)][::2] == ["One", "Two"]


@pytest.mark.parametrize(
    "odd", [{"runs": {"a": 1}}, {"files": ["a"]}, {"files": [{"id": "f", "sha256": "../x"}]}]
)
def test_an_odd_file_is_one_line_and_stops_no_other(home, server, odd):
    home.use_server(server)
    home.run("ask", "One")
    found, _ = exported(home)
    found["thread"]["id"] = "local_another"
    (home.path / "out" / "a.json").write_text(json.dumps(found | odd))
    (home.path / "out" / "b.json").write_text(json.dumps(found))
    err = home.run("threads", "import", "out", code=1)[1]
    assert "a.json is damaged" in err
    assert "unexpected" not in err
    assert "2 messages of local_another copied" in err


# Taking out


def test_a_message_that_is_taken_out_here_comes_back_by_no_fetch(home, project):
    exported(home)
    first = project.threads["thread_1"][0]["id"]
    home.run("threads", "delete", "@last", "--message", first, "--kept", "--yes")
    home.run("threads", "fetch", "@last")
    assert [m["text"] for m in kept(home)] == ["You said: One (1)"]
    assert len(exported(home)[0]["messages"]) == 1  # it was taken out on purpose
    home.run("threads", "delete", "@last", "--message", "msg_none", "--kept", "--yes", code=5)


def test_a_message_is_deleted_where_it_is(home, project, responses, server):
    last = project.threads["thread_1"][-1]["id"]
    deleted = []

    def before(request):
        if request.method == "DELETE":
            deleted.append(request.path.partition("?")[0])
            return Reply(body={"deleted": True})
        return None

    project.before = responses.before = before
    home.run("threads", "delete", "thread_1", "--message", last, "--yes")
    home.use_threads(responses)
    home.run("ask", "One")
    home.run("threads", "delete", "conv_000001", "--message", "msg_1", "--yes")
    assert deleted[0].endswith(f"/threads/thread_1/messages/{last}")
    assert deleted[1].endswith("/conversations/conv_000001/items/msg_1")
    home.use_server(server)
    home.run("ask", "One")
    first = kept(home)[0]["id"]
    home.run("threads", "delete", "@last", "--message", first, "--yes")
    assert [m["text"] for m in kept(home)] == ["You said: One (1)"]


def test_deleting_what_is_kept_leaves_no_word_and_no_thread_that_is_here_alone(
    home, project, server
):
    home.run("ask", "A secret thing")
    home.use_server(server)
    home.run("ask", "Local words")
    home.run("threads", "delete", "--kept", "--all", "--yes")
    stored = (home.data / "threads.db").read_bytes()
    assert b"secret" not in stored
    assert b"Local words" in stored
    assert len(home.run("threads", "list", "-q")[0].splitlines()) == 3
    home.run("threads", "delete", "--all", "--yes", code=2)


# What a second reader found


def test_a_turn_that_waits_beside_the_store_outlasts_a_full_disk(home, project):
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        home.run("ask", "-c", "Two")
        database.execute("ROLLBACK")
    words = [sys.executable, "-m", "asstctl", "threads", "list"]
    limit = (40_000, 40_000)
    subprocess.run(
        words,
        env=home.environment,
        cwd=home.path,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert "1 turn that the store had no time for" in home.run("threads", "list")[1]
    assert [m["text"] for m in kept(home)][2:] == ["Two", "You said: Two (3)"]


def test_a_store_that_a_turn_finds_damaged_is_mended_aloud_and_the_turn_is_kept(home, project):
    path = home.data / "threads.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'messages_by_turn'"
        root = database.execute(sql).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 64)
    out, err = home.run("ask", "-t", "thread_1", "Two")
    assert out == "You said: Two (3)\n"
    assert "the store was damaged" in err
    assert [m["text"] for m in kept(home)][2:] == ["Two", "You said: Two (3)"]


def test_a_store_that_is_a_link_to_another_place_stays_one(home, project):
    path, other = home.data / "threads.db", home.path / "disk" / "threads.db"
    other.parent.mkdir()
    path.rename(other)
    path.symlink_to(other)
    other.write_bytes(b"\xff" * 64 + other.read_bytes()[64:])
    home.run("threads", "list", code=1)
    assert path.is_symlink()
    assert home.run("threads", "list", "-q")[0] == "thread_1\n"


def test_import_over_a_thread_that_is_here_only_adds(home, server):
    home.use_server(server)
    home.run("ask", "One")
    found, _ = exported(home)
    found["messages"][1]["parts"][0]["text"] = "Another text"
    path = next((home.path / "out").glob("*.json"))
    path.write_text(json.dumps(found))
    home.run("threads", "import", str(path))
    assert [m["text"] for m in kept(home)] == ["One", "You said: One (1)"]


def test_a_message_that_was_deleted_is_in_no_object_and_no_file(home, responses, project):
    attached(project, "file_secret")
    exported(home)
    last = project.threads["thread_1"][-1]["id"]
    home.run("threads", "delete", "@last", "--message", last, "--kept", "--yes")
    assert not [path for path in (home.data / "files").rglob("*") if path.is_file()]
    home.use_threads(responses)
    responses.replies.append(Reply("A secret"))
    home.run("ask", "One")
    home.run("threads", "delete", "@last", "--message", "msg_2", "--kept", "--yes")
    home.run("threads", "export", "@last", "--kept", "-d", "new")
    assert "A secret" not in next((home.path / "new").glob("*.json")).read_text()


def test_a_fetch_that_began_before_a_turn_and_read_its_end_doubles_nothing(home, responses):
    home.use_threads(responses)
    home.run("ask", "One")
    reached, ended = threading.Event(), threading.Event()

    def before(request):
        if request.method == "GET" and "/items" in request.path and not reached.is_set():
            reached.set()
            ended.wait(20)

    responses.before = before
    fetching = home.start("threads", "fetch", "@last")
    assert reached.wait(20)
    real = responses.stream

    def slow(*words):
        for event in real(*words):
            if b"response.completed" in event[:40]:
                ended.set()
                fetching.wait(20)
            yield event

    responses.stream = slow
    home.run("ask", "-c", "Two")
    fetching.communicate(timeout=60)
    assert [m["text"] for m in kept(home)] == [
        "One",
        "You said: One (1)",
        "Two",
        "You said: Two (3)",
    ]


@pytest.mark.parametrize("status", [403, 500])
def test_a_fork_needs_no_runs(home, project, status):
    project.before = lambda r: (
        error(status, "no")
        if r.method == "GET" and r.path.partition("?")[0].endswith("/runs")
        else None
    )
    home.run("threads", "fork", "@last")
    assert len(project.threads["thread_2"]) == 2


def test_files_of_a_server_that_does_not_count_bytes_are_kept(home, project):
    attached(project, "file_a")
    real = project.file

    def uncounted(identity, *, content):
        reply = real(identity, content=content)
        return reply if content else Reply(body=reply.body | {"bytes": 0})

    project.file = uncounted
    assert exported(home)[0]["files"][0]["sha256"]


def test_an_edited_message_with_a_picture_is_exported(home, project):
    said = project.say("thread_1", "user", "Before")
    said["content"].append({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})
    exported(home)
    said["content"][0]["text"]["value"] = "After"
    assert "After" in json.dumps(exported(home)[0])


def test_words_that_look_like_a_file_stay_words(home, project):
    home.run("ask", "-c", "data:text/plain;base64,aGVsbG8=")
    found, _ = exported(home)
    assert found["files"] == []
    assert "aGVsbG8=" in json.dumps(found["messages"][2]["raw"])


def test_a_chain_that_is_kept_here_proves_nothing_of_its_server(home):
    class Both(ResponsesServer):
        pass

    with Both() as server:
        home.use_threads(server)
        home.run("ask", "One")
        with closing(sqlite3.connect(home.data / "threads.db")) as database, database:
            database.execute("UPDATE threads SET id = 'chain_0123456789abcdef'")
        home.run("ask", "Two")
        server.before = lambda _: error(404, "Resource not found")
        home.run("threads", "history", "conv_000002", code=6)


def test_retry_after_0_is_no_reason_to_hurry(home, project):
    left = [error(429, "slow down")]
    left[0].headers["retry-after"] = "0"
    project.before = lambda r: left.pop() if left and r.method == "GET" else None
    assert "trying again in 0.5 s" in home.run("threads", "history", "@last")[1]


@pytest.mark.parametrize("late", [False, True])
def test_a_half_that_a_list_says_of_a_running_reply_never_replaces_the_whole(home, project, late):
    words = ["one ", "two ", "three"]
    begun, half, ended = threading.Event(), threading.Event(), threading.Event()

    def stream(thread, run, reply, made):
        mine = project.say(thread, "assistant", "one ", run["id"])
        mine["status"] = "in_progress"
        yield named("thread.run.created", run)
        for word in words:
            delta = {"content": [{"index": 0, "type": "text", "text": {"value": word}}]}
            yield named("thread.message.delta", {"id": mine["id"], "delta": delta})
            if word == words[0]:
                begun.set()
                half.wait(20)
        mine["status"] = run["status"] = "completed"
        mine["content"][0]["text"]["value"] = "".join(words)
        yield named("thread.message.completed", mine)
        yield named("thread.run.completed", run)
        yield named("done", "[DONE]")

    def after(request, reply):
        if late and "/messages" in request.path and "order=asc" in request.path:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            half.set()
            ended.wait(20)
            reply.body = body
        return reply

    project.stream, project.after = stream, after
    asking = home.start("ask", "-c", "Two")
    assert begun.wait(20)
    fetching = home.start("threads", "fetch", "@last")
    if late:
        asking.communicate(timeout=30)
        ended.set()
    fetching.communicate(timeout=30)
    half.set()
    asking.communicate(timeout=30)
    assert [m["text"] for m in kept(home)][3:] == ["one two three"]
    assert kept(home)[3]["raw"]["status"] == "completed"
