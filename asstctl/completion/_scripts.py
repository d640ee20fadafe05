"""The scripts of the shells: made from the commands, and installed where a shell looks."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from asstctl.errors import ConfigError

SCRIPTS = {"bash": "asstctl.bash", "zsh": "_asstctl", "fish": "asstctl.fish"}
"""The script of each shell; its module here has the shell's name."""


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
