"""The embedded engine, and its worker thread.

The engine is llama.cpp through xllamacpp. It offers its work only as a server, so it is given a
Unix socket in a private folder and a random key; nothing listens on a network.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from asstctl._installed import adding
from asstctl.backends.local.chat import Chunks, demanded
from asstctl.backends.local.turns import Turn, plain
from asstctl.backends.local.weights import DEMO_MODEL, WEIGHTS, fetch
from asstctl.errors import AsstctlError, ConfigError, ContextExceededError
from asstctl.events import Event, Notice, Progress, RequestSent

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

STOP_SECONDS = 2.5
"""How long a cancelled engine may take before it is left alone."""

LONGEST_FOLDER = 103 - len("/asstctl-12345678/engine.sock")
"""Bytes: a Unix socket's path has room for 103 on macOS, 107 on Linux."""


class Engine:
    """A model on this machine; a Model of the backend `local`."""

    request_id = None
    takes_files = False

    def __init__(
        self,
        model: str | None,
        folder: Path,
        environment: Mapping[str, str],
        shape: Mapping[str, Any] | None = None,
    ) -> None:
        demo = model in (None, DEMO_MODEL)
        self._demo = demo
        self._path = folder / Path(WEIGHTS).name if demo else Path(model or "").expanduser()
        self._window = DEMO_WINDOW if demo else OTHER_WINDOW
        self._may_fetch = not environment.get("ASSTCTL_NO_DOWNLOAD")
        self._server: Any = None
        self._told = False  # that it calls no tools
        self._loading = Lock()
        self._environment = environment
        self._shape = shape
        self._socket_folder: str | None = None
        self.window_characters = DEMO_CHARACTERS if demo else None
        self.note = f"{DEMO_MODEL} is a demo model: it is small, and it errs" if demo else None

    def ready(self) -> Iterator[Progress]:
        """Raise ConfigError for a missing extra or file; iterating fetches the weights."""
        if find_spec("xllamacpp") is None:
            raise ConfigError(
                "the embedded model is not installed",
                hint=f"{adding('local')}, or set endpoint to a chat-completions server",
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

    def complete(
        self, turns: list[Turn], tools: Sequence[Mapping[str, Any]] | None
    ) -> Generator[Event | Chunks]:
        """Complete a chat in a worker thread, and yield the chunks as they come.

        The model takes words alone, and calls no tools.

        Closing the iterator stops the engine, within STOP_SECONDS at the latest.
        """
        turns = plain(turns)
        if tools and not self._told:
            self._told = True
            yield Notice("the embedded model calls no tools")
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
            **demanded(self._shape),
        }
        chunks: SimpleQueue[str | BaseException | None] = SimpleQueue()
        stop = Flag()

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
            yield RequestSent()
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

    def models(self) -> list[str]:
        """Return the name of the model's file."""
        return [self._path.name]

    def close(self) -> None:
        """Release the engine and its socket."""
        self._server = None
        if self._socket_folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)


def batches(chunks: "SimpleQueue[str | BaseException | None]") -> Iterator[Chunks]:
    """Yield all chunks that are there, again and again until None; raises the worker's error."""
    while True:
        waiting = [chunks.get()]
        while True:
            try:
                waiting.append(chunks.get_nowait())
            except Empty:
                break
        batch = Chunks(json.loads(chunk) for chunk in waiting if isinstance(chunk, str))
        if batch:
            yield batch
        last = waiting[-1]
        if isinstance(last, BaseException):
            raise last
        if last is None:
            return
