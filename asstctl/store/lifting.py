"""Files that objects hold themselves, as base64: taken out, and kept by their hash."""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from asstctl.model import Message
from asstctl.parts import LINKS, Code, File, FileRef, Image, Part, data_url
from asstctl.store.files import Files, Known

HOLDING = (*LINKS, "file_data")
"""Fields that hold data URLs; anywhere else one is what somebody wrote."""

GENERATED = "image_generation_call"
"""The type of objects whose `result` is an image in base64."""

LIFTED = re.compile(r"(data:[^,]*,)?sha256:([0-9a-f]{64})")
"""The text in the place of a file's base64."""


class Lifting:
    """Takes the files out of what is written of threads; they are there before their rows."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def message(self, thread: int, message: Message) -> Message:
        """Return a message with the hashes of its files in the places of their contents."""
        if not (self._files.kept and may_hold(message)):
            return message
        raw = None if message.raw is None else self.object(thread, message.raw)
        parts = tuple(self._part(thread, part) for part in message.parts)
        return replace(message, parts=parts, raw=raw)

    def object(self, thread: int, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a service's object with `sha256:…` in the place of each file's base64."""
        if not (self._files.kept and holds(found)):
            return found
        lifted: Mapping[str, Any] = self._lifted(thread, found)
        return lifted

    def _lifted(self, thread: int, found: Any) -> Any:
        if isinstance(found, list):
            return [self._lifted(thread, one) for one in found]
        if not isinstance(found, dict):
            return found
        name = str(found.get("id") or "")
        lifted = {}
        for key, value in found.items():
            if not isinstance(value, str):
                lifted[key] = self._lifted(thread, value)
                continue
            lifted[key] = value
            if key in HOLDING and value.startswith("data:"):
                head, _, data = value.partition(",")
                if digest := self._kept(thread, name, head, data):
                    lifted[key] = f"{head},sha256:{digest}"
            elif key == "result" and found.get("type") == GENERATED:
                head = f"data:image/{found.get('output_format') or 'png'};base64"
                if digest := self._kept(thread, name, head, value):
                    lifted[key] = f"sha256:{digest}"
        return lifted

    def _part(self, thread: int, part: Part) -> Part:
        match part:
            case Image(file) if file.url.startswith("data:"):
                return replace(part, file=self._reference(thread, file))
            case File(file) if file.url.startswith("data:"):
                return replace(part, file=self._reference(thread, file))
            case Code(_, outputs):
                lifted = tuple(self._part(thread, output) for output in outputs)
                return replace(part, outputs=lifted)  # type: ignore[arg-type]
            case _:
                return part

    def _reference(self, thread: int, file: FileRef) -> FileRef:
        head, _, data = file.url.partition(",")
        digest = self._kept(thread, file.id, head, data)
        media_type = head.removeprefix("data:").partition(";")[0]
        return replace(file, url="", media_type=media_type, sha256=digest) if digest else file

    def _kept(self, thread: int, name: str, head: str, data: str) -> str:
        """Keep a file that a data URL holds; return its hash, "" where it is no whole base64."""
        media_type, content = inline(f"{head},{data}")
        if not content:
            return ""
        digest = sha256(content).hexdigest()
        known = Known(name or digest[:16], "", media_type, len(content), digest)
        self._files.keep_held(thread, known, content)
        return digest


def held(part: Part, contents: Callable[[FileRef], bytes | None]) -> Part:
    """Return a file that no server has with its contents as a data URL, others as they are."""
    if not isinstance(part, Image | File) or part.file.id or part.file.url:
        return part
    content = contents(part.file)
    if content is None:
        return part
    kind = part.file.media_type or "application/octet-stream"
    return replace(part, file=replace(part.file, url=data_url(kind, content)))


def inline(link: str) -> tuple[str, bytes]:
    """Return the type and the contents that a data URL holds, b"" where it is no whole base64."""
    head, _, data = link.partition(",")
    media_type, _, encoding = head.removeprefix("data:").partition(";")
    if not (head.startswith("data:") and encoding.endswith("base64")):
        return media_type, b""
    try:
        content = b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return media_type, b""
    return media_type, content if b64encode(content).decode() == data else b""


def unlifted(text: str, contents: Callable[[str], bytes | None]) -> str:
    """Return a text of a kept object, a file's base64 in the place of its hash.

    `contents` returns those of a hash. A file that is not kept any more leaves its hash there.
    """
    lifted = LIFTED.fullmatch(text)
    data = contents(lifted[2]) if lifted else None
    if lifted is None or data is None:
        return text
    return (lifted[1] or "") + b64encode(data).decode()


def may_hold(message: Message) -> bool:
    """Return whether a message may hold a file: most do not, and stay as they are."""
    return holds(message.raw) or any(isinstance(p, Image | File | Code) for p in message.parts)


def holds(found: Any) -> bool:
    """Return whether an object holds what may be a file."""
    if isinstance(found, list):
        return any(map(holds, found))
    if not isinstance(found, dict):
        return False
    if found.get("type") == GENERATED:
        return True
    return any(
        key in HOLDING and value.startswith("data:") if isinstance(value, str) else holds(value)
        for key, value in found.items()
    )
