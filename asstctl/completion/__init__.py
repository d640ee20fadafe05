"""Answers to a shell that completes a word: the threads and profiles that there are now.

The scripts in the folder `completions` hold commands, options and choices, so no Python starts for
those; profiles and threads are asked for with `asstctl __complete`.
"""

from __future__ import annotations  # TAB waits for every import here

import os

from asstctl import _folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

MOST_THREADS = 100
"""How many threads are offered, the ones used last."""

LOCKED_SECONDS = 0.05
"""How long TAB waits for a store that another process holds."""


def answer(what: str, start: str, environment: Mapping[str, str], out: TextIO) -> None:
    """Write the words that are offered, a line each: the word, a tab, its meaning. Never fails.

    `start` is what is typed of the word; of profiles all are written.
    """
    try:
        pairs = threads(start, environment) if what == "threads" else profiles(environment)
        out.writelines(f"{word}\t{about}\n" for word, about in pairs)
    except Exception:  # noqa: BLE001 - a shell has no use for any error
        return


def threads(start: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the threads that fit what is typed, the ones used last first, with their titles."""
    from asstctl.store.readonly import opened
    from asstctl.store.titles import find

    path = os.path.join(_folders.data(environment), "threads.db")
    db = opened(path, LOCKED_SECONDS) if os.path.exists(path) else None
    found = find(db, start, MOST_THREADS) if db else []
    return [(clean(word), clean(title)) for word, title in found]


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
    names = sorted({*config.BUILT_IN, *loaded.tables})
    return [(name, loaded.settings(name).backend) for name in names]
