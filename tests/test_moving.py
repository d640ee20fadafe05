"""Threads as files, and from one server to another."""

import json
import os
import signal
import sqlite3
import stat
import time
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import pytest

from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.parts import File, FileRef, Image, Other, Refusal, Text
from asstctl.transfer import archive
from asstctl.transfer.origins import origin, trimmed
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer, error
from tests.terminal import Screen


class Resource(ResponsesServer):
    form = "resource"


@pytest.fixture
def world(home):
    """Profiles on four servers and this machine; `home` by default speaks to the first."""
    kinds = {"threads": ThreadsServer, "responses": ResponsesServer, "resource": Resource}
    with profiles(home, kinds):
        yield home


@contextmanager
def profiles(home, kinds):
    """Run servers, each with a profile of its name; the default is this machine, with a model."""
    with ExitStack() as running:
        home.chat = running.enter_context(ChatServer())
        home.servers = {name: running.enter_context(kind()) for name, kind in kinds.items()}
        text = f'backend = "local"\nendpoint = "{home.chat.url}"\nmodel = "test"\n'
        for name, server in home.servers.items():
            lines = "".join(f'{k} = "{v}"\n' for k, v in server.settings.items())
            text += f"[profiles.{name}]\n{lines}"
        home.configure(text)
        home.environment["MY_KEY"] = "canary"
        yield


def history(home, thread, *words):
    out = home.run("threads", "history", thread, "-o", "jsonl", *words)[0]
    return [json.loads(line) for line in out.splitlines()]


def said(home, thread):
    return [(m["role"], m["text"]) for m in history(home, thread)]


def talk(home, *prompts, profile="default"):
    home.run("ask", prompts[0], "-p", profile)
    if len(prompts) > 1:
        home.run("chat", "-c", stdin="\n".join(prompts[1:]).encode())
    return home.run("threads", "list", "-q")[0].splitlines()[0]


def filled(home, count, profile="default"):
    """A thread of `count` messages, without anybody having said them."""
    turns = (
        Message(f"m{n}", ("user", "assistant")[n % 2], (Text(f"Text {n}"),)) for n in range(count)
    )
    path = home.path / "filled.json"
    archive.write(
        path, archive.document(archive.Archived(Thread(f"local_{count}", "local", "", ""), turns))
    )
    return home.run("threads", "import", "-p", profile, str(path))[0].strip()


def copy(home, thread, profile):
    return home.run("threads", "copy", thread, "--to", profile)[0].strip()


def store(home):
    return sqlite3.connect(home.data / "threads.db")


# Across backends


def test_a_round_trip_over_every_backend_gives_the_same_text_roles_and_order(world):
    first = talk(world, "One\n\n* a\n* b", "Two 汉字 🙂", *(f"Prompt {n}" for n in range(9)))
    told = said(world, first)
    assert len(told) == 22  # more than one chunk
    second = copy(world, first, "threads")
    third = copy(world, second, "responses")
    fourth = copy(world, third, "resource")
    last = copy(world, fourth, "local")
    assert [second[:7], third[:5], fourth[:6], last[:6]] == ["thread_", "conv_", "chain_", "local_"]
    for thread in (second, third, fourth, last):
        assert said(world, thread) == told
    original = history(world, first)[3]
    carried = history(world, second)[3]["metadata"]
    assert carried["asstctl_id"] == original["id"]
    assert carried["asstctl_created_at"].startswith(original["created_at"][:-1])
    assert world.servers["responses"].metadata[third]["asstctl_source"] == first
    assert (
        max(len(r.body["items"]) for r in world.servers["responses"].asked("/items") if r.body)
        == 20
    )


def test_a_copy_goes_on_where_it_is(world):
    first = talk(world, "One", "Two")
    for profile in ("threads", "responses", "resource"):
        target = copy(world, first, profile)
        assert world.run("ask", "-t", target, "Three")[0] == "You said: Three (5)\n"
        assert len(said(world, target)) == 6
    assert len(said(world, first)) == 4


