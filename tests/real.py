"""Servers that nobody here wrote, and asstctl through the life of a thread on each.

`python -m tests.real FOLDER` installs them from the registries into FOLDER, each in an environment
of its own, and starts them on loopback. Exit code 75: one could not be installed, and a line says
which and why.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Home
from tests.servers import NOW, ChatServer, ThreadsServer, named

NOT_TRIED = 75
"""The exit code where a server could not be installed."""

MASTER = "sk-3f9c2b7e41d0a8556e0cfd9b1a7742e3"
"""The key of the LiteLLM proxy, made up here."""

LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_TELEMETRY": "False",
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
    "NO_REDOC": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MASTER_KEY": MASTER,
}
"""Its environment: nothing is fetched, nothing reported."""


class Truthful(ThreadsServer):
    """Threads as the service holds them: a message is created before its first delta, and a run
    whose reader left is completed."""

    form = "compatible"

    def stream(self, thread, run, reply, made):
        created = False
        try:
            for event in super().stream(thread, run, reply, made):
                if not created and event.startswith(b"event: thread.message.delta"):
                    created = True
                    message = {
                        "id": json.loads(event.partition(b"data: ")[2])["id"],
                        "object": "thread.message",
                        "created_at": NOW + self.count,
                        "thread_id": thread,
                        "role": "assistant",
                        "run_id": run["id"],
                        "assistant_id": "asst_1",
                        "status": "in_progress",
                        "attachments": [],
                        "metadata": {},
                        "content": [],
                    }
                    yield named("thread.message.created", message)
                yield event
        finally:
            if run["status"] == "in_progress":
                self.complete(thread, run)


@dataclass
class Real:
    """A running server, as a profile of asstctl sees it."""

    name: str
    settings: dict
    key: str = "canary"
    slow: str = "SLOW"  # a prompt whose reply takes a while
    slowly: Callable | None = None  # makes the next reply take a while
    stateless: bool = False  # it keeps no replies
    gateway: bool = False  # it passes on a part of the threads wire alone
    prompts: Callable | None = None  # what its upstream was asked
    limited: bool = False  # its model may reach the limit of length, exit code 6
    wrong: list = field(default_factory=list)


def run(*words: str, **options) -> str:
    """Run an installer; raises CalledProcessError."""
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=600, **options)
    return done.stdout


def environment(folder: Path, *packages: str) -> Path:
    """A virtual environment with packages in it, made once."""
    python = folder / "bin/python"
    if not (folder / "whole").exists():
        run(sys.executable, "-m", "venv", str(folder))
        run(str(python), "-m", "pip", "install", "--quiet", *packages)
        (folder / "whole").touch()
    return python


@contextmanager
def process(words: list[str], ready: str, folder: Path, **more: str) -> Iterator[None]:
    """A server's process, once `ready` answers."""
    log = (folder / "server.log").open("wb")
    child = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **more},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(ready, timeout=2):
                    break
            except OSError:
                if child.poll() is not None:
                    raise RuntimeError((folder / "server.log").read_text()[-2000:]) from None
                time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait(20)
        log.close()


def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def litellm(folder: Path) -> Iterator[list[Real]]:
    """LiteLLM's proxy: in front of truthful threads, and with Responses over a chat."""
    python = environment(folder / "venv", "litellm[proxy]")
    port = free_port()
    with Truthful() as threads, ChatServer() as chat:
        config = {
            "model_list": [
                {
                    "model_name": "bridged",
                    "litellm_params": {
                        "model": "openai/test",
                        "use_chat_completions_api": True,
                        "api_base": chat.url,
                        "api_key": "canary",
                    },
                }
            ],
            "assistant_settings": {
                "custom_llm_provider": "openai",
                "litellm_params": {"api_base": threads.url, "api_key": "canary"},
            },
            "litellm_settings": {"telemetry": False},
            "router_settings": {"num_retries": 0},
        }
        (folder / "config.yaml").write_text(json.dumps(config))
        words = [str(python.parent / "litellm"), "--config", "config.yaml"]
        words += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        root = f"http://127.0.0.1:{port}"

        def slow(_, reply):
            reply.delay = 0.3
            return reply

        def slowly(server):
            def begin(on):
                server.after = slow if on else None

            return begin

        def asked():
            messages = [m for one in threads.threads.values() for m in one]
            return [m["content"][0]["text"]["value"] for m in messages if m["role"] == "user"]

        def told():
            return [r.body["messages"][-1]["content"] for r in chat.requests if r.body]

        with process(words, f"{root}/health/readiness", folder, **LITELLM):
            yield [
                Real(
                    "LiteLLM, threads",
                    {"backend": "assistants", "endpoint": f"{root}/v1", "assistant_id": "asst_1"},
                    MASTER,
                    slowly=slowly(threads),
                    gateway=True,
                    prompts=asked,
                ),
                Real(
                    "LiteLLM, responses",
                    {"backend": "responses", "endpoint": f"{root}/v1", "model": "bridged"},
                    MASTER,
                    slowly=slowly(chat),
                    stateless=True,
                    prompts=told,
                ),
                Real(
                    "LiteLLM, chat",
                    {"backend": "local", "endpoint": f"{root}/v1", "model": "bridged"},
                    MASTER,
                    slowly=slowly(chat),
                    prompts=told,
                ),
            ]


