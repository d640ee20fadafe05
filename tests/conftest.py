"""What every test stands on: an empty home, the program as a process, servers on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.forker import Forker, Process
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, ThreadsServer

NO_KEYS = (
    "OPENAI_",
    "AZURE_",
    "ASSISTANT_ID",
    "ASSTCTL_",
    "XDG_",
    "PYTHON",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
)


class Home:
    """A home folder with nothing in it, and the program in it."""

    def __init__(self, path: Path, forker: Forker | None = None) -> None:
        self.path = path
        self.forker = forker
        self.config = path / ".config/asstctl/config.toml"
        self.data = path / ".local/share/asstctl"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(NO_KEYS)
        } | {"HOME": str(path), "TERM": "xterm-256color", "LANG": "C.UTF-8"}

        if os.environ.get("ASSTCTL_TEST_PORTABLE"):  # as on a system without POSIX
            self.environment["PYTHONPATH"] = str(Path(__file__).parent / "portable")

    def arguments(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "asstctl", *words]

    def start(self, *words: str, **options):
        """Start the program with pipes for all that is not given."""
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE) | {"stdin": subprocess.DEVNULL}
        environment = self.environment | options.pop("env", {})
        streams = pipes | options
        if self.forker and "arguments" not in vars(self):
            return Process(self.forker, words, environment, self.path, **streams)
        return subprocess.Popen(self.arguments(*words), env=environment, cwd=self.path, **streams)

    def run(
        self, *words: str, stdin: bytes | None = None, code: int | None = 0, timeout=60, **env: str
    ):
        """Run the program; gives (stdout, stderr) as text and checks the exit code."""
        extra = {} if stdin is None else {"stdin": subprocess.PIPE}
        process = self.start(*words, env=env, **extra)
        out, err = process.communicate(stdin, timeout=timeout)
        if code is not None:
            assert process.returncode == code, (words, process.returncode, out, err)
        return out.decode(), err.decode()

    def configure(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text)
        self.config.chmod(0o600)

    def use_server(self, server: ChatServer, **settings: str) -> None:
        """Make the default profile a chat-completions server."""
        lines = {"backend": "local", "endpoint": server.url, "model": "test", **settings}
        self.configure("".join(f'{key} = "{value}"\n' for key, value in lines.items()))

    def use_threads(self, server: ThreadsServer | ResponsesServer, **settings: str) -> None:
        """Make the default profile a server that holds threads."""
        lines = server.settings | settings
        self.configure("".join(f'{key} = "{value}"\n' for key, value in lines.items()))
        self.environment["MY_KEY"] = "canary"


@pytest.fixture
def responses() -> Iterator[ResponsesServer]:
    with ResponsesServer() as running:
        yield running


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker | None]:
    if os.environ.get("ASSTCTL_TEST_EXEC") or os.environ.get("ASSTCTL_TEST_PORTABLE"):
        yield None
        return
    with closing(Forker()) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, forker: Forker | None) -> Home:
    return Home(tmp_path, forker)


@pytest.fixture
def threads() -> Iterator[ThreadsServer]:
    with ThreadsServer() as running:
        yield running


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs POSIX where the program finds none."""
    if os.environ.get("ASSTCTL_TEST_PORTABLE"):
        items[:] = [item for item in items if not item.get_closest_marker("posix")]
