"""The upkeep of the store's file."""

import shutil
from collections.abc import Callable
from pathlib import Path

from asstctl.errors import AsstctlError

NOTICED = 1 << 26
"""Bytes of a file that takes seconds to be brought up to date."""


def demand_room(path: str, tell: Callable[[str], None]) -> None:
    """Raise AsstctlError where the disk has no room to bring a file up to date.

    `tell` hears of one that takes long.
    """
    size = Path(path).stat().st_size
    if size > NOTICED:
        tell(f"bringing the store up to date: {size >> 20} MiB, half a minute for each GiB")
    if shutil.disk_usage(Path(path).parent).free < 2 * size:
        raise AsstctlError(
            f"{path} has to be brought up to date, and the disk has no room for it",
            hint=f"make {2 * size >> 20} MiB free, or move it with ASSTCTL_DATA",
        )


def set_aside(path: Path) -> list[Path]:
    """Return the stores that were replaced: damaged ones, and those before a backup."""
    path = path.resolve()
    found = [p for why in ("damaged", "before") for p in path.parent.glob(f"{path.name}.{why}-*")]
    return [file for file in found if file.suffix[-1].isdigit()]
