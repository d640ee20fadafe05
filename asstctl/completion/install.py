"""The completion scripts, installed where a shell looks for them."""

from collections.abc import Mapping
from pathlib import Path

from asstctl.errors import ConfigError

SCRIPTS = {"bash": "asstctl.bash", "zsh": "_asstctl", "fish": "asstctl.fish"}
"""The script of each shell."""


def install(environment: Mapping[str, str], home: Path) -> tuple[Path, str]:
    """Write the script of the user's shell to the folder where that shell looks for it.

    Return the file, and what is left to do. Raises ConfigError for a shell without a script.
    """
    shell = shell_of(environment)
    if shell not in SCRIPTS:
        raise ConfigError(
            f"no completion for the shell {shell or '(SHELL is not set)'}",
            hint=f"there is one for: {', '.join(SCRIPTS)}",
        )
    target = targets(environment, home)[shell]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(shipped(SCRIPTS[shell]))
    except OSError as error:
        raise ConfigError(f"can't write {target}: {error.strerror}") from error
    left = "open a new shell"
    if shell == "zsh":
        left = f"put before compinit in ~/.zshrc: fpath+=({target.parent}); then open a new shell"
    return target, left


def shell_of(environment: Mapping[str, str]) -> str:
    """Return the name of the user's shell, "" where nothing says it."""
    return Path(environment.get("SHELL", "")).name


def targets(environment: Mapping[str, str], home: Path) -> dict[str, Path]:
    """Return where each shell looks for the script."""
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion/completions/asstctl",
        "zsh": data / "zsh/site-functions/_asstctl",
        "fish": settings / "fish/completions/asstctl.fish",
    }


def shipped(name: str) -> str:
    """Return a script as it came with the package, or as it stands in the source tree."""
    package = Path(__file__).parent.parent
    candidates = [package / "completions" / name, package.parent / "completions" / name]
    return next(path for path in candidates if path.exists()).read_text("utf-8")
