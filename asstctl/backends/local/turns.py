"""A thread as chat completions take it: turns that alternate, as many as the window holds."""

from collections.abc import Iterable

from asstctl.errors import ContextExceededError
from asstctl.model import Message

Turn = dict[str, str]
"""A message as chat completions take it."""


def conversation(past: Iterable[Message], prompt: str) -> list[Turn]:
    """Return the thread as turns that alternate, the prompt last.

    A prompt that got no word of reply is left out; two turns of one role become one.
    """
    turns: list[Turn] = []
    for message in past:
        if message.role == "assistant" and not message.text:
            if turns and turns[-1]["role"] == "user":
                turns.pop()
            continue
        add(turns, message.role, message.text)
    add(turns, "user", prompt)
    return turns


def add(turns: list[Turn], role: str, text: str) -> None:
    """Add a turn, or its text to the last one of the same role."""
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += "\n\n" + text
    else:
        turns.append({"role": role, "content": text})


def newest(turns: list[Turn], room: int | None) -> list[Turn]:
    """Return the newest turns that fit into `room` characters, from a user's turn on."""
    if room is None:
        return turns
    first = len(turns)
    while first and (room := room - len(turns[first - 1]["content"])) >= 0:
        first -= 1
    while first < len(turns) and turns[first]["role"] != "user":
        first += 1
    return turns[first:]


def smaller(error: ContextExceededError, turns: list[Turn]) -> int:
    """Return how many characters to try next, after these `turns` were too many."""
    sent = sum(len(turn["content"]) for turn in turns)
    share = error.window / error.tokens if error.window and error.tokens else 0.5
    return int(sent * min(share, 1.0) * 0.8)
