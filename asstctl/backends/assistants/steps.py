"""The steps of a run, in which its tools worked.

Shapes as in the OpenAI API reference of Assistants v2, read as tolerantly as messages.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from asstctl._json import objects
from asstctl.backends.content import dictionary, value
from asstctl.parts import Citation, Code, FileRef, Image, Other, Search, Text


def parts(step: Mapping[str, Any]) -> Iterator[Code | Search | Other]:
    """Yield what the server's own tools did in a step; calls of functions are not among it."""
    for call in objects(dictionary(step.get("step_details")).get("tool_calls")):
        kind = str(call.get("type"))
        found = dictionary(call.get(kind))
        match kind:
            case "code_interpreter":
                yield Code(value(found.get("input")), tuple(_outputs(found)))
            case "file_search":
                yield Search(kind, (), tuple(map(_result, objects(found.get("results")))))
            case "function":
                pass
            case _:
                yield Other(kind, "")


def _outputs(found: Mapping[str, Any]) -> Iterator[Text | Image]:
    for output in objects(found.get("outputs")):
        image = dictionary(output.get("image"))
        yield (
            Image(FileRef(value(image.get("file_id"))))
            if image
            else Text(value(output.get("logs")))
        )


def _result(found: Mapping[str, Any]) -> Citation:
    quote = "\n".join(value(piece.get("text")) for piece in objects(found.get("content")))
    return Citation(
        id=value(found.get("file_id")), title=value(found.get("file_name")), quote=quote
    )