@pytest.mark.parametrize("profile", ["threads", "responses", "resource", "local"])
def test_a_second_copy_carries_only_what_is_new(world, profile):
    first = talk(world, "One")
    target = copy(world, first, profile)
    assert copy(world, first, profile) == target
    assert len(said(world, target)) == 2
    world.run("ask", "-t", first, "Two")
    out, err = world.run("threads", "copy", first, "--to", profile)
    assert out == f"{target}\n"
    assert err == f"asstctl: 2 messages of {first} copied to {target}\n"
    assert said(world, target) == said(world, first)


@pytest.mark.parametrize("kept", [0, 7, 20])
def test_a_copy_that_was_stopped_goes_on_and_carries_nothing_twice(world, kept):
    """The service took `kept` messages of the chunk that was on its way, and nobody heard of it."""
    first = filled(world, 42)
    target = copy(world, first, "threads")
    messages = world.servers["threads"].threads[target]
    del messages[20 + kept :]
    last = history(world, first)[19]["id"]
    with store(world) as db:
        db.execute(
            "UPDATE copies SET copied = 20, on_its_way = 20, before = 20, last_id = ?", (last,)
        )
    db.close()
    assert copy(world, first, "threads") == target
    assert said(world, target) == said(world, first)


def test_a_refusal_half_way_says_how_far_it_came_and_the_next_run_goes_on(world):
    first = filled(world, 30)
    server = world.servers["responses"]

    def full(request):
        there = sum(map(len, server.conversations.values()))
        return error(400, "Oh no") if there >= 20 and request.path.endswith("items") else None

    server.before = lambda request: full(request) if request.body else None
    err = world.run("threads", "copy", first, "--to", "responses", code=1)[1].splitlines()
    assert err[-1] == "hint: at least 20 of 30 messages are in conv_000001"
    server.before = lambda request: None
    assert copy(world, first, "responses") == "conv_000001"
    assert said(world, "conv_000001") == said(world, first)


def test_a_killed_copy_goes_on(world):
    first = filled(world, 30)
    server = world.servers["threads"]
    say = server.say
    running = []

    def deadly(left, *words):
        found = say(*words)
        if next(left, None) is None:
            os.kill(running[-1].pid, signal.SIGKILL)
        return found

    for after in (3, 5, 11):
        server.say = partial(deadly, iter(range(after)))
        running.append(world.start("threads", "copy", first, "--to", "threads"))
        running[-1].communicate(timeout=20)
    server.say = say
    target = copy(world, first, "threads")
    assert list(server.threads) == [target]
    assert said(world, target) == said(world, first)


def test_a_dry_run_says_what_would_happen_and_does_nothing(world):
    first = talk(world, "One")
    out, err = world.run("threads", "copy", first, "--to", "threads", "--dry-run")
    assert out.splitlines() == [
        f"from             {first}",
        "profile          threads",
        "to               a new thread",
        "there already    0",
        "to copy          2",
        "as they are      nothing but text",
        "as placeholders  nothing",
        "kept here alone  nothing",
    ]
    assert err == ""
    assert not world.servers["threads"].requests
    assert len(world.run("threads", "list", "-q")[0].splitlines()) == 1


def test_what_cannot_be_carried_is_a_visible_placeholder_and_counted(world):
    files = Image(FileRef("file_1")), File(FileRef("file_2", name="a.pdf"))
    parts = (Text("Look"), *files, Other("tool", "f()"), Refusal("No"))
    thread = Thread("thread_x", "assistants", "", "", created_at=1.0)
    path = world.path / "thread_x.json"
    messages = [Message("m1", "user", parts), Message("m2", "assistant", (), status="failed")]
    archive.write(path, archive.document(archive.Archived(thread, messages)))
    dry = world.run("threads", "import", "-p", "threads", str(path), "--dry-run")[0]
    counted = "1 image, 1 file, 1 other part, 1 refusal, 1 empty message"
    assert f"as placeholders  {counted}\n" in dry
    out, err = world.run("threads", "import", "-p", "threads", str(path))
    assert (
        err == f"asstctl: 2 messages of thread_x copied to thread_1; as placeholders: {counted}\n"
    )
    assert said(world, out.strip()) == [
        ("user", "Look\n\n[image file_1]\n\n[file file_2 a.pdf]\n\n[tool]\n\n[refused] No"),
        ("assistant", "[no text]"),
    ]
    here = world.run("threads", "import", "-p", "local", str(path))[0].strip()
    kept = history(world, here)
    assert [part["type"] for part in kept[0]["parts"]] == [type(p).__name__ for p in parts]
    assert kept[1]["status"] == "failed"


