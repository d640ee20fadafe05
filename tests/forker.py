"""Starts the program as a process of its own, without its imports being paid each time.

A helper that has everything imported forks for each start; what runs in the fork is the program's
own way in, on its own pipes, with its own signals, environment and folder. ASSTCTL_TEST_EXEC=1
starts a new interpreter each time instead, as tests of start-up and memory always do.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

WARM = [
    "asstctl.__main__",
    "asstctl.cli",
    "asstctl.commands.ask",
    "asstctl.commands.chat",
    "asstctl.commands.threads",
    "asstctl.commands.config",
    "asstctl.commands.assistants",
    "asstctl.commands.doctor",
    "asstctl.commands.help",
    "asstctl.commands.models",
    "asstctl.commands._connecting",
    "asstctl.commands._files",
    "asstctl.backends.assistants.writing",
    "asstctl.backends.responses.writing",
    "asstctl.backends.vendor",
    "asstctl.backends.local",
    "asstctl.backends.local.engine",
    "asstctl.backends.assistants",
    "asstctl.backends.responses",
    "asstctl.transfer.archive",
    "asstctl.transfer.copy",
    "asstctl.transfer.fetch",
    "asstctl.transfer.destination",
    "asstctl.transfer.losses",
    "asstctl.transfer.planning",
    "asstctl.store.backup",
    "asstctl.store.lifting",
    "asstctl.store.search",
    "asstctl.store.merging",
    "asstctl.store.beside",
    "asstctl._locks",
    "filelock",
    "asstctl.render.plain",
    "asstctl.render.json",
    "asstctl.render._screen",
    "asstctl.render.markdown",
    "asstctl.render.failure",
    "asstctl.wire.wire",
    "asstctl.session",
    "asstctl.completion",
    "typer",
    "tomlkit",
    "tomli_w",
    "encodings.idna",
    "encodings.utf_8_sig",
    "stringprep",
    "typer._click.decorators",
    "openai",  # whose import takes longer than most tests
    "openai.resources.files",
    "openai.resources.containers.files",
    "shlex",
    "asstctl.render.notes",
    "asstctl.store.uploads",
    "asstctl.commands._paging",
    "asstctl.completion.install",
    "shellingham.posix",
]

BENEATH = ["httpcore2", "h11", "anyio", "truststore"]
"""Packages beneath the vendor's client, of the release that there is."""


STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Forker:
    """The helper, for as long as one worker of the suite runs."""

    def __init__(self) -> None:
        self._order = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from tests.forker import serve; serve({theirs.fileno()})"],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
            )

    def close(self) -> None:
        self._socket.close()
        self._process.wait()

    def start(self, words, environment, folder, fds):
        """Fork; gives the end of a pipe on which the pid comes, then the status."""
        status, theirs = os.pipe()
        order = json.dumps([words, environment, str(folder)]).encode()
        head = struct.pack("I", len(order))
        with self._order:  # tests give orders from several threads
            socket.send_fds(self._socket, [head], [*fds, theirs])
            self._socket.sendall(order)
        os.close(theirs)
        return status


def serve(number: int) -> None:
    """Wait for orders and fork for each; ends when nobody gives orders any more."""
    for name in WARM:
        __import__(name)
    for name in BENEATH:
        with contextlib.suppress(ImportError):
            __import__(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the supervisors
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until a program is itself
    orders = socket.socket(fileno=number)
    while True:
        head, fds, _, _ = socket.recv_fds(orders, 4, 4)
        if not head:
            os._exit(0)
        size = struct.unpack("I", head)[0]
        data = b""
        while len(data) < size:
            piece = orders.recv(min(size - len(data), 65536))
            if not piece:
                os._exit(1)
            data += piece
        if os.fork() == 0:
            orders.close()
            supervise(*json.loads(data), fds)
        for fd in fds:
            os.close(fd)


def supervise(words, environment, folder, fds) -> None:
    """Fork the program, tell its pid, wait for its end and tell its status."""
    status = fds.pop()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program == 0:
        os.close(status)
        become(words, environment, folder, fds)
    for fd in fds:
        os.close(fd)
    os.write(status, struct.pack("i", program))
    _, code = os.waitpid(program, 0)
    os.write(status, struct.pack("i", os.waitstatus_to_exitcode(code)))
    os._exit(0)


def bounded(environment) -> None:
    """Take from the program what a test wants it to do without."""
    if size := environment.pop("TEST_FILE_SIZE", None):  # a disk that is full at so many bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    if environment.pop("TEST_NO_OVERRIDE", None) and os.getuid() == 0:
        header = struct.pack("Ii", 0x20080522, 0)  # capset(2): root as anybody else
        none = struct.pack("IIIIII", 0, 0, 0, 0, 0, 0)
        assert ctypes.CDLL(None, use_errno=True).capset(header, none) == 0


def become(words, environment, folder, fds) -> None:
    """Be the program, as a new interpreter would be."""
    bounded(environment)
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["asstctl", *words]
    for place, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        setattr(sys, name, os.fdopen(place, mode, closefd=False))
    sys.stderr.reconfigure(line_buffering=True)
    from asstctl.__main__ import run

    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    except KeyboardInterrupt:
        os._exit(130)
    run()


class Process:
    """A program that was forked, with as much of subprocess.Popen as tests use."""

    def __init__(self, forker, words, environment, folder, **streams) -> None:
        self.returncode = None
        ours, theirs = [], []
        for name in ("stdin", "stdout", "stderr"):
            wanted = streams[name]
            mine = None
            if wanted == subprocess.PIPE:
                reading, writing = os.pipe()
                mine, fd = (writing, reading) if name == "stdin" else (reading, writing)
                ours.append(fd)
                mine = os.fdopen(mine, "wb" if name == "stdin" else "rb")
            elif wanted == subprocess.DEVNULL:
                fd = os.open(os.devnull, os.O_RDWR)
                ours.append(fd)
            else:
                fd = wanted if isinstance(wanted, int) else wanted.fileno()
            setattr(self, name, mine)
            theirs.append(fd)
        self._status = forker.start(words, environment, folder, theirs)
        for fd in ours:
            os.close(fd)
        self.pid = struct.unpack("i", os.read(self._status, 4))[0]
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        code = os.read(self._status, 4)
        os.close(self._status)
        self.returncode = struct.unpack("i", code)[0]
        self._ended.set()

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("asstctl", timeout)
        return self.returncode

    def send_signal(self, signum) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, data=None, timeout=None):
        found = {}

        def read(name):
            with getattr(self, name) as stream:
                found[name] = stream.read()

        names = [
            n for n in ("stdout", "stderr") if getattr(self, n) and not getattr(self, n).closed
        ]
        readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in names]
        for reader in readers:
            reader.start()
        if self.stdin:
            with contextlib.suppress(BrokenPipeError):
                if data:
                    self.stdin.write(data)
                self.stdin.close()
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        for reader in readers:
            reader.join(timeout)
        return found.get("stdout"), found.get("stderr")
