"""How asstctl was installed, and the command that adds one of its extras."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path


def adding(extra: str) -> str:
    """Return the command that installs an extra where this asstctl is."""
    place = Path(sys.prefix)
    if (place / "uv-receipt.toml").exists():
        return f"uv tool install 'asstctl[{extra}]'"
    if (place / "pipx_metadata.json").exists():
        return f"pipx install --force 'asstctl[{extra}]'"
    if find_spec("pip") is None:
        return f"uv pip install --python {shlex.quote(sys.executable)} 'asstctl[{extra}]'"
    return f"{shlex.quote(sys.executable)} -m pip install 'asstctl[{extra}]'"