def test_a_terminal_shows_how_far_a_copy_is(world):
    first = filled(world, 30)
    with Screen(world, "threads", "copy", first, "--to", "responses", columns=120) as screen:
        assert screen.end() == 0
        assert "30/30 messages" in screen.text()


def test_copying_to_a_profile_that_is_not_there_is_one_line(world):
    first = talk(world, "One")
    err = world.run("threads", "copy", first, "--to", "respones", code=5)[1]
    assert "no profile 'respones'" in err
    assert "did you mean 'responses'?" in err


def test_a_copy_that_was_deleted_elsewhere_is_said(world):
    first = talk(world, "One")
    target = copy(world, first, "responses")
    del world.servers["responses"].conversations[target]
    world.run("ask", "-t", first, "Two")
    err = world.run("threads", "copy", first, "--to", "responses", code=5)[1]
    assert f"is it gone? asstctl threads delete {target} --keep-remote forgets it" in err
    world.run("threads", "delete", "--keep-remote", target)
    assert said(world, copy(world, first, "responses")) == said(world, first)


# Forks


@pytest.mark.parametrize("profile", ["default", "threads", "responses", "resource"])
def test_a_fork_is_a_new_thread_up_to_a_message(world, profile):
    first = talk(world, "One", "Two", profile=profile)
    second = world.run("threads", "fork", first, "--at", history(world, first)[1]["id"])[0].strip()
    assert said(world, second) == said(world, first)[:2]
    assert world.run("ask", "-c", "Other")[0] == "You said: Other (3)\n"  # a fork is @last
    assert len(said(world, first)) == 4
    third = world.run("threads", "fork", first)[0].strip()
    assert said(world, third) == said(world, first)
    assert len({first, second, third}) == 3
    assert (
        said(world, world.run("threads", "fork", first, "--at", "1")[0].strip())
        == said(world, first)[:1]
    )


def test_a_fork_at_no_message_is_one_line_and_makes_nothing(world):
    first = talk(world, "One")
    err = world.run("threads", "fork", first, "--at", "7", code=5)[1]
    assert err.startswith("asstctl: no message '7': there are 2\nhint: ")
    assert len(world.run("threads", "list", "-q")[0].splitlines()) == 1


# Files


def exported(home, *words):
    return home.run("threads", "export", *words)[0].splitlines()


def test_an_export_is_whole_deterministic_and_rewrites_nothing_that_did_not_change(world):
    threads = [talk(world, "One", "Two"), talk(world, "Else", profile="threads")]
    out, err = world.run("threads", "export", "--all", "-d", "out")
    assert sorted(out.splitlines()) == sorted(f"out/{thread}.json" for thread in threads)
    assert err == "asstctl: 2 written, 0 unchanged\n"
    files = {path: (path.read_bytes(), path.stat()) for path in (world.path / "out").iterdir()}
    assert {stat.S_IMODE(s.st_mode) for _, s in files.values()} == {0o600}
    assert stat.S_IMODE((world.path / "out").stat().st_mode) == 0o700
    assert world.run("threads", "export", "--all", "-d", "out") == (
        "",
        "asstctl: 0 written, 2 unchanged\n",
    )
    for path, (data, before) in files.items():
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert path.read_bytes() == data
    world.run("ask", "-t", threads[0], "Three")
    assert exported(world, "--all", "-d", "out") == [f"out/{threads[0]}.json"]


def test_an_export_has_our_schema_with_every_fact(world):
    thread = talk(world, "One", profile="threads")
    world.run("threads", "rename", thread, "mine")
    exported(world, "mine")
    found = json.loads((world.path / f"{thread}.json").read_text())
    assert found["schema"] == "asstctl-thread/v2"
    assert {k: found["thread"][k] for k in ("id", "name", "title", "backend", "endpoint")} == {
        "id": thread,
        "name": "mine",
        "title": "One",
        "backend": "assistants",
        "endpoint": world.servers["threads"].origin,
    }
    assert found["messages"][0] == {
        "id": "msg_1",
        "role": "user",
        "created_at": "2025-11-24T16:00:01Z",
        "status": "completed",
        "parts": [{"type": "Text", "text": "One"}],
        "metadata": {},
        "raw": world.servers["threads"].threads[thread][0],
    }


