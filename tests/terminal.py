"""A terminal to test on: what stands on its screen and in its scrollback, and a process in it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte


class Terminal:
    """A screen that remembers what scrolled off."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=1_000_000, ratio=0.0001)
        self.stream = pyte.ByteStream(self.screen)

    def feed(self, data: bytes) -> None:
        # pyte does not know synchronized updates, and would show them
        data = data.replace(b"\x1b[?2026h", b"").replace(b"\x1b[?2026l", b"")
        self.stream.feed(data)

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)

    def reflow(self, columns: int, rows: int) -> None:
        """Change size as most terminals do: what is too wide continues on the next line."""
        below = [self._text(self.screen.buffer[y]) for y in range(self.screen.cursor.y + 1)]
        above = [self._text(line) for line in self.screen.history.top]
        self.__init__(columns, rows)
        self.feed("\r\n".join(above + below).encode())

    def lines(self) -> list[str]:
        """Everything, top to bottom, blank lines at the end left out."""
        found = [self._text(line) for line in self.screen.history.top]
        found += [self._text(self.screen.buffer[y]) for y in range(self.screen.lines)]
        while found and not found[-1]:
            found.pop()
        return found

    def text(self) -> str:
        return "\n".join(self.lines())

    def _text(self, line) -> str:
        return "".join(line[x].data for x in range(self.screen.columns)).rstrip()


class Screen(Terminal):
    """A process whose standard streams are a real terminal."""

    def __init__(self, home, *words: str, columns: int = 80, rows: int = 24, **env: str) -> None:
        super().__init__(columns, rows)
        self.raw = b""
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        self.process = subprocess.Popen(
            home.arguments(*words),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=home.environment | env,
            cwd=home.path,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.stream.select_other_charset = lambda *_: None
        self.screen.write_process_input = self.type  # answers to what a program asks its terminal

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        super().resize(columns, rows)
        self._set_size(columns, rows)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def read(self, seconds: float) -> bool:
        """Take in what comes within `seconds`; False when the terminal was left."""
        if not select.select([self._master], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.raw += data
        self.feed(data)
        return bool(data)

    def wait_for(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.text():
            assert time.monotonic() < end, f"{text!r} never came:\n{self.text()}"
            assert self.read(0.1) or text in self.text(), f"left without {text!r}:\n{self.text()}"

    def wait_for_prompt(self) -> None:
        """Wait until a chat asks for the next prompt."""
        end = time.monotonic() + 20
        while self._text(self.screen.buffer[self.screen.cursor.y]).strip() != ">":
            assert time.monotonic() < end, f"no prompt:\n{self.text()}"
            assert self.read(0.1), f"left without a prompt:\n{self.text()}"

    def end(self, seconds: float = 20) -> int:
        """Wait until the process ends; gives its exit code."""
        limit = time.monotonic() + seconds
        while self.read(0.1):
            assert time.monotonic() < limit, f"still running:\n{self.text()}"
            if (
                self.process.poll() is not None
                and not select.select([self._master], [], [], 0.1)[0]
            ):
                break
        return self.process.wait(5)
