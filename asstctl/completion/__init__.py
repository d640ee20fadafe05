"""Answers to a shell that completes a word: the threads and profiles that there are now.

The scripts in the folder `completions` hold commands, options and choices, so no Python starts for
those; profiles and threads are asked for with `asstctl __complete`.
"""

from __future__ import annotations  # TAB waits for every import here

import os

from asstctl import _folders
from asstctl.errors import AsstctlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

MOST_THREADS = 100
"""How many threads are offered, the ones used last."""


def answer(what: str, environment: Mapping[str, str], out: TextIO) -> None:
    """Write the words that are offered, a line each: the word, a tab, its meaning. Never fails."""
    try:
        pairs = threads(environment) if what == "threads" else profiles(environment)
        out.writelines(f"{word}\t{about}\n" for word, about in pairs)
    except (AsstctlError, OSError):
        return  # a shell has no use for an error


def threads(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the threads used last, by name or id, with their titles."""
    from asstctl.store.database import Database

    path = os.path.join(_folders.data(environment), "threads.db")
    if not os.path.exists(path):
        return []
    sql = "SELECT coalesce(name, id), title FROM threads ORDER BY said_at DESC, number DESC LIMIT ?"
    rows = Database(path, reading=True).rows(sql, MOST_THREADS)
    return [(clean(word), clean(title)) for word, title in rows]


def clean(text: str) -> str:
    """Return a text as one line that steers no terminal."""
    if text.isascii() and text.isprintable():
        return text
    from asstctl.render.terminal import one_line

    return one_line(text)


def profiles(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the profiles, with their backends."""
    from asstctl import config

    loaded = config.load(None, None, environment)
    names = sorted({*config.BUILT_IN, *loaded.tables} - {config.DEFAULT_PROFILE})
    return [(name, loaded.settings(name).backend) for name in names]
