"""All that is kept is backed up as one file while it is in use, and put back whole."""

import json
import os
import sqlite3
import stat
import subprocess
import threading
import time
import zipfile
from contextlib import closing

import pytest

from tests.servers import Reply
from tests.test_custody import attached, kept


@pytest.fixture
def full(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    attached(threads, "file_a")
    home.run("threads", "fetch", "@last")
    return home


def test_what_was_lost_since_a_backup_is_put_back_files_too(full):
    err = full.run("threads", "backup", "all.zip")[1]
    assert err == "asstctl: 1 thread and 1 file are in all.zip\n"
    assert stat.S_IMODE((full.path / "all.zip").stat().st_mode) == 0o600
    before = kept(full)
    full.run("threads", "delete", "@last", "--keep-remote")
    full.run("ask", "Another")
    err = full.run("threads", "restore", "all.zip", "--yes")[1]
    assert "what was kept before is in" in err
    assert full.run("threads", "list", "-q")[0] == "thread_1\n"
    assert kept(full) == before
    assert len([path for path in (full.data / "files").rglob("*") if path.is_file()]) == 1
    with closing(sqlite3.connect(full.data / "threads.db.before-1")) as database:
        assert database.execute("SELECT count(*) FROM threads").fetchone() == (1,)


def test_on_a_new_machine_a_backup_is_all_that_is_needed(full):
    full.run("threads", "backup", "all.zip")
    before = kept(full)
    os.rename(full.data, full.data.with_name("old"))
    full.run("threads", "restore", "all.zip")
    assert kept(full, "thread_1") == before


def test_a_chat_that_is_open_goes_over_to_what_was_put_back(full):
    full.run("threads", "backup", "all.zip")
    chat = full.start("chat", "-c", stdin=subprocess.PIPE)
    try:
        chat.stdin.write(b"Two\n")
        chat.stdin.flush()
        while chat.stdout.read1(1) != b")":
            pass
        full.run("threads", "restore", "all.zip", "--yes")
        chat.communicate(b"Three\nexit\n", timeout=30)
    finally:
        chat.kill()
    assert chat.returncode == 0
    assert [m["text"] for m in kept(full)][-2] == "Three"


@pytest.mark.parametrize("fixture", ["threads", "server"])
def test_a_turn_is_kept_whole_where_the_store_is_put_back_as_it_runs(full, fixture, request):
    full.run("threads", "backup", "all.zip")
    speaker = request.getfixturevalue(fixture)
    if fixture == "server":
        full.use_server(speaker)
    said = threading.Event()
    speaker.replies.append(Reply(words=["a ", "b"], delay=0.7))
    speaker.before = lambda r: said.set() if r.method == "POST" else None
    asking = full.start("ask", "Two")
    assert said.wait(20)
    time.sleep(0.4)  # it stands in the store by now
    full.run("threads", "restore", "all.zip", "--yes")
    err = asking.communicate(timeout=30)[1]
    assert asking.returncode == 0, err
    assert [m["text"] for m in kept(full)] == ["Two", "a b"]
    assert len(full.run("threads", "list", "-q")[0].split()) == 2


def test_what_is_no_backup_changes_nothing(full):
    before = kept(full)
    (full.path / "a.zip").write_bytes(b"no zip")
    with zipfile.ZipFile(full.path / "b.zip", "w") as archive:
        archive.writestr("other", "x")
    with zipfile.ZipFile(full.path / "c.zip", "w") as archive:
        archive.writestr("threads.db", b"no database")
    for name in ("a.zip", "b.zip", "c.zip", "none.zip"):
        err = full.run("threads", "restore", name, "--yes", code=1)[1]
        assert name in err
    full.run("threads", "restore", "a.zip", code=3)
    assert kept(full) == before


def test_what_the_disk_cut_short_is_put_back_whole_and_a_link_stays_one(full):
    full.run("threads", "backup", "all.zip")
    [file] = [path for path in (full.data / "files").rglob("*") if path.is_file()]
    whole = file.read_bytes()
    file.write_bytes(whole[:3])
    store, elsewhere = full.data / "threads.db", full.path / "disk"
    elsewhere.mkdir()
    store.rename(elsewhere / "threads.db")
    store.symlink_to(elsewhere / "threads.db")
    full.run("threads", "restore", "all.zip", "--yes")
    assert file.read_bytes() == whole
    assert store.is_symlink()
    err = full.run("threads", "delete", "@last", "--yes")[1]
    assert f"a store that was set aside may hold it still: {elsewhere}/threads.db.before-1" in err


def test_names_in_a_zip_lead_nowhere(full):
    full.run("threads", "backup", "all.zip")
    with zipfile.ZipFile(full.path / "all.zip", "a") as archive:
        for name in ("files/../../evil", "files/aa/../../evil", "/evil", "files/aa/" + "b" * 64):
            archive.writestr(name, "evil")
    full.run("threads", "restore", "all.zip", "--yes")
    assert not [path for path in full.path.rglob("*") if "evil" in path.name or "bbbb" in path.name]


def test_without_a_store_there_is_nothing_to_back_up(home, server):
    home.use_server(server)
    assert "no store yet" in home.run("threads", "backup", "a.zip", code=3)[1]
    assert json.loads(home.run("threads", "list", "-o", "json")[0])["threads"] == []
