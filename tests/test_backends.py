"""A new backend is one folder and its member in kind.py: one of each sort is added and used.

The package is copied, since a kind is a member of a closed set; nothing is written into the tree.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ThreadsServer

ROOT = Path(__file__).parent.parent

ON_A_SERVER = '''"""Threads on a server: the threads wire, under another name."""

from asstctl.backends import World
from asstctl.backends.assistants import connect as threads
from asstctl.backends.assistants.backend import Assistants
from asstctl.config.settings import Settings


def connect(settings: Settings, world: World) -> Assistants:
    """Return the backend of a profile."""
    return threads(settings, world)
'''

KEPT_HERE = '''"""Threads that are kept here, answered by an echo."""

from asstctl.backends import World
from asstctl.backends.local.backend import Local
from asstctl.backends.local.chat import Chunks
from asstctl.config.settings import Settings


class Echo:
    """A Model that says the prompt back."""

    window_characters = None
    request_id = None
    note = None

    def ready(self):
        return iter(())

    def complete(self, turns):
        text = f"Echo: {turns[-1]['content']} ({len(turns)})"
        yield Chunks([{"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]}])

    def close(self):
        pass


def connect(settings: Settings, world: World) -> Local:
    """Return the backend of a profile."""
    return Local(world.store, Echo, settings)
'''

SORTS = {
    "distant": (
        ON_A_SERVER,
        (
            'Facts(needs=("endpoint", "assistant_id", "api_key_env"), prefixes=("thread_",),'
            " endpoint_needed=True)"
        ),
    ),
    "parrot": (KEPT_HERE, 'Facts(needs=("instructions",), prefixes=("parrot_",), kept_here=True)'),
}


@pytest.fixture(params=SORTS)
def grown(request, tmp_path, home):
    """A copy of the package with one more backend; gives its name and the way to run it."""
    name = request.param
    backend, facts = SORTS[name]
    package = tmp_path / "tree" / "asstctl"
    shutil.copytree(ROOT / "asstctl", package, ignore=shutil.ignore_patterns("__pycache__"))
    kind = package / "kind.py"
    text = kind.read_text()
    member = '    LOCAL = "local"\n'
    assert text.count(member) == text.count("FACTS = {\n") == 1
    text = text.replace(member, f'{member}    {name.upper()} = "{name}"\n')
    text = text.replace("FACTS = {\n", f"FACTS = {{\n    Kind.{name.upper()}: {facts},\n")
    kind.write_text(text)
    (package / "backends" / name).mkdir()
    (package / "backends" / name / "__init__.py").write_text(backend)

    def run(*words, code=0, **env):
        done = subprocess.run(
            [sys.executable, "-m", "asstctl", *words],
            env=home.environment | {"PYTHONPATH": str(package.parent), "MY_KEY": "canary"} | env,
            cwd=home.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout

    return name, run


def texts(run, thread):
    lines = run("threads", "history", thread, "-o", "jsonl").splitlines()
    return [json.loads(line)["text"] for line in lines]


def test_a_new_backend_is_a_folder_and_a_member(grown, threads: ThreadsServer):
    name, run = grown
    settings = ["--backend", name, "--no-input"]
    if name == "distant":
        threads.form = "compatible"
        settings += [
            "--endpoint",
            threads.url,
            "--assistant-id",
            "asst_1",
            "--api-key-env",
            "MY_KEY",
        ]
    run("config", "init", "new", *settings)
    assert run("config", "get", "backend", "-p", "new") == f"{name}\n"
    said = {"distant": "You said: {} ({})\n", "parrot": "Echo: {} ({})\n"}[name]
    assert run("-p", "new", "ask", "One") == said.format("One", 1)
    [thread] = run("threads", "list", "-q").splitlines()
    assert run("ask", "-t", thread, "Two") == said.format("Two", 3)
    assert run("-p", "new", "ask", "-c", "Three") == said.format("Three", 5)
    assert run("threads", "list", "-q").splitlines() == [thread]
    whole = texts(run, thread)
    assert whole[::2] == ["One", "Two", "Three"]
    copied = run("threads", "copy", thread, "--to", "local").strip()
    assert texts(run, copied) == whole
    back = run("threads", "copy", copied, "--to", "new").strip()
    assert texts(run, back) == whole
    forked = run("threads", "fork", thread).strip()
    assert texts(run, forked) == whole
    assert len(run("threads", "list", "-q").splitlines()) == 4
    run("threads", "delete", "-y", thread)
    assert thread not in run("threads", "list", "-q").split()
    if name == "parrot":  # a profile of its own name is there unwritten, as for local
        assert run("-p", name, "ask", "Hello") == said.format("Hello", 1)
