"""A thread as chat completions take it: turns that alternate, as many as the window holds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from asstctl.errors import ContextExceededError
from asstctl.model import Message
from asstctl.parts import File, FileRef, Image, Part, Refusal, Text, ToolCall, ToolResult, words

Turn = dict[str, Any]
"""A message as chat completions take it."""

Contents = Callable[[FileRef], str | None]
"""Returns the URL of an image's contents, None where they can't be had."""


def conversation(past: Sequence[Message], prompt: Message, contents: Contents) -> list[Turn]:
    """Return the thread as turns that alternate, the prompt last.

    A prompt that got no word of reply is left out; two turns of one role become one. A call without
    its answer, and an answer without its call, are left out: servers refuse them.
    """
    called = {p.id for m in past for p in m.parts if isinstance(p, ToolCall)}
    answered = {p.id for m in past for p in m.parts if isinstance(p, ToolResult)}
    turns: list[Turn] = []
    silent = False  # a reply began since the last turn, and had no word so far
    for message in (*past, prompt):
        if message.role == "assistant":
            said = list(replied(message, called & answered))
            silent = not said and (silent or bool(turns and turns[-1]["role"] == "user"))
            for turn in said:
                add(turns, turn)
            continue
        if message.role == "user":
            if silent and turns[-1]["role"] == "user":
                turns.pop()
            silent = False
        add(turns, {"role": role(message), "content": content(message, contents)})
    return turns


def role(message: Message) -> str:
    """Return the role of a message that no assistant said, as every server knows it."""
    return "user" if message.role == "user" else "system"


def content(message: Message, contents: Contents) -> str | list[dict[str, Any]]:
    """Return what a message says: text, or parts where images or documents are among it."""
    files: dict[Part, dict[str, Any]] = {}
    for part in message.parts:
        if isinstance(part, Image) and (url := contents(part.file)):
            files[part] = {"type": "image_url", "image_url": {"url": url}}
        elif isinstance(part, File) and (url := contents(part.file) or "").startswith("data:"):
            file = {"filename": part.file.name or "file", "file_data": url}
            files[part] = {"type": "file", "file": file}
    if not files:
        spoken = [p for p in message.parts if isinstance(p, Text | Refusal | Image)]
        return "\n\n".join(filter(None, map(words, spoken)))
    return [
        files[part] if part in files else {"type": "text", "text": words(part)}
        for part in message.parts
    ]


def replied(message: Message, pairs: set[str]) -> Iterator[Turn]:
    """Yield a reply as turns: its words and calls, and the answers to them; `pairs` have both."""
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case Text(text) | Refusal(text):
                texts.append(text)
            case ToolCall(identity, name, arguments) if identity in pairs:
                function = {"name": name, "arguments": arguments}
                calls.append({"id": identity, "type": "function", "function": function})
            case ToolResult(identity, output) if identity in pairs:
                yield from spoken(texts, calls)
                texts, calls = [], []
                yield {"role": "tool", "tool_call_id": identity, "content": output}
    yield from spoken(texts, calls)


def spoken(texts: list[str], calls: list[dict[str, Any]]) -> Iterator[Turn]:
    """Yield the turn of an assistant, if it says anything."""
    if texts or calls:
        turn: Turn = {"role": "assistant", "content": "\n\n".join(texts)}
        yield {**turn, "tool_calls": calls} if calls else turn


def add(turns: list[Turn], turn: Turn) -> None:
    """Add a turn, or its words to the last one of the same role."""
    plain = ({"role", "content"} == set(turn)) and turns and set(turns[-1]) == set(turn)
    if not plain or turns[-1]["role"] != turn["role"]:
        turns.append(turn)
    elif isinstance(turns[-1]["content"], str) and isinstance(turn["content"], str):
        turns[-1]["content"] += "\n\n" + turn["content"]
    else:
        turns[-1]["content"] = [*pieces(turns[-1]["content"]), *pieces(turn["content"])]


def pieces(found: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a turn says as parts."""
    return [{"type": "text", "text": found}] if isinstance(found, str) else found


def text_of(turn: Turn) -> str:
    """Return a turn's words, arguments of calls among them."""
    said = turn["content"]
    told = said if isinstance(said, str) else "".join(part.get("text", "") for part in said)
    return told + "".join(call["function"]["arguments"] for call in turn.get("tool_calls", ()))


def newest(turns: list[Turn], room: int | None) -> list[Turn]:
    """Return the newest turns that fit into `room` characters, from a user's turn on."""
    if room is None:
        return turns
    first = len(turns)
    while first and (room := room - len(text_of(turns[first - 1]))) >= 0:
        first -= 1
    while first < len(turns) and turns[first]["role"] != "user":
        first += 1
    return turns[first:]


def smaller(error: ContextExceededError, turns: Iterable[Turn]) -> int:
    """Return how many characters to try next, after these `turns` were too many."""
    sent = sum(len(text_of(turn)) for turn in turns)
    share = error.window / error.tokens if error.window and error.tokens else 0.5
    return int(sent * min(share, 1.0) * 0.8)


def plain(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns of words alone, for a model that takes nothing else."""
    said: list[Turn] = []
    for turn in turns:
        if turn["role"] != "tool":
            add(said, {"role": turn["role"], "content": text_of({"content": turn["content"]})})
    return said