@pytest.mark.parametrize(
    ("form", "suffix", "begins"),
    [
        ("markdown", "md", "## user, "),
        ("text", "txt", "user, "),
        ("jsonl", "jsonl", '{"id": "msg_'),
    ],
)
def test_readable_forms_are_what_history_writes(world, form, suffix, begins):
    thread = talk(world, "One")
    exported(world, thread, "--format", form)
    text = (world.path / f"{thread}.{suffix}").read_text()
    assert text.startswith(begins)
    assert text == world.run("threads", "history", thread, "-o", form)[0]


def test_an_exported_thread_is_imported_once_and_only_what_is_new_after_that(world):
    thread = talk(world, "One", "Two")
    world.run("threads", "rename", thread, "mine")
    exported(world, "mine", "-d", "out")
    told = said(world, thread)
    world.run("threads", "delete", "-y", thread)
    first = world.run("threads", "import", "out")[0].strip()
    assert said(world, first) == told
    assert json.loads(world.run("threads", "list", "-o", "json")[0])["threads"][0]["name"] == "mine"
    assert world.run("threads", "import", "out")[0].strip() == first
    assert said(world, first) == told
    elsewhere = world.run("threads", "import", "-p", "responses", "out")[0].strip()
    assert said(world, elsewhere) == told


def test_one_thread_that_cannot_be_had_does_not_stop_the_others(world):
    gone, kept = talk(world, "One", profile="threads"), talk(world, "Two")
    world.servers["threads"].threads.clear()
    with store(world) as db:
        db.execute("DELETE FROM messages WHERE number >> 24 = 1")  # nothing was kept of it
    db.close()
    out, err = world.run("threads", "export", "--all", code=5)
    assert out == f"{kept}.json\n"
    assert err.splitlines()[0].startswith(f"asstctl: {gone}: No thread found")
    assert "asstctl: 1 written, 0 unchanged" in err
    assert "asstctl: 1 thread not exported" in err
    assert not (world.path / f"{gone}.json").exists()
    assert [p.name for p in world.path.glob(".*.json*")] == []


def test_a_cut_export_leaves_the_old_file_whole(world):
    thread = filled(world, 120, "threads")
    exported(world, thread)
    old = (world.path / f"{thread}.json").read_bytes()
    world.servers["threads"].say(thread, "user", "More")
    pages = iter([False, True])
    answer = world.servers["threads"].answer

    def cut(request):
        if "/messages" in request.path and next(pages, True):
            return Reply(status=503, body={"error": {"message": "busy"}})
        return answer(request)

    world.servers["threads"].answer = cut
    world.run("threads", "export", thread, code=6)
    kept = (world.path / f"{thread}.json").read_bytes()
    assert kept == old or b"More" in kept  # the page that came is kept, and none is lost
    assert kept.count(b'"role"') >= old.count(b'"role"')


def test_a_folder_that_takes_no_file_is_one_line(world):
    talk(world, "One")
    err = world.run("threads", "export", "--all", "-d", "/dev/null/x", code=1)[1]
    assert "can't write /dev/null/x/local_" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/etc/passwd",
        "a\0b",
        "CON",
        "nul.",
        "x" * 300,
        ".",
        "..",
        "",
        "a/b",
        "\x1b[2J",
        "🙂",
    ],
)
def test_no_id_leads_a_file_out_of_its_folder(name):
    found = archive.file_name(Thread(name, "local", "", ""), ".json")
    assert archive.PLAIN_NAME.fullmatch(found.removesuffix(".json"))
    assert found == archive.file_name(Thread(name, "local", "", ""), ".json")


def test_give_threads_or_all(world):
    for words in ([], ["--all", "x"]):
        assert "give threads, or --all" in world.run("threads", "export", *words, code=2)[1]


# The exports that people hold


