"""The files that a service's objects name by their ids."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from asstctl.backends.placeholders import NAMES, placeholder
from asstctl.model import Message
from asstctl.parts import File, FileRef, Image

CITED = ("file_citation", "file_search", "results", "vector_store")
"""Fields and types of objects that name files which a search found, and no message holds."""


def named(found: Any, under: str = "") -> Iterator[tuple[str, str]]:
    """Yield the id of each file that an object holds, and its container's, "" without one.

    A web address is no file of a service.
    """
    if isinstance(found, list):
        for one in found:
            yield from named(one, under)
    elif isinstance(found, dict) and not (found.get("type") in CITED or under in CITED):
        for key, value in found.items():
            if key == "file_id" and isinstance(value, str) and value:
                yield value, str(found.get("container_id") or "")
            else:
                yield from named(value, key)


def names_in(messages: Iterable[Message]) -> Iterator[str]:
    """Yield the ids of the files that messages hold."""
    for message in messages:
        yield from (name for name, _ in named(message.raw or {}))
        yield from (part.file.id for part in message.parts if isinstance(part, Image | File))


def renamed(
    item: Mapping[str, Any], place: Callable[[Image | File], str | None]
) -> tuple[dict[str, Any], Counter[str]]:
    """Return an item whose files have the ids that `place` returns, and what it lacks, by kind.

    A short text stands for a file that has none.
    """
    lost: Counter[str] = Counter()

    def walk(found: Any) -> Any:
        if isinstance(found, list):
            return [walk(one) for one in found]
        if not isinstance(found, dict) or found.get("type") in CITED:
            return found
        file_id = found.get("file_id")
        if not (isinstance(file_id, str) and file_id):
            return {key: one if key in CITED else walk(one) for key, one in found.items()}
        part = held(found)
        there = place(part)
        if there is None:
            lost[NAMES[type(part)]] += 1
            return {"type": "input_text", "text": placeholder(part)}
        return {**found, "file_id": there}

    return {key: one if key in CITED else walk(one) for key, one in item.items()}, lost


def held(found: Mapping[str, Any]) -> Image | File:
    """Return the part that an object with a `file_id` is."""
    file = FileRef(found["file_id"], name=str(found.get("filename") or ""))
    kind = str(found.get("type"))
    return Image(file) if "image" in kind or "screenshot" in kind else File(file)
