"""The completion scripts, installed where a shell loads them."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from asstctl._record import record
from asstctl.errors import ConfigError

SCRIPTS = {
    "bash": "asstctl.bash",
    "zsh": "_asstctl",
    "fish": "asstctl.fish",
    "powershell": "asstctl.ps1",
}
"""The script of each shell."""

NAMES = {"pwsh": "powershell"}
"""Other names of shells."""

PROBES = {
    "bash": (
        "for load in _comp_load __load_completion _completion_loader; do"
        " declare -F $load >/dev/null && $load asstctl >/dev/null 2>&1; done;"
        " complete -p asstctl"
    ),
    "zsh": "(( ${+_comps[asstctl]} ))",
    "fish": "complete -C 'asstctl thr' | string match -q 'threads*'",
}
"""The question to a new shell whether it completes."""

PROBE_SECONDS = 10.0

LINES = {
    "bash": "[ -r {path} ] && . {path}",
    "zsh": (
        "fpath=({folder} $fpath); autoload -Uz _asstctl compinit;"
        " (( $+functions[compdef] )) || compinit; compdef _asstctl asstctl"
    ),
    "powershell": ". {path}",
}
"""The line of a shell's own file that loads the script, where the shell does not do so itself."""

MARK = "  # completion of asstctl"
"""The end of that line, by which it is known again."""


@record
class Installed:
    """A script that was written to `target`; `added` is the shell's own file that got a line."""

    shell: str
    target: Path
    added: Path | None = None

    @property
    def words(self) -> str:
        """The work that was done, and how to see that it works."""
        added = f", and a line to {self.added}" if self.added else ""
        return f"wrote {self.target}{added}; open a new {self.shell} and type: asstctl thr<TAB>"


def install(shell: str, environment: Mapping[str, str], home: Path) -> Installed:
    """Write the script of a shell where it looks for it, "" for the user's one.

    Where a new shell does not load it from there, a line in the shell's own file does. Raises
    ConfigError for a shell without a script, and where nothing can be written.
    """
    shell = known(shell or shell_of(environment))
    target = targets(environment, home)[shell]
    written(target, shipped(SCRIPTS[shell]))
    if loaded(shell, environment):
        return Installed(shell, target)
    own = own_file(shell, environment, home)
    if own is None:
        return Installed(shell, target)
    text = own.read_text("utf-8") if own.exists() else ""
    if MARK not in text:
        line = LINES[shell].format(path=quoted(target), folder=quoted(target.parent))
        gap = "" if not text or text.endswith("\n") else "\n"
        written(own, f"{text}{gap}{line}{MARK}\n")
    return Installed(shell, target, own)


def quoted(path: Path) -> str:
    """Return a path as a word of any of the shells."""
    return str(path) if re.fullmatch(r"[\w/.:\\-]+", str(path)) else f"'{path}'"


def known(shell: str) -> str:
    """Return a shell's name as the scripts have it; raises ConfigError where it has none."""
    name = NAMES.get(shell, shell)
    if name not in SCRIPTS:
        raise ConfigError(
            f"no completion for the shell {shell or '(SHELL is not set)'}",
            hint=f"there is one for: {', '.join(SCRIPTS)}",
        )
    return name


def written(path: Path, text: str) -> None:
    """Write a file and the folders above it; raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"can't write {path}: {error.strerror}") from error


def loaded(shell: str, environment: Mapping[str, str]) -> bool | None:
    """Return whether a new shell completes; None where it can't be asked."""
    program = shutil.which(shell, path=environment.get("PATH"))
    if shell not in PROBES or program is None:
        return None
    try:
        done = subprocess.run(
            [program, "-i", "-c", PROBES[shell]],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            start_new_session=True,  # so that it takes no terminal away
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode == 0


def shell_of(environment: Mapping[str, str]) -> str:
    """Return the name of the shell that started us, else of the user's; "" where nothing tells."""
    from shellingham import ShellDetectionFailure, detect_shell  # typer brings it

    try:
        name: str = detect_shell()[0]
    except (ShellDetectionFailure, NotImplementedError, OSError):
        name = ""
    name = NAMES.get(name, name)
    return name if name in SCRIPTS else Path(environment.get("SHELL", "")).name


def targets(environment: Mapping[str, str], home: Path) -> dict[str, Path]:
    """Return where each shell looks for the script."""
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion/completions/asstctl",
        "zsh": data / "zsh/site-functions/_asstctl",
        "fish": settings / "fish/completions/asstctl.fish",
        "powershell": data / "asstctl/asstctl.ps1",
    }


def own_file(shell: str, environment: Mapping[str, str], home: Path) -> Path | None:
    """Return the file that a shell reads when it starts; None where nobody can tell."""
    if shell == "powershell":
        program = shutil.which("pwsh") or shutil.which("powershell")
        if program is None:
            return None
        words = [program, "-NoProfile", "-Command", "$PROFILE.CurrentUserAllHosts"]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Path(done.stdout.strip()) if done.stdout.strip() else None
    if shell == "zsh":
        return Path(environment.get("ZDOTDIR") or home) / ".zshrc"
    return home / ".bashrc" if shell == "bash" else None


def shipped(name: str) -> str:
    """Return a script as it came with the package, or as it stands in the source tree."""
    package = Path(__file__).parent.parent
    candidates = [package / "completions" / name, package.parent / "completions" / name]
    return next(path for path in candidates if path.exists()).read_text("utf-8")