def foreign(path, **facts):
    def raw(number, role, *content, **more):
        parts = [
            {"type": "text", "text": {"value": c, "annotations": []}} if isinstance(c, str) else c
            for c in content
        ]
        return {
            "id": f"msg_{number}",
            "object": "thread.message",
            "created_at": 1700000000 + number,
            "role": role,
            "content": parts,
            "metadata": {},
            **more,
        }

    folder = path / "export"
    (folder / "threads").mkdir(parents=True)
    (folder / "manifest.json").write_text('{"endpoint": "https://api.openai.com/v1", "counts": {}}')
    (folder / "assistants.json").write_text("[]")
    thread = {
        "export_schema": "assistants-thread-export/v1",
        "thread_id": "thread_old",
        "exported_at": "2026-08-01T10:00:00Z",
        "thread": {"id": "thread_old", "created_at": 1700000000, "metadata": {"a": "b"}},
        "messages": [
            raw(1, "user", "Read this", attachments=[{"file_id": "file_1", "tools": []}]),
            raw(
                2, "assistant", "I see", {"type": "image_file", "image_file": {"file_id": "file_2"}}
            ),
        ],
        "runs": [{"id": "run_1", "steps": [{"type": "tool_calls"}, {"type": "message_creation"}]}],
        "files": {"file_1": {"id": "file_1", "filename": "a.pdf"}, "file_2": None},
        "errors": [{"object": "file", "id": "file_2", "error": "404", "detail": ""}],
    } | facts
    (folder / "threads" / "thread_old.json").write_text(json.dumps(thread))
    return folder


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_an_assistants_export_is_imported(world, whole):
    folder = foreign(world.path)
    path = folder if whole else folder / "threads" / "thread_old.json"
    out, err = world.run("threads", "import", str(path))
    done = f"asstctl: 2 messages of thread_old copied to {out.strip()}"
    missed = "asstctl: thread_old: the export says that it missed 1 things"
    assert err.splitlines() == [missed, f"{done}; without contents: 1 file, 1 image"]
    shown = json.loads(world.run("threads", "show", out.strip(), "-o", "json")[0])
    assert shown["created_at"] == "2023-11-14T22:13:20Z"
    assert shown["metadata"]["a"] == "b"
    first, second = history(world, out.strip())
    assert first["parts"][1] == {"type": "File", "file": {"id": "file_1", "name": "a.pdf"}}
    assert second["parts"][1] == {"type": "Image", "file": {"id": "file_2"}}
    assert first["metadata"]["asstctl_id"] == "msg_1"
    assert first["created_at"] == "2023-11-14T22:13:21Z"


def test_a_thread_whose_object_was_gone_is_imported_all_the_same(world):
    folder = foreign(world.path, thread=None, runs=[], files={}, errors=[])
    assert len(history(world, world.run("threads", "import", str(folder))[0].strip())) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no thread that asstctl knows: its schema is None"),
        ('{"schema": "asstctl-thread/v9"}', "its schema is 'asstctl-thread/v9'"),
        ('{"schema": "asstctl-thread/v1"}', "is damaged: KeyError"),
        ('{"schema": "asstctl-thread/v1", "thread": {"id": "a"}, "messages": [5]}', "is damaged"),
        (
            '{"schema": "asstctl-thread/v1", "thread": {"id": "a"}, "messages": [{"id": "m", "role": "nobody", "status": "completed", "parts": []}]}',
            "is damaged: ValueError: role 'nobody'",
        ),
        ('{"export_schema": "assistants-thread-export/v1", "thread_id": "a"}', "is damaged"),
    ],
)
def test_a_file_that_is_no_thread_is_one_clear_line(home, text, words):
    path = home.path / "bad.json"
    path.write_bytes(text.encode("latin-1"))
    out, err = home.run("threads", "import", "-p", "local", str(path), code=1)
    assert words in err
    assert out == ""
    assert len(err.splitlines()) <= 3
    assert home.run("threads", "list", "-q")[0] == ""


def test_what_is_no_thread_in_a_folder_does_not_stop_the_others(world):
    thread = talk(world, "One")
    exported(world, thread, "-d", "out")
    (world.path / "out" / "package.json").write_text("{}")
    out, err = world.run("threads", "import", "-p", "threads", "out", code=1)
    assert out == "thread_1\n"
    assert "asstctl: out/package.json is no thread that asstctl knows: its schema is None\n" in err
    assert "asstctl: 1 file not imported\n" in err
    (world.path / "empty").mkdir()
    assert "there is no thread in empty" in world.run("threads", "import", "empty", code=1)[1]


