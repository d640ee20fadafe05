"""Runs commands side by side and takes their measure: each once a round, ratios pair by pair."""

import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import tempfile
import termios
import time
from dataclasses import dataclass, field

STAMP = re.compile(rb"(?<!\d)\d{18}")
"""The clock, in ns, at which the server sent a delta."""


@dataclass
class Figures:
    """What runs of one command took: seconds, MiB, bytes; the delays are in ms."""

    first: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)

    def median(self, what: str) -> float:
        return statistics.median(getattr(self, what) or [float("nan")])


def once(
    command: list[str], environment: dict[str, str], figures: Figures, *, terminal=False, stdin=b""
) -> None:
    """Run a command and note its figures; stdout is a pipe, or a terminal of 100 by 40."""
    prompts = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    prompts.write(stdin)
    prompts.seek(0)
    if terminal:
        reading, writing = pty.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    else:
        reading, writing = os.pipe()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=prompts,
        stdout=writing,
        stderr=writing if terminal else subprocess.DEVNULL,
        env=environment,
    )
    os.close(writing)
    prompts.close()
    first, size, sent, rest = None, 0, {}, b""
    while True:
        try:
            data = os.read(reading, 65536)
        except OSError:
            break
        if not data:
            break
        now = time.monotonic_ns()
        first = first or time.perf_counter() - started
        size += len(data)
        stamps = STAMP.findall(rest + data)
        rest = (rest + data)[-20:]
        for stamp in stamps:  # a terminal may show one again
            sent.setdefault(stamp, (now - int(stamp)) / 1e6)
    os.close(reading)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit {process.returncode}: {' '.join(command)}")
    figures.wall.append(time.perf_counter() - started)
    figures.first.append(first if first is not None else figures.wall[-1])
    figures.cpu.append(usage.ru_utime + usage.ru_stime)
    figures.peak.append(usage.ru_maxrss / 1024)
    figures.size.append(size)
    if sent:
        figures.delay.append(statistics.median(sent.values()))


def beside(commands: dict[str, list[str]], environment, rounds: int, **how) -> dict[str, Figures]:
    """Run commands in turn, so that a machine that drifts drifts for all of them."""
    found = {name: Figures() for name in commands}
    for command in commands.values():
        once(command, environment, Figures(), **how)
    for _ in range(rounds):
        for name, command in commands.items():
            once(command, environment, found[name], **how)
    return found


def per(few: Figures, many: Figures, count: int) -> Figures:
    """Give the CPU of each of the `count` things that `many` did and `few` did not."""
    pairs = zip(few.cpu, many.cpu, strict=True)
    return Figures(cpu=[(b - a) / count for a, b in pairs])


def ratio(ours: Figures, theirs: Figures, what: str) -> float:
    """Give the median of the ratios, round by round."""
    pairs = zip(getattr(ours, what), getattr(theirs, what), strict=True)
    return statistics.median(a / b for a, b in pairs)
