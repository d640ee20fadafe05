"""Meanings of refusals beyond their HTTP status, on every wire of this family."""

import re

from asstctl.errors import ActiveRunError, ContextExceededError, LockedError
from asstctl.wire.refusals import Refusal


def window_exceeded(refusal: Refusal) -> ContextExceededError | None:
    """Return the error for a full model window, None for any other refusal."""
    if (
        refusal.details.get("type") != "exceed_context_size_error"
        and refusal.details.get("code") != "context_length_exceeded"
    ):
        return None
    tokens, window = refusal.details.get("n_prompt_tokens"), refusal.details.get("n_ctx")
    return ContextExceededError(refusal.words, tokens=tokens, window=window)


def conversation_locked(refusal: Refusal) -> LockedError | None:
    """Return the error for a conversation in use by another reply, None for any other refusal."""
    locked = refusal.details.get("code") == "conversation_locked"
    return LockedError(refusal.words.rstrip(".")) if locked else None


def run_active(refusal: Refusal) -> ActiveRunError | None:
    """Return the error for a thread that a run locks, None for any other refusal."""
    busy = re.search(r"\b(run_\w+) is active|already has an active run (\w+)", refusal.words)
    if not busy:
        return None
    thread = re.search(r"\bthread_\w+", refusal.words)
    hint = f"asstctl threads unlock {thread[0]} ends it" if thread else None
    return ActiveRunError(refusal.words.rstrip("."), busy[1] or busy[2], hint=hint)


MEANINGS = (window_exceeded, conversation_locked, run_active)