def test_metadata_stays_whole_here_and_what_a_server_can_not_take_is_counted(world):
    metadata = {f"k{n}": "v" * 600 for n in range(30)}
    source = Thread("thread_x", "assistants", "https://elsewhere", "", metadata=metadata)
    said = Message("m", "user", (Text("One"),), created_at=1.5, metadata=metadata)
    path = world.path / "full.json"
    archive.write(path, archive.document(archive.Archived(source, [said])))
    err = world.run("threads", "import", str(path), "-p", "threads")[1]
    assert "60 pairs of metadata left out, or cut short" in err
    out, err = world.run("threads", "import", str(path), "-p", "local")
    assert "metadata" not in err
    assert history(world, out.strip())[0]["metadata"].items() >= metadata.items()


def test_metadata_stays_within_what_servers_take():
    metadata = {f"k{n}": "v" * 600 for n in range(30)}
    carried = trimmed(origin(Message("m", "user", (), created_at=1.5, metadata=metadata)))
    assert len(carried) == 16
    assert max(map(len, carried.values())) == 512
    assert carried["asstctl_created_at"] == "1970-01-01T00:00:01.500000Z"


def test_writing_to_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def pieces():
        yield "new"
        raise OSError(28, "No space left on device")

    with pytest.raises(AsstctlError, match=r"can't write .*: No space left on device"):
        archive.write(path, pieces())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# What strangers found


def test_a_resumed_copy_loses_nothing_where_texts_repeat(world):
    turns = [Message(f"m{n}", "user", (Text(("ping", "pong")[n % 2]),)) for n in range(50)]
    path = world.path / "t.json"
    archive.write(
        path, archive.document(archive.Archived(Thread("thread_x", "local", "", ""), turns))
    )
    server = world.servers["responses"]
    posts = iter([None, error(403, "Oh no")])
    server.before = lambda r: next(posts, None) if r.path.endswith("items") and r.body else None
    world.run("threads", "import", "-p", "responses", str(path), code=4)
    target = world.run("threads", "import", "-p", "responses", str(path))[0].strip()
    assert [text for _, text in said(world, target)] == ["ping", "pong"] * 25


def test_a_copy_that_was_stopped_goes_on_where_it_should_though_somebody_talked_in_it(world):
    first = filled(world, 5)
    target = copy(world, first, "responses")
    with store(world) as db:  # as if it was killed before it could note that all is there
        db.execute("UPDATE copies SET copied = 0, on_its_way = 5, before = 0, last_id = ''")
    db.close()
    world.run("ask", "-t", target, "Now I go on")
    assert copy(world, first, "responses") == target
    assert len(said(world, target)) == 7


