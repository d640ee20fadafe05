"""The house grows as CONTRIBUTING.md says: a backend of each sort, a format, a setting, a command.

The package is copied for it, since the sets that grow are closed; nothing is written into the tree.
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

    def complete(self, turns, tools):
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


class Tree:
    """A copy of the package that may be changed, and the way to run it."""

    def __init__(self, folder, home):
        self.home = home
        self.package = folder / "tree" / "asstctl"
        shutil.copytree(
            ROOT / "asstctl", self.package, ignore=shutil.ignore_patterns("__pycache__")
        )

    def write(self, name, text):
        path = self.package / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def insert(self, name, after, line):
        """Put a line behind one that stands in a module once."""
        path = self.package / name
        text = path.read_text()
        assert text.count(after) == 1, after
        path.write_text(text.replace(after, after + line))

    def run(self, *words, code=0, **env):
        environment = {"PYTHONPATH": str(self.package.parent), "MY_KEY": "canary"}
        done = subprocess.run(
            [sys.executable, "-m", "asstctl", *words],
            env=self.home.environment | environment | env,
            cwd=self.home.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture
def tree(tmp_path, home):
    return Tree(tmp_path, home)


@pytest.fixture(params=SORTS)
def grown(request, tree):
    """A tree with one more backend; gives its name and the way to run it."""
    name = request.param
    backend, facts = SORTS[name]
    tree.insert("kind.py", '    LOCAL = "local"\n', f'    {name.upper()} = "{name}"\n')
    tree.insert("kind.py", "FACTS = {\n", f"    Kind.{name.upper()}: {facts},\n")
    tree.write(f"backends/{name}/__init__.py", backend)
    return name, tree.run


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


SHOUT = '''"""The reply in capitals."""

from asstctl.events import Stream, TextDelta
from asstctl.render import Surface


def render(reply: Stream, surface: Surface) -> None:
    """Write the reply's text in capitals."""
    for event in reply:
        surface.notes.write(event)
        if isinstance(event, TextDelta):
            surface.out.write(event.text.upper())
'''


def test_a_new_format_is_a_file_and_a_line(tree, home, server):
    home.use_server(server)
    tree.write("render/shout.py", SHOUT)
    tree.insert("render/__init__.py", '    PLAIN = "plain"\n', '    SHOUT = "shout"\n')
    assert tree.run("ask", "-o", "shout", "Hello") == "YOU SAID: HELLO (1)"


def test_a_new_setting_is_a_line(tree, home, server):
    home.use_server(server)
    line = '    colour: str | None = _setting("the colour of nothing")\n'
    tree.insert("config/settings.py", "    origins: Mapping[str, str]\n", line)
    tree.run("config", "set", "colour", "green")
    assert tree.run("config", "get", "colour") == "green\n"
    assert tree.run("config", "get", "colour", ASSTCTL_COLOUR="blue") == "blue\n"
    assert "colour" in tree.run("config", "show")


COUNT = '''"""`asstctl count`: how many threads there are."""

import sys

import typer

from asstctl.commands import WORDS, options
from asstctl.commands.app import App

app = App()


@app.command(help=WORDS["count"])
def count(ctx: typer.Context) -> None:
    """Print the number."""
    with options.invocation(ctx).session() as session:
        sys.stdout.write(f"{len(session.threads())}\\n")
'''


def test_a_new_command_is_a_module_and_its_word(tree, home, server):
    home.use_server(server)
    tree.write("commands/count.py", COUNT)
    tree.insert("commands/__init__.py", "WORDS = {\n", '    "count": "Count the threads.",\n')
    assert "Count the threads." in tree.run("--help")
    assert tree.run("count") == "0\n"
    tree.run("ask", "Hello")
    assert tree.run("count", "-p", "local") == "0\n"
    assert tree.run("count") == "1\n"


def test_the_guide_names_the_places_where_the_house_grows():
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    for place in ("kind.py", "backends/NAME/", "render/NAME.py", "config/settings.py", "WORDS"):
        assert place in guide
    assert len(guide.splitlines()) <= 80
