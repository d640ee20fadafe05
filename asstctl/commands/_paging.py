"""A long text on a terminal, through the user's pager."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, TextIO, cast

USUAL = "less"

LESS = "FRX"
"""The way of `less` where the user chose none: colours, no cleared screen, no wait for a page."""


class Paged:
    """A stream that holds back what fits on the screen, and starts the pager with what does not."""

    def __init__(self, out: TextIO, command: list[str], environment: Mapping[str, str]) -> None:
        self._out = out
        self._command = command
        self._environment = {"LESS": LESS, **environment}
        self._held: list[str] = []
        self._lines = 0
        self._most = shutil.get_terminal_size().lines - 1
        self._pager: subprocess.Popen[str] | None = None

    def isatty(self) -> bool:
        """Return True: the pager's terminal is the one that was there."""
        return True

    def fileno(self) -> int:
        """Return the number of the terminal's stream, whose size is asked for."""
        return self._out.fileno()

    @property
    def encoding(self) -> str:
        """The encoding of the terminal's stream."""
        return self._out.encoding

    def write(self, text: str) -> int:
        """Hold a text back, or pass it on; raises BrokenPipeError after the pager was left."""
        if self._pager:
            self._input.write(text)
            return len(text)
        self._held.append(text)
        self._lines += text.count("\n")
        if self._lines > self._most:
            self._start()
        return len(text)

    def writelines(self, texts: Iterator[str]) -> None:
        """Write several texts."""
        for text in texts:
            self.write(text)

    def flush(self) -> None:
        """Pass on what the pager has not got yet."""
        with suppress(BrokenPipeError):  # the next text says so; Rich would end the process
            if self._pager:
                self._input.flush()

    @property
    def _input(self) -> IO[str]:
        assert self._pager is not None  # noqa: S101 - asked for after it was started
        assert self._pager.stdin is not None  # noqa: S101 - it is a pipe
        return self._pager.stdin

    def _start(self) -> None:
        held, self._held = self._held, []
        try:
            self._pager = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                env=dict(self._environment),
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError:
            self._most = sys.maxsize  # without a pager all goes to the terminal
            self._out.writelines(held)
            return
        for text in held:
            self.write(text)

    def end(self) -> None:
        """Write what was held back, or wait until the pager is left."""
        if self._pager is None:
            self._out.writelines(self._held)
            self._out.flush()
            return
        with suppress(BrokenPipeError):
            self._input.close()
        while True:
            try:
                self._pager.wait()
            except KeyboardInterrupt:  # the pager's own key
                continue
            return


@contextmanager
def paged(out: TextIO, environment: Mapping[str, str], *, wanted: bool) -> Iterator[TextIO]:
    """Yield a stream that goes through $PAGER where it is long, on a terminal, and `wanted`."""
    command = shlex.split(environment.get("PAGER", USUAL))
    dumb = environment.get("TERM", "") in ("", "dumb")
    if not wanted or dumb or not (out.isatty() and sys.stdin.isatty()) or command in ([], ["cat"]):
        yield out
        return
    through = Paged(out, command, environment)
    try:
        with suppress(BrokenPipeError):  # it was left before the end
            yield cast("TextIO", through)
    finally:
        through.end()
