"""Files of prompts and replies: uploaded where a server wants that, and written to a folder."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from asstctl.commands.options import Invocation
from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.parts import Code, File, FileRef, Image, Part, picture
from asstctl.reading import contents
from asstctl.render import listing, noted
from asstctl.session import Session
from asstctl.store.files import Known
from asstctl.store.lifting import GENERATED, inline

Sent = tuple[Image | File, bytes]
"""A file of a prompt as its server knows it, and its contents."""


def uploaded(session: Session, thread: Thread | None, files: Iterable[Image | File]) -> list[Sent]:
    """Return files as the thread's server takes them: uploaded, or with their contents in them.

    Raises what the server says of an upload.
    """
    settings = session.home(thread) if thread else session.settings(session.profile)
    sent = [(part, inline(part.file.url)[1]) for part in files]
    if settings.backend.facts.inline_files:
        return sent
    from asstctl.uploading import upload

    backend = session.backend(settings)
    done = []
    for part, content in sent:
        digest = sha256(content).hexdigest()
        file = replace(part.file, url="", size=len(content), sha256=digest)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            path.write_bytes(content)
            file_id = upload(session.store, backend, settings.place, type(part), file, path)
        done.append((replace(part, file=replace(file, id=file_id)), content))
    return done


def keep(session: Session, thread: Thread, sent: Iterable[Sent]) -> None:
    """Keep what was uploaded for a prompt, and note it: the thread's deletion deletes it there."""
    store, settings = session.store, session.home(thread)
    for part, content in sent:
        file = part.file
        if not file.id:
            continue
        number = store.messages.number(thread.key)
        known = Known(file.id, file.name, file.media_type, len(content))
        if settings.keeps:
            known = store.files.keep(number, thread.endpoint, known, [content], len(content))
        store.files.note(number, thread.endpoint, known, uploaded=type(part))
        store.uploads.end(thread.endpoint, file.sha256, type(part))


def withdraw(session: Session, sent: Iterable[Sent]) -> None:
    """Delete what was uploaded for a prompt that was refused, and begun no thread."""
    settings = session.settings(session.profile)
    backend = session.backend(settings)
    for part, _ in sent:
        if part.file.id:
            with suppress(AsstctlError):
                backend.delete_file(part.file.id)
            session.store.uploads.end(settings.place, part.file.sha256, type(part))


def save(invocation: Invocation, session: Session, folder: Path) -> bool:
    """Write the files and images that the last reply made to a folder, under safe names.

    Return False where it made none.
    """
    thread, turn = session.current, session.turn
    if thread is None or turn is None:
        return False
    replies = turn.replies
    if session.home(thread).keeps:
        fetch(invocation, session, thread, [message.raw for message in replies if message.raw])
    read = contents(session, thread)
    files = list(made(replies))
    for file in files:
        content = read(file) or held(replies, file)
        if content is None:
            listing.note(f"{file.label} could not be saved: its contents are not here", sys.stderr)
            continue
        path = written(folder, named(file, content), content)
        listing.note(f"saved {path}", sys.stderr)
    return bool(files)


def fetch(
    invocation: Invocation, session: Session, thread: Thread, objects: Iterable[Mapping[str, Any]]
) -> None:
    """Keep the files that a service's objects name; what can't be had is said."""
    from asstctl.transfer.files import fetch_files

    with closing(fetch_files(session, thread, objects)) as work:
        missing, later = noted(work, invocation.notes)
    for words in (*missing, *(error.message for error in later)):
        listing.note(words, sys.stderr)


def held(replies: Iterable[Message], file: FileRef) -> bytes | None:
    """Return the contents of a file that a message itself holds, None where none does."""
    raws = [message.raw or {} for message in replies]
    drawn = (raw for raw in raws if raw.get("type") == GENERATED and raw.get("id") == file.id)
    links = [file.url, *(f"data:;base64,{raw.get('result')}" for raw in drawn)]
    return next((content for link in links if (content := inline(link)[1])), None)


def made(replies: Iterable[Message]) -> Iterator[FileRef]:
    """Yield the files in some messages, each once."""
    seen: set[FileRef] = set()

    def inside(parts: Iterable[Part]) -> Iterator[FileRef]:
        for part in parts:
            if isinstance(part, Image | File) and part.file not in seen:
                seen.add(part.file)
                yield part.file
            elif isinstance(part, Code):
                yield from inside(part.outputs)

    for message in replies:
        yield from inside(message.parts)


def named(file: FileRef, content: bytes) -> str:
    """Return a name that leads nowhere and hides nothing; its end says what a picture is."""
    plain = re.split(r"[/\\]", file.name or file.id or "file")[-1]
    name = re.sub(r"[^\w.-]+", "_", plain).lstrip(".-")[:100] or "file"
    kind = picture(content[:16])
    return name if not kind or "." in name else f"{name}.{kind}"


def written(folder: Path, name: str, content: bytes) -> Path:
    """Write a file under a name that is free in a folder; raises AsstctlError."""
    stem, dot, end = name.rpartition(".")
    stem, end = (stem, f".{end}") if dot and stem else (name, "")
    number = 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / (f"{stem}{end}" if number == 1 else f"{stem}-{number}{end}")
            try:
                with path.open("xb") as out:
                    out.write(content)
            except FileExistsError:
                number += 1
            else:
                return path
    except OSError as error:
        raise AsstctlError(f"can't write to {folder}: {error.strerror}") from error
