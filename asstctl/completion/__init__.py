"""What a shell knows of the commands: static scripts, and one quick question for what changes.

`python -m asstctl.completion` writes the scripts into the folder `completions`. Commands, options
and choices stand in them, so no Python starts for those; profiles and threads are asked for with
`asstctl __complete`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from asstctl.errors import AsstctlError, ConfigError

SCRIPTS = {"bash": "asstctl.bash", "zsh": "_asstctl", "fish": "asstctl.fish"}
"""The script of each shell; its module here has the shell's name."""

MOST_THREADS = 100
"""So many threads are offered, the ones used last."""

# The question


def answer(what: str, environment: Mapping[str, str], out: TextIO) -> None:
    """Write what is offered, a line each: the word, a tab, what it means. Never fails."""
    try:
        pairs = threads() if what == "threads" else profiles(environment)
        out.writelines(f"{word}\t{about}\n" for word, about in pairs)
    except (AsstctlError, OSError):
        return  # a shell has no use for an error


def threads() -> list[tuple[str, str]]:
    """Give the threads used last, by name or id, with their titles."""
    from platformdirs import user_data_path

    from asstctl.render._terminal import one_line
    from asstctl.store import Store

    path = user_data_path("asstctl", appauthor=False) / "threads.db"
    if not path.exists():
        return []
    found = Store(path).threads(limit=MOST_THREADS)
    return [(one_line(thread.name or thread.id), one_line(thread.title)) for thread in found]


def profiles(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give the profiles, with their backends."""
    from asstctl import config

    loaded = config.load(None, None, environment)
    names = sorted({*config.BUILT_IN, *loaded.tables} - {config.DEFAULT_PROFILE})
    return [(name, loaded.settings(name).backend) for name in names]


def scripts() -> dict[str, str]:
    """Give every script by its file name."""
    from importlib import import_module

    from asstctl.completion._words import tree  # all commands: only for who writes the scripts

    words = tree()
    return {
        name: import_module(f"asstctl.completion.{shell}").script(words)
        for shell, name in SCRIPTS.items()
    }


# Installing


def install(environment: Mapping[str, str], home: Path) -> tuple[Path, str]:
    """Put the script of the user's shell where it looks for it.

    Gives the file and what is left to do. Raises ConfigError for a shell without a script.
    """
    shell = Path(environment.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise ConfigError(
            f"no completion for the shell {shell or '(SHELL is not set)'}",
            hint=f"there is one for: {', '.join(SCRIPTS)}",
        )
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    places = {
        "bash": data / "bash-completion/completions/asstctl",
        "zsh": data / "zsh/site-functions/_asstctl",
        "fish": settings / "fish/completions/asstctl.fish",
    }
    target = places[shell]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(shipped(SCRIPTS[shell]))
    except OSError as error:
        raise ConfigError(f"can't write {target}: {error.strerror}") from error
    left = "open a new shell"
    if shell == "zsh":
        left = f"put before compinit in ~/.zshrc: fpath+=({target.parent}); then open a new shell"
    return target, left


def shipped(name: str) -> str:
    """Give a script as it came with the package, or as it stands in the source tree."""
    package = Path(__file__).parent.parent
    places = [package / "completions" / name, package.parent / "completions" / name]
    return next(place for place in places if place.exists()).read_text("utf-8")


def main() -> None:
    """Write the scripts into the folder `completions` of the source tree."""
    folder = Path(__file__).parent.parent.parent / "completions"
    for name, text in scripts().items():
        (folder / name).write_text(text, "utf-8")
        sys.stdout.write(f"{os.path.relpath(folder / name)}\n")
