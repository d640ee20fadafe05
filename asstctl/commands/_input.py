"""The prompt, from the command line, stdin and files."""

import re
import stat
import sys
from collections.abc import Iterable
from os import fstat
from pathlib import Path
from typing import BinaryIO

from asstctl._record import record
from asstctl.errors import AsstctlError
from asstctl.parts import File, FileRef, Image, data_url, picture

LARGEST_PROMPT = 64 * 1024 * 1024
"""Bytes that are read of one input; services take less, and say so."""

LARGEST_FILE = 32 * 1024 * 1024
"""Bytes of an image or a document."""

LOOKED_AT = 8192
"""Bytes at a file's beginning in which a zero says that it is no text."""


@record
class Said:
    """A text, and the images and documents that come along with it."""

    text: str
    files: tuple[Image | File, ...] = ()


def said(argument: str | None, paths: Iterable[Path]) -> Said | None:
    """Return the argument, the text that is piped in, and the files, in this order.

    None where there is none of them. Raises AsstctlError for input that can't be read.
    """
    texts = [] if argument in (None, "-") else [str(argument)]
    if argument == "-" or piped(sys.stdin.buffer):
        texts.append(decoded(sys.stdin.buffer.read(LARGEST_PROMPT + 1), "stdin").rstrip("\r\n"))
    found = with_files("\n\n".join(filter(str.strip, texts)), map(brought, paths))
    return found if found.text or found.files else None


def with_files(text: str, brought: "Iterable[str | Image | File]") -> Said:
    """Return a text with the files that it brings: those of text follow it."""
    texts, files = [text], []
    for one in brought:
        if isinstance(one, str):
            texts.append(one)
        else:
            files.append(one)
    return Said("\n\n".join(part for part in texts if part.strip()), tuple(files))


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


def brought(path: Path) -> str | Image | File:
    """Return a file as it goes along: an image or a document, or a text under its name.

    A text stands in a fence that it can't close. Raises AsstctlError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_PROMPT + 1)
    except OSError as error:
        raise AsstctlError(f"can't read {path}: {error.strerror}") from error
    if kind := picture(data[:16]):
        return Image(inline(path, data, f"image/{kind}"))
    if data.startswith(b"%PDF") or b"\0" in data[:LOOKED_AT]:
        from mimetypes import guess_type  # few files are documents

        return File(inline(path, data, guess_type(path.name)[0] or "application/octet-stream"))
    text = decoded(data, str(path))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{path.name}:\n{fence}\n{text.rstrip()}\n{fence}"


def inline(path: Path, data: bytes, media_type: str) -> FileRef:
    """Return a file with its contents in it; raises AsstctlError for one that is too large."""
    if len(data) > LARGEST_FILE:
        raise AsstctlError(f"{path} is larger than {LARGEST_FILE >> 20} MiB")
    return FileRef(
        url=data_url(media_type, data), name=path.name, media_type=media_type, size=len(data)
    )
