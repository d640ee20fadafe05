"""A store that is only read."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

from asstctl.store.schema import MIGRATIONS

try:
    from _sqlite3 import OperationalError, connect  # its C part alone: 2 ms less for TAB
except ImportError:  # pragma: no cover - another Python than CPython
    from sqlite3 import OperationalError, connect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection


def opened(path: str, seconds: float) -> Connection | None:
    """Open a store's file for reading; None where its schema is not the one that we read.

    It waits so many seconds for a process that holds it; sqlite3's errors pass through.
    """
    name = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    for way in ("mode=ro", "immutable=1"):  # the first sees the write-ahead log too
        found: Connection = connect(
            f"file:{name}?{way}", timeout=seconds, isolation_level=None, uri=True
        )
        try:
            if found.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
                return found
        except OperationalError:
            pass
        found.close()
    return None
