"""Where file systems are mounted, and of which types they are."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

REMOTE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph")
"""File systems of other machines, on which SQLite's locks may not hold."""


def file_system(path: Path) -> str:
    """Return the type of the file system that a file is on, "" where nobody says."""
    real = path.resolve()
    if str(real).startswith("\\\\"):  # a share, as Windows names it
        return "cifs"
    found = [(place, kind) for place, kind in mounts() if real.is_relative_to(place)]
    return max(found, key=lambda mount: len(mount[0]), default=("", ""))[1]


def mounts() -> Iterator[tuple[str, str]]:
    """Yield where file systems are mounted, and their types; macOS alone has to be asked."""
    try:
        for line in Path("/proc/mounts").read_text("utf-8", "replace").splitlines():
            _, place, kind, *_ = line.split()
            yield place, kind
    except OSError:
        printed = ""
        with suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                ["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False
            )
            printed = done.stdout
        yield from re.findall(r" on (/.*?) \((\w+)", printed)