def test_two_copies_at_once_double_nothing(world):
    first = filled(world, 10)
    target = copy(world, first, "threads")
    with store(world) as db:
        number = db.execute("SELECT number FROM threads WHERE id = ?", (first,)).fetchone()[0]
        parts = '[{"part": "Text", "text": "more"}]'
        for n in range(11, 40):
            row = (number << 24 | n, n, f"x{n}", "user", parts, "completed", 1.0)
            db.execute(
                "INSERT INTO messages (number, place, id, role, parts, status, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
    db.close()
    running = [world.start("threads", "copy", first, "--to", "threads") for _ in range(3)]
    for process in running:
        process.communicate(timeout=30)
    copy(world, first, "threads")
    assert said(world, target) == said(world, first)


def test_a_source_that_lost_its_last_copied_message_is_not_guessed_at(world):
    first = talk(world, "One", profile="threads")
    copy(world, first, "local")
    lost = world.servers["threads"].threads[first].pop(1)["id"]
    world.run("ask", "-t", first, "Two")
    copy(world, first, "local")  # what is kept of it has it still
    world.run("threads", "delete", first, "--message", lost, "--kept", "--yes")
    last = world.servers["threads"].threads[first].pop(-1)["id"]
    world.run("threads", "delete", first, "--message", last, "--kept", "--yes")
    copy(world, first, "local")  # what was deleted here is known to be
    with closing(store(world)) as db:
        db.execute(
            "DELETE FROM messages WHERE number IN (SELECT max(number) FROM messages WHERE number >> 24 = 1)"
        )
        db.commit()
    world.servers["threads"].threads[first].pop(-1)
    err = world.run("threads", "copy", first, "--to", "local", code=1)[1]
    assert "no longer holds the message that was copied last" in err


def test_the_same_id_at_two_servers_is_two_files_and_two_threads(world):
    with ThreadsServer() as other:
        lines = "".join(f'{k} = "{v}"\n' for k, v in other.settings.items())
        with world.config.open("a") as file:
            file.write(f"[profiles.other]\n{lines}")
        for name in ("threads", "other"):
            world.run("-p", name, "ask", f"To {name}")
        assert len(exported(world, "--all", "-d", "out")) == 2
        assert len(list((world.path / "out").iterdir())) == 2
        assert "To other" in world.run("-p", "other", "threads", "history", "thread_1")[0]
        assert "could be" in world.run("threads", "history", "thread_1", code=3)[1]


@pytest.mark.parametrize("moment", ["1e22", "NaN", "Infinity", "-1e20", '"9999-99-99"', "[]"])
def test_a_time_that_no_clock_shows_is_no_time(home, moment):
    path = home.path / "t.json"
    path.write_text(
        f'{{"schema": "asstctl-thread/v1", "thread": {{"id": "a", "created_at": {moment}}}, '
        f'"messages": [{{"id": "m", "role": "user", "status": "completed", "created_at": {moment}, '
        '"parts": [{"type": "Text", "text": "half \\ud83d"}]}]}'
    )
    target = home.run("threads", "import", "-p", "local", str(path))[0].strip()
    home.run("threads", "list")
    assert exported(home, "--all") == [f"{target}.json"]
    (message,) = history(home, target)
    assert (message["created_at"], message["text"]) == (None, "half \ufffd")


def test_an_imported_name_can_be_no_other_kind_of_reference(home):
    for number, name in enumerate(["@last", "local_", "-x", "a\x1b[2J", "fine"]):
        thread = Thread(f"thread_{number}", "assistants", "", "", name=name)
        path = home.path / "t.json"
        archive.write(
            path, archive.document(archive.Archived(thread, [Message("m", "user", (Text("x"),))]))
        )
        home.run("threads", "import", "-p", "local", str(path))
    listed = json.loads(home.run("threads", "list", "-o", "json")[0])["threads"]
    assert sorted(str(t["name"]) for t in listed) == ["None"] * 4 + ["fine"]


def test_a_fork_with_another_profile_of_the_same_server_stays_on_that_server(world):
    first = talk(world, "One", profile="threads")
    with ThreadsServer() as other:
        text = world.config.read_text()
        lines = "".join(f'{k} = "{v}"\n' for k, v in world.servers["threads"].settings.items())
        moved = text.replace(world.servers["threads"].url, other.url)
        world.configure(f"{moved}[profiles.old]\n{lines}")
        fork = world.run("-p", "old", "threads", "fork", first)[0].strip()
        assert fork in world.servers["threads"].threads
        assert not other.requests


def test_forks_count_their_placeholders(world):
    first = talk(world, "One", profile="responses")
    world.servers["responses"].conversations[first][0]["content"].append(
        {"type": "input_image", "file_id": "file_1"}
    )
    server = world.servers["responses"]
    server.before = lambda r: (
        error(400, "No images")
        if r.path.endswith("/items") and "input_image" in json.dumps(r.body)
        else None
    )
    assert "as placeholders: 1 image" in world.run("threads", "fork", first)[1]


def test_a_copy_that_was_stopped_twice_carries_nothing_twice(world):
    first = filled(world, 42)
    target = copy(world, first, "threads")
    messages = world.servers["threads"].threads[target]
    ids = [m["id"] for m in history(world, first)]
    del messages[27:]  # 20 were noted; of the next 20 seven had come
    with store(world) as db:
        db.execute(
            "UPDATE copies SET copied = 20, on_its_way = 20, before = 20, last_id = ?", (ids[19],)
        )
    db.close()
    posts = iter([None] * 5)  # five more come, then the service fails
    world.servers["threads"].before = lambda r: (
        next(posts, error(500, "Oh no")) if r.method == "POST" else None
    )
    world.run("threads", "copy", first, "--to", "threads", code=7)
    world.servers["threads"].before = None
    assert copy(world, first, "threads") == target
    assert said(world, target) == said(world, first)


def test_neighbours_that_a_killed_process_left_are_removed_in_time(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    path = home.path / home.run("threads", "export", "@last")[0].strip()
    old, new = (path.with_name(f".{path.name}.{ending}") for ending in ("abcdefgh", "ijklmnop"))
    for neighbour in (old, new):
        neighbour.touch()
    os.utime(old, (1, 1))
    home.run("threads", "export", "@last")
    assert (old.exists(), new.exists()) == (False, True)


# A whole project


def test_all_threads_are_copied_in_one_go_and_a_second_go_copies_what_is_new(world):
    first = [talk(world, f"Thread {n}", "More", profile="threads") for n in range(3)]
    out, err = world.run("threads", "copy", "--all", "--to", "responses")
    assert len(out.splitlines()) == 3
    assert "12 messages of 3 threads copied; 0 there already" in err
    assert "as placeholders: nothing; kept here alone: nothing; 0 missing" in err
    assert "; 0 threads failed" in err
    assert len(world.servers["responses"].conversations) == 3
    world.run("ask", "-t", first[0], "New")
    err = world.run("threads", "copy", "--all", "--to", "responses")[1]
    assert "2 messages of 3 threads copied; 12 there already" in err
    assert len(world.servers["responses"].conversations) == 3
    err = world.run("threads", "copy", "--all", "--to", "responses", "--dry-run")[1]
    assert "0 messages of 3 threads to copy; 14 there already" in err


def test_a_thread_that_can_not_be_copied_stops_no_other(world):
    first = [talk(world, f"Thread {n}", profile="threads") for n in range(3)]
    server = world.servers["responses"]
    refused = [error(403, "Not this one")]
    server.before = lambda r: (
        refused.pop() if refused and r.method == "POST" and r.path.endswith("/items") else None
    )
    out, err = world.run("threads", "copy", *first, "--to", "responses", code=4)
    assert len(out.splitlines()) == 2
    assert f"{first[0]}: Not this one" in err
    assert "4 messages of 2 threads copied" in err
    assert "1 thread failed" in err
    world.run("threads", "copy", *first, "--to", "responses")
    held = sorted(len(items) for items in server.conversations.values())
    assert held == [2, 2, 2]


def test_a_request_that_a_gateway_delivers_late_is_waited_for(world):
    first = talk(world, "One", "Two", profile="threads")
    server = world.servers["responses"]
    late = []

    def before(request):
        if request.method == "POST" and request.path.endswith("/items") and not late:
            late.append(request)
            os.kill(copying.pid, signal.SIGKILL)
            return error(503, "killed")
        return None

    server.before = before
    copying = world.start("threads", "copy", first, "--to", "responses")
    copying.communicate()
    again = world.start("threads", "copy", first, "--to", "responses")
    looked = [r for r in server.requests if r.method == "GET"]
    while len([r for r in server.requests if r.method == "GET"]) <= len(looked):
        time.sleep(0.05)
    server.conversation(late[0], ["conv_000001", "items"], {})
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(server.conversations["conv_000001"]) == 4


def test_a_copy_made_while_the_server_was_away_never_passes_for_whole(world):
    world.run("config", "set", "keep", "false", "-p", "responses")
    world.run("ask", "-p", "responses", "One")
    world.run("config", "unset", "keep", "-p", "responses")
    world.run("ask", "-p", "responses", "-t", "@last", "Two")
    server = world.servers["responses"]
    server.before = lambda request: error(500, "away") if request.method == "GET" else None
    go = ("threads", "copy", "@last", "--to", "local")
    target = world.run(*go, code=6)[0].strip()
    assert len(said(world, target)) == 2
    server.before = None
    source = world.run("threads", "list", "-p", "responses", "-q")[0].strip()
    err = world.run("threads", "copy", source, "--to", "local", code=6)[1]
    assert f"{target} lacks 2 messages of {source}" in err
    world.run("threads", "delete", target, "--yes")
    again = copy(world, source, "local")
    assert said(world, again) == said(world, source)
