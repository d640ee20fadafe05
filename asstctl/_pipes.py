"""A process's pipes where a system can't wait for several of them: a thread for each."""

import shutil
import subprocess
import time
from contextlib import suppress
from threading import Thread
from typing import IO

STEP_SECONDS = 0.02


def exchanged(
    process: "subprocess.Popen[bytes]", data: bytes, end: float, most: int
) -> tuple[bytes, bytes]:
    """Write `data` to a process and return its stdout and stderr, a little over `most` of each.

    Raises TimeoutError when `time.monotonic()` is past `end`.
    """
    assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - as started
    printed = (bytearray(), bytearray())
    readers = [
        Thread(target=drain, args=(stream, into, most), daemon=True)
        for stream, into in zip((process.stdout, process.stderr), printed, strict=True)
    ]
    for thread in (*readers, Thread(target=feed, args=(process.stdin, data), daemon=True)):
        thread.start()
    while any(thread.is_alive() for thread in readers):
        if any(len(found) > most for found in printed):
            end_tree(process)  # nobody reads on
            break
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(STEP_SECONDS)
    return bytes(printed[0]), bytes(printed[1])


def drain(stream: IO[bytes], into: bytearray, most: int) -> None:
    """Read a pipe to its end, or a little beyond `most` bytes."""
    with suppress(OSError, ValueError):  # closed when the process was ended
        while len(into) <= most and (piece := stream.read(4096)):
            into += piece


def feed(stream: IO[bytes], data: bytes) -> None:
    """Write bytes to a pipe, and close it; nobody may read them."""
    with suppress(OSError, ValueError), stream:
        stream.write(data)


def end_tree(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started; the threads at its pipes end with those."""
    if program := shutil.which("taskkill"):
        words = [program, "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(words, capture_output=True, check=False)
    process.kill()
    process.wait()