@contextmanager
def aimock(folder: Path) -> Iterator[list[Real]]:
    """A mock from npm that speaks Responses and chat completions, and keeps nothing."""
    if not (folder / "node_modules/@copilotkit/aimock").is_dir():
        run("npm", "install", "--no-audit", "--no-fund", "@copilotkit/aimock@1", cwd=folder)
    words = "This is a slow reply that goes on and on. " * 5
    fixtures = [
        {
            "match": {"userMessage": "SLOW"},
            "response": {"content": words},
            "latency": 300,
            "chunkSize": 8,
        },
        {"match": {}, "response": {"content": "Some reply of the mock."}},
    ]
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": fixtures}))
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = ["node", "node_modules/@copilotkit/aimock/dist/cli.js", "--port", str(port)]
    command += ["--host", "127.0.0.1", "-f", "fixtures.json", "--latency", "5"]
    with process(command, f"{root}/health", folder):
        yield [
            Real(
                "aimock, responses",
                {"backend": "responses", "endpoint": f"{root}/v1", "model": "test"},
                stateless=True,
            ),
            Real("aimock, chat", {"backend": "local", "endpoint": f"{root}/v1", "model": "test"}),
        ]


SERVE = """
import os, signal, sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.port = sys.argv[1], int(sys.argv[2])
p.model_alias, p.hostnames = {"test"}, ["127.0.0.1"]
p.ui = p.fit_params = p.warmup = False
p.n_parallel, p.n_ctx, p.n_threads_http, p.verbosity = 1, 4096, 4, 0
p.n_batch = p.n_ubatch = 128
p.n_predict, p.sampling.ignore_eos, p.offline = 300, True, True
server = xllamacpp.Server(p)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.pause()
"""
"""xllamacpp's own server; each reply has 300 tokens, so that there is one to stop."""


@contextmanager
def llama(folder: Path) -> Iterator[list[Real]]:
    """llama.cpp's HTTP server, on weights of random numbers."""
    python = environment(folder / "venv", "xllamacpp>=2026.10.11549,<2027")
    from tests.engine import write_model

    model = write_model(folder / "random.gguf")
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    command = [str(python), "-c", SERVE, str(model), str(port)]
    with process(command, f"{root}/health", folder):
        yield [
            Real(
                "xllamacpp, responses",
                {"backend": "responses", "endpoint": f"{root}/v1", "model": "test"},
                stateless=True,
            ),
            Real(
                "xllamacpp, chat",
                {"backend": "local", "endpoint": f"{root}/v1", "model": "test"},
                limited=True,
            ),
        ]


SERVERS = {"LiteLLM": litellm, "aimock": aimock, "xllamacpp": llama}


