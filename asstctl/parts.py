"""The parts of a message, and their one JSON form.

Each part names its class as `type` and has the class's fields; a field that is empty is left out.
To add a part: a class, its place in `Part`, its words.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, assert_never, get_args

from asstctl._record import record


@record
class FileRef:
    """A file, as far as it is known: the service's `id`, or a `url` (`data:` ones hold it).

    `size` is in bytes, None where it is not known; `sha256` is there once its contents are kept.
    """

    id: str = ""
    url: str = ""
    name: str = ""
    media_type: str = ""
    size: int | None = None
    sha256: str = ""

    @property
    def label(self) -> str:
        """The name that a person knows the file by; of a data URL its type alone."""
        where = self.id or self.url
        if where.startswith("data:"):
            where = where[: where.find(",")].partition(";")[0]
        return f"{where}{' ' if self.name and where else ''}{self.name}"


LINKS = ("url", "image_url", "file_url")
"""Fields of services' objects that hold links."""

Contents = Callable[[FileRef], bytes | None]
"""Returns the contents of a file, None where they are not kept."""


@record
class Citation:
    """A source of a text: a file's id, or a URL; `title` is the file's name or the page's title.

    `marker` is the mark in the text that stands for it, "" where the text has none.
    """

    marker: str = ""
    id: str = ""
    url: str = ""
    title: str = ""
    quote: str = ""

    @property
    def source(self) -> str:
        """The source in words."""
        return f"{self.title} {self.url or self.id}".strip()


@record
class Text:
    """Words of a message, and their sources."""

    text: str
    citations: tuple[Citation, ...] = ()


@record
class Refusal:
    """The model's words where it would not answer."""

    text: str


@record
class Image:
    """An image; `detail` is how closely the model was asked to look at it."""

    file: FileRef
    detail: str = ""


@record
class File:
    """A file that came with a message, or that a reply made."""

    file: FileRef


@record
class ToolCall:
    """The assistant calls a function; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@record
class ToolResult:
    """The answer to the call `id`."""

    id: str
    output: str


@record
class Code:
    """Code that ran on the server, and its outputs: texts and images."""

    code: str
    outputs: "tuple[Text | Image, ...]" = ()


@record
class Search:
    """A search of the server's, of a kind, with the sources that it found."""

    kind: str
    queries: tuple[str, ...] = ()
    results: tuple[Citation, ...] = ()


@record
class Reasoning:
    """The model's reasoning, as far as the service shows it."""

    text: str


@record
class Other:
    """A part of another kind, in words."""

    kind: str
    text: str


Part = Text | Refusal | Image | File | ToolCall | ToolResult | Code | Search | Reasoning | Other


def words(part: Part) -> str:  # noqa: C901, PLR0911 - one case for each part
    """Return a part as text; one that is not text stands in brackets."""
    match part:
        case Text(text):
            return text
        case Refusal(text):
            return f"[refused] {text}"
        case Image(file):
            return f"[image {file.label}]"
        case File(file):
            return f"[file {file.label}]"
        case ToolCall(_, name, arguments):
            return f"[call] {name}({arguments})"
        case ToolResult(_, output):
            return f"[result] {output}"
        case Code(code, outputs):
            told = [f"[code]\n{code}", *(f"[output] {words(output)}" for output in outputs)]
            return "\n".join(told)
        case Search(kind, queries, results):
            asked = f"[{kind.replace('_', ' ')}] {', '.join(queries)}"
            return "\n".join((asked.rstrip(), *(f"- {found.source}" for found in results)))
        case Reasoning(text):
            return f"[reasoning] {text}" if text else ""
        case Other(kind, text):
            return f"[{kind.replace('_', ' ')}] {text}".rstrip()
        case _ as unreachable:
            assert_never(unreachable)


PLACES = re.compile(r"\[(?:image|file) [^\]]*\]")
"""The words of images and files, which every server names otherwise."""


def bare(text: str) -> list[str]:
    """Return the words of a message's parts, without blanks and names of files."""
    return PLACES.sub(" ", text).split()


def data_url(media_type: str, content: bytes) -> str:
    """Return a URL that holds the contents of a file."""
    from base64 import b64encode  # few messages hold files

    return f"data:{media_type};base64,{b64encode(content).decode()}"


PICTURES = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8", "webp": b"RIFF"}
"""Kinds of pictures, and how their files begin: what a service says of them proves nothing."""


def picture(data: bytes) -> str:
    """Return the kind of picture that a file is, by how it begins; "" for any other file."""
    return next((kind for kind, start in PICTURES.items() if data.startswith(start)), "")


# The JSON form

KINDS: Mapping[str, type[Part]] = {kind.__name__: kind for kind in get_args(Part)}

FIELDS: Mapping[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (*KINDS.values(), FileRef, Citation)
}


def part_json(part: Part) -> dict[str, Any]:
    """Return a part as a JSON object."""
    if type(part) is Text and not part.citations:  # as nearly all are
        return {"type": "Text", "text": part.text}
    return {"type": type(part).__name__, **filled(part)}


def filled(thing: Any) -> dict[str, Any]:
    """Return the fields of a thing that are not empty."""
    found = ((name, getattr(thing, name)) for name in FIELDS[type(thing)])
    return {name: _value(value) for name, value in found if value not in ("", None, ())}


def _value(value: Any) -> Any:
    match value:
        case tuple():
            return [_value(one) for one in value]
        case FileRef() | Citation():
            return filled(value)
        case str() | int():
            return value
        case _:
            return part_json(value)


def part_from(found: Mapping[str, Any]) -> Part:
    """Read a part; raises ValueError and its like for an object that is none."""
    facts = dict(found)
    name = facts.pop("type", None) or facts.pop("part")  # `part` in stores of version 0.1
    if name == "Text" and facts.keys() == {"text"}:
        return Text(str(facts["text"]))
    if name in OLD:
        return OLD[name](facts)
    kind = KINDS[name]
    known = {field: _read(field, facts[field]) for field in FIELDS[kind] if field in facts}
    for field in ("text", "id", "name", "arguments", "output", "code", "kind"):
        if field in FIELDS[kind]:
            known.setdefault(field, "")
    return kind(**known)


def _read(field: str, value: Any) -> Any:
    match field:
        case "file":
            return _known(FileRef, value)
        case "citations" | "results":
            return tuple(_known(Citation, one) for one in value)
        case "outputs":
            return tuple(part_from(one) for one in value)
        case "queries":
            return tuple(map(str, value))
        case _:
            return str(value)


def _known(kind: type, found: Mapping[str, Any]) -> Any:
    """Return a file or a citation; fields that this version does not know are passed over."""
    size = found.get("size")
    facts = {name: str(found[name]) for name in FIELDS[kind] if name in found and name != "size"}
    return kind(**facts, **({"size": size} if type(size) is int else {}))


def _image(facts: Mapping[str, Any]) -> Part:
    if "source" not in facts:
        return Image(_known(FileRef, facts["file"]), str(facts.get("detail") or ""))
    source = str(facts["source"])
    return Image(FileRef(url=source) if ":" in source else FileRef(source))


def _file(facts: Mapping[str, Any]) -> Part:
    if "file" in facts:
        return File(_known(FileRef, facts["file"]))
    return File(FileRef(str(facts["id"]), name=str(facts.get("name") or "")))


OLD: Mapping[str, Callable[[Mapping[str, Any]], Part]] = {
    "Image": _image,
    "File": _file,
    "ToolNote": lambda facts: Other("tool", str(facts["text"])),
}
"""Readers of parts whose form was another one in schema 1."""
