"""The user's editor, on a text of ours."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from asstctl.errors import AsstctlError, ConfigError

USUAL = "notepad" if sys.platform == "win32" else "vi"


def edited(text: str, suffix: str, environment: Mapping[str, str]) -> str:
    """Return a text as the user left it in $VISUAL or $EDITOR; a name's `suffix` tells its kind.

    Raises ConfigError where there is no terminal or no editor, AsstctlError where it failed.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("an editor needs a terminal")
    command = environment.get("VISUAL") or environment.get("EDITOR") or USUAL
    with TemporaryDirectory(prefix="asstctl-") as folder:
        path = Path(folder) / f"text{suffix}"
        path.write_text(text, "utf-8")
        path.chmod(0o600)
        try:
            done = subprocess.run(
                [*shlex.split(command), str(path)], stdout=sys.stderr, check=False
            )
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"can't start the editor {command!r}: {error}", hint="EDITOR names another one"
            ) from error
        if done.returncode:
            raise AsstctlError(f"the editor {command!r} ended with {done.returncode}")
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AsstctlError(f"what the editor left can't be read: {error}") from error