class Life:
    """The life of one thread on one server."""

    def __init__(self, server: Real, folder: Path) -> None:
        self.server = server
        self.home = Home(folder)
        self.home.environment["MY_KEY"] = server.key
        settings = {**server.settings, "api_key_env": "MY_KEY", "timeout": 30}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        self.home.configure(f'{lines}[profiles.here]\nbackend = "local"\n')

    def expect(self, step: str, holds: bool, told: object) -> None:
        """Note a step that is not as it should be."""
        if not holds:
            self.server.wrong.append(f"{step}: {told}")

    def ask(self, *words: str) -> tuple[str, str]:
        """Ask, and demand a reply, whole or up to the model's limit."""
        return self.run("ask", "ask", *words, code=None if self.server.limited else 0)

    def run(self, step: str, *words: str, code: int | None = 0) -> tuple[str, str]:
        process = self.home.start(*words)
        out, err = (text.decode() for text in process.communicate(timeout=120))
        fits = process.returncode in ((0, 6) if code is None else (code,))
        whole = fits and "unexpected" not in err and "Traceback" not in err
        self.expect(step, whole, (words, process.returncode, out[-300:], err[-600:]))
        return out, err

    def messages(self, *words: str, code: int = 0) -> list[dict]:
        out, _ = self.run("history", "threads", "history", *words, "-o", "jsonl", code=code)
        return [json.loads(line) for line in out.splitlines()]

    def live(self) -> None:
        """Take a thread from its beginning to its end."""
        server = self.server
        thread = self.run("new", "threads", "new")[0].strip()
        asked: list[str] = []
        before = len(server.prompts()) if server.prompts else 0
        for number, words in enumerate(["first", "second", "third"]):
            where = ["-t", thread] if number == 0 else ["-c"]
            out, err = self.ask(*where, f"the {words} prompt")
            asked.append(f"the {words} prompt")
            self.expect("ask", bool(out.strip()), (out, err))
            if server.stateless and number:
                self.expect("gets what is kept here", "keeps no replies" not in err, err)
        if server.prompts:
            said = server.prompts()[before:]
            self.expect("prompts on the server", said == asked, said)
        self.read(asked)
        self.stop(thread)
        self.end(thread)

    def read(self, asked: list[str]) -> None:
        """Read, export and copy what was said; chains on forgetful servers are not kept yet."""
        if self.server.stateless:
            self.run("history", "threads", "history")
            return
        found = self.messages()
        prompts = [message["text"] for message in found if message["role"] == "user"]
        self.expect("history in order", prompts == asked, prompts)
        roles = [message["role"] for message in found]
        self.expect("roles in order", roles == ["user", "assistant"] * 3, roles)
        last = self.messages("--last", "2")
        self.expect("--last", [m["text"] for m in last] == [m["text"] for m in found[-2:]], last)
        path = self.run("export", "threads", "export", "@last", "-d", "out")[0].strip()
        exported = json.loads((self.home.path / path).read_text())["messages"]
        carried = ["".join(part["text"] for part in m["parts"]) for m in exported]
        self.expect("export", carried == [m["text"] for m in found], exported)
        copied = self.run("copy", "threads", "copy", "@last", "--to", "here")[0].strip()
        there = self.messages(copied)
        self.expect("copy", [m["text"] for m in there] == [m["text"] for m in found], there)

    def stop(self, thread: str) -> None:
        """Stop a reply by Ctrl-C, unlock the thread, and go on."""
        if self.server.slowly:
            self.server.slowly(True)
        process = self.home.start("ask", "-t", thread, f"{self.server.slow} prompt")
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=40)[1].decode()
        if self.server.slowly:
            self.server.slowly(False)
        self.expect("Ctrl-C", process.returncode == 130, (process.returncode, err))
        if self.server.gateway:
            self.expect("Ctrl-C says that the run goes on", "goes on" in err, err)
            self.run("unlock", "threads", "unlock", thread, code=1)
            time.sleep(8)  # the run ends by itself: nobody can end it there
        else:
            self.run("unlock", "threads", "unlock", thread)
        self.ask("-t", thread, "And now?")

    def end(self, thread: str) -> None:
        """Delete the thread, as far as the server can."""
        if self.server.gateway:
            err = self.run("delete", "threads", "delete", "-y", thread, code=1)[1]
            self.expect("delete names what lacks", "can't delete a thread" in err, err)
            for number in range(9):
                self.ask("-t", thread, f"prompt {number}")
            found = self.messages(thread, code=6)  # the newest 20 are all that it says
            self.expect("the newest", len(found) == 20, len(found))
            self.expect("in order", found[-2]["text"] == "prompt 8", found[-2:])
            self.run("delete", "threads", "delete", "--keep-remote", thread)
        else:
            self.run("delete", "threads", "delete", "-y", thread)
        left = self.run("list", "threads", "list", "-q")[0].split()
        self.expect("deleted", thread not in left, left)


def main() -> None:
    """Take a thread through its life on every server that can be installed."""
    folder = Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp()).absolute()
    not_tried = failed = 0
    for name, start in SERVERS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                servers = stack.enter_context(start(folder / name))
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or str(error)
                print(f"NOT TRIED: {name}, {' '.join(str(said).split())[-300:]}", flush=True)
                not_tried += 1
                continue
            for server in servers:
                home = Path(tempfile.mkdtemp(prefix="asstctl-real-"))
                Life(server, home).live()
                shutil.rmtree(home)
                print(f"{server.name}: {'as it should be' if not server.wrong else ''}", flush=True)
                for wrong in server.wrong:
                    print(f"  {wrong}", flush=True)
                failed += bool(server.wrong)
    sys.exit(1 if failed else NOT_TRIED if not_tried else 0)


if __name__ == "__main__":
    main()
