"""The prompt, from the command line, stdin and files."""

import re
import stat
import sys
from collections.abc import Iterable
from os import fstat
from pathlib import Path
from typing import BinaryIO

from asstctl.errors import AsstctlError

LARGEST_PROMPT = 64 * 1024 * 1024
"""Bytes that are read of one input; services take less, and say so."""


def prompt_text(argument: str | None, files: Iterable[Path]) -> str:
    """Return the argument, the text that is piped in, and the files, in this order.

    "" where there is none of them. Raises AsstctlError for input that is not UTF-8 text.
    """
    parts = []
    if argument not in (None, "-"):
        parts.append(str(argument))
    if argument == "-" or piped(sys.stdin.buffer):
        parts.append(decoded(sys.stdin.buffer.read(LARGEST_PROMPT + 1), "stdin").rstrip("\r\n"))
    parts += [attached(path) for path in files]
    return "\n\n".join(part for part in parts if part.strip())


def piped(stream: BinaryIO) -> bool:
    """Return whether input was piped or redirected: not a terminal, not /dev/null."""
    try:
        mode = fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def decoded(data: bytes, source: str) -> str:
    """Read UTF-8, with or without a byte-order mark."""
    if len(data) > LARGEST_PROMPT:
        raise AsstctlError(f"{source} is larger than {LARGEST_PROMPT >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AsstctlError(
            f"{source} is not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}",
            hint="convert it first, with iconv say",
        ) from error


def attached(path: Path) -> str:
    """Return a text file under its name, in a fence that its content can't close."""
    try:
        with path.open("rb") as file:
            text = decoded(file.read(LARGEST_PROMPT + 1), str(path))
    except OSError as error:
        raise AsstctlError(f"can't read {path}: {error.strerror}") from error
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{path.name}:\n{fence}\n{text.rstrip()}\n{fence}"
