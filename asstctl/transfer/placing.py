"""The files of a thread, brought to where it is copied: each is uploaded once."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from mimetypes import guess_extension, guess_type
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from asstctl._json import mapped
from asstctl.backends import Backend
from asstctl.backends.naming import renamed
from asstctl.backends.placeholders import NAMES, placeholder
from asstctl.errors import UnsupportedError
from asstctl.model import Message, Thread
from asstctl.parts import File, FileRef, Image, Part, Text, data_url, picture
from asstctl.store.files import Known, digest_of
from asstctl.store.lifting import GENERATED, inline, unlifted
from asstctl.store.store import Store
from asstctl.uploading import upload

Locate = Callable[[FileRef], tuple[Known, Path] | None]
"""Returns what is known of a file whose contents are at hand, and their path."""

WEB = ("http://", "https://")

GONE = 404

MOST_INLINE = 20_000_000
"""Bytes of a file that goes along in its message."""


def kept_files(store: Store, thread: Thread) -> Locate:
    """Return the function that finds the files of a thread among what is kept."""

    def locate(file: FileRef) -> tuple[Known, Path] | None:
        known = store.files.locate(thread.key, file)
        return (known, store.files.path(known.sha256)) if known else None

    return locate


class Placing:
    """Puts the files of messages where a copy's server finds them.

    `place` is the copy's endpoint; `same`: the source lives there too, so that its files are there.
    `keeps`: what the copy holds is kept here; `uploads`: files may be uploaded.
    """

    def __init__(
        self,
        store: Store,
        backend: Backend,
        locate: Locate,
        place: str,
        *,
        same: bool,
        keeps: bool,
        uploads: bool = True,
    ) -> None:
        self._store = store
        self._files = store.files
        self._backend = backend
        self._locate = locate
        self._place = place
        self._same = same
        self._keeps = keeps
        self._uploads = uploads
        self._done: dict[tuple[type[Part], str], str] = {}  # ids of uploads, by kind and hash

    def fits(self, part: Part) -> bool:
        """Return whether a part is no file, or one that the copy's server can have."""
        if not isinstance(part, Image | File):
            return True
        if self._is_there(part):
            return True
        return self._uploads and bool(self._locate(part.file) or inline(part.file.url)[1])

    def at_hand(self, part: Part) -> bool:
        """Return whether a part is no file, or one whose contents can be had here."""
        if not isinstance(part, Image | File) or part.file.url.startswith(WEB):
            return True
        return bool(self._locate(part.file) or inline(part.file.url)[1])

    def _is_there(self, part: Image | File) -> bool:
        """Return whether a file is where the copy's server finds it."""
        takes = self._backend.takes
        if takes is None or (self._same and part.file.id):
            return True
        return isinstance(part, takes.links) and part.file.url.startswith(WEB)

    def placed(self, number: int, message: Message) -> tuple[Message, Counter[str]]:
        """Return a message whose files are where the copy's server finds them.

        `number` is the copy's row. Placeholders stand for files that the server does not take,
        counted by kind.
        """
        refused: Counter[str] = Counter()
        now: dict[str, str] = {}  # the ids that files have there, by those that they had
        parts: list[Part] = []
        takes = self._backend.takes
        drawn = (message.raw or {}).get("type") == GENERATED  # it holds its image itself
        whole = drawn and takes is not None and GENERATED in takes.items and self._drawn(message)
        for part in message.parts:
            if whole or not isinstance(part, Image | File):
                parts.append(self._cited(number, part) if isinstance(part, Text) else part)
                continue
            try:
                file = self._placed(number, part)
            except UnsupportedError:
                refused[NAMES[type(part)]] += 1
                parts.append(Text(placeholder(part)))
                continue
            if part.file.id and file.id:
                now[part.file.id] = file.id
            parts.append(replace(part, file=file))
        raw = None if drawn and takes is not None and not whole else message.raw
        if raw is not None and takes is not None:

            def place(part: Image | File) -> str | None:
                with suppress(UnsupportedError):
                    return now.get(part.file.id) or self._placed(number, part).id
                return None

            if takes.writes(message):
                raw, without = renamed(raw, place)
                refused.update(without)
            raw = self._object(raw, now)
        return replace(message, parts=tuple(parts), raw=raw), refused

    def _drawn(self, message: Message) -> bool:
        """Return whether the image that an object holds is at hand."""
        kept = str((message.raw or {}).get("result") or "")
        return bool(kept) and not self._whole_text(kept).startswith("sha256:")

    def _cited(self, number: int, text: Text) -> Text:
        """Return a text whose citations name the files that are where the copy's server is."""
        if self._backend.takes is None or not self._backend.takes.sources:
            return text
        citations = []
        for citation in text.citations:
            file = FileRef(citation.id, name=citation.title)
            if citation.id and (self._same or self._locate(file)):
                with suppress(UnsupportedError):
                    citation = replace(citation, id=self._placed(number, File(file)).id)  # noqa: PLW2901
            citations.append(citation)
        return replace(text, citations=tuple(citations))

    def _placed(self, number: int, part: Image | File) -> FileRef:
        found = self._locate(part.file)
        if self._is_there(part):
            known = found[0] if found else self._files.known(self._place, part.file.id)
            if known:
                self._files.note(number, self._place, self._kept(known))
            return replace(part.file, sha256=found[0].sha256) if found else part.file
        if found:
            return self._brought(number, part, *found)
        media_type, content = inline(part.file.url)
        if not content:
            raise UnsupportedError("its contents are not at hand")
        digest = sha256(content).hexdigest()
        known = Known(digest[:16], part.file.name, media_type, len(content), digest)
        with NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            there = self._brought(number, part, known, Path(file.name))
        if self._keeps and there.id:
            kept = replace(known, id=there.id)
            self._files.keep(number, self._place, kept, [content], len(content))
        return there

    def _brought(self, number: int, part: Image | File, known: Known, path: Path) -> FileRef:
        """Return a file on the copy's server, or with its contents where that takes no uploads."""
        try:
            return self._uploaded(number, type(part), known, path)
        except UnsupportedError:
            takes = self._backend.takes
            if not (takes and takes.inline) or known.size > MOST_INLINE:
                raise
        content = path.read_bytes()
        usual = "image/png" if isinstance(part, Image) else "application/octet-stream"
        kind = known.media_type or guess_type(known.name)[0] or usual
        if sha256(content).hexdigest() != known.sha256:
            raise UnsupportedError("its contents are damaged here")
        return FileRef("", data_url(kind, content), named(known, path), kind)

    def _uploaded(self, number: int, kind: type[Part], known: Known, path: Path) -> FileRef:
        """Return a file on the copy's server, uploaded unless one of its contents is there."""
        file = FileRef("", "", named(known, path), known.media_type, known.size, known.sha256)
        there = self._done.get((kind, known.sha256))
        if there is None:
            there = self._store.uploads.find(self._place, known.sha256, kind)
            if there and not self._still(there):
                there = None  # gone, or of another key
        if there is None:
            if not self._uploads:
                raise UnsupportedError("no files were asked for")
            if digest_of(path) != known.sha256:
                raise UnsupportedError("its contents are damaged here")
            there = upload(self._store, self._backend, self._place, kind, file, path)
        self._done[kind, known.sha256] = there
        placed = self._kept(replace(known, id=there))
        self._files.note(number, self._place, placed, uploaded=kind)
        self._store.uploads.end(self._place, file.sha256, kind)
        return replace(file, id=there, name=known.name)

    def _kept(self, known: Known) -> Known:
        """Return a file as the copy knows it: with contents where it keeps them."""
        return known if self._keeps else Known(known.id)

    def _still(self, file_id: str) -> bool:
        """Return whether a server has a file that was uploaded before, as far as it says so."""
        try:
            return self._backend.file(file_id).id == file_id
        except UnsupportedError as error:
            return not (error.status == GONE and file_id in error.message)

    def _whole_text(self, text: str) -> str:
        """Return a text of an object, the contents of a file in the place of its hash."""

        def contents(digest: str) -> bytes | None:
            found = self._locate(FileRef(sha256=digest))
            return found[1].read_bytes() if found else self._files.contents(FileRef(sha256=digest))

        return unlifted(text, contents)

    def _object(self, raw: Mapping[str, Any], now: Mapping[str, str]) -> Mapping[str, Any]:
        """Return a service's object with the ids that its files have now, and its contents."""

        def current(text: str) -> str:
            return now.get(text) or self._whole_text(text)

        whole: Mapping[str, Any] = mapped(raw, current)
        return whole


def named(known: Known, path: Path) -> str:
    """Return the name to upload a file under: services judge files by the end of it."""
    name = known.name.rpartition("/")[2] or known.sha256[:16]
    if "." in name:
        return name
    with path.open("rb") as file:
        kind = picture(file.read(16))
    return name + (f".{kind}" if kind else guess_extension(known.media_type) or "")
