"""The folders of settings and data, as platformdirs has them.

On a usual Linux they are found here, by the same rules (the XDG Base Directory specification):
loading platformdirs takes longer than answering TAB.
"""

from __future__ import annotations  # TAB waits for every import here

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def config(environment: Mapping[str, str]) -> str:
    """Return the folder of the settings file."""
    return _folder(environment, "config", "XDG_CONFIG_HOME", ".config")


def data(environment: Mapping[str, str]) -> str:
    """Return the folder of the store: `ASSTCTL_DATA`, or in platformdirs' data folder."""
    if given := environment.get("ASSTCTL_DATA"):
        return os.path.expanduser(given)
    return _folder(environment, "data", "XDG_DATA_HOME", ".local/share")


def _folder(environment: Mapping[str, str], kind: str, variable: str, usual: str) -> str:
    if sys.platform == "linux":
        if (given := environment.get(variable, "")).startswith("/"):
            return os.path.join(given, "asstctl")
        if (home := environment.get("HOME", "")).startswith("/"):
            return os.path.join(home, usual, "asstctl")
    import platformdirs

    found: str = getattr(platformdirs, f"user_{kind}_dir")("asstctl", appauthor=False)
    return found
