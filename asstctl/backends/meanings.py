"""Meanings of refusals beyond their HTTP status, on every wire of this family."""

import re

from asstctl.errors import ActiveRunError, ContextExceededError, LockedError
from asstctl.wire.refusals import Refusal


def window_exceeded(read: Refusal) -> ContextExceededError | None:
    """Return the error for a thread that outgrew the model's window."""
    if (
        read.details.get("type") != "exceed_context_size_error"
        and read.details.get("code") != "context_length_exceeded"
    ):
        return None
    tokens, window = read.details.get("n_prompt_tokens"), read.details.get("n_ctx")
    return ContextExceededError(read.words, tokens=tokens, window=window)


def conversation_locked(read: Refusal) -> LockedError | None:
    """Return the error for a conversation that another reply is using."""
    locked = read.details.get("code") == "conversation_locked"
    return LockedError(read.words.rstrip(".")) if locked else None


def run_active(read: Refusal) -> ActiveRunError | None:
    """Return the error for a thread that a run locks; its words name the run."""
    busy = re.search(r"\b(run_\w+) is active|already has an active run (\w+)", read.words)
    return ActiveRunError(read.words.rstrip("."), busy[1] or busy[2]) if busy else None


MEANINGS = (window_exceeded, conversation_locked, run_active)
