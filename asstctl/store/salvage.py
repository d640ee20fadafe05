"""A damaged store, copied into a new one row by row as far as it can be read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

GAP = 4096
"""Keys in a row that can't be read before the rest of a table counts as lost."""

NEAR = 32
"""Keys after the last row in a thread that are tried before those of the next thread."""

KEYED: dict[str, tuple[str, ...]] = {
    "threads": ("number",),
    "messages": ("number",),
    "raw": ("number",),
    "runs": (),
    "files": (),
    "endpoints": (),
    "replies": (),
    "copies": (),
}
"""The tables, and the numbers by which their rows can be found one by one."""


OLD_KEYS = ("thread", "place")
"""The numbers of a message in a store before version 5."""


def sound(path: str, seconds: float) -> bool:
    """Return whether a file is a store that can be read to its end, or none at all."""
    db = sqlite3.connect(path, timeout=seconds)
    try:
        return bool(db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False
    finally:
        db.close()


def moved(path: str) -> str:
    """Move a damaged file aside, with those that SQLite keeps beside it; return its new name."""
    number = 1
    while Path(aside := f"{path}.damaged-{number}").exists():
        number += 1
    for tail in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(path + tail).rename(aside + tail)
    return aside


def salvage(damaged: str, fresh: sqlite3.Connection) -> dict[str, int]:
    """Copy every row that can be read into an empty store; return how many, by table.

    A message whose thread's row is lost keeps its place in a thread made for it.
    """
    counts = dict.fromkeys(KEYED, 0)
    uri = f"file:{quote(damaged)}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as old:
        old.execute("PRAGMA writable_schema = ON")  # else a file that was cut short has no rows
        for table, numbers in KEYED.items():
            keys = numbers
            columns = _columns(old, table) & _columns(fresh, table)
            if not columns:
                continue
            if table == "messages" and "number" not in columns:  # of a store before version 5
                keys, columns = OLD_KEYS, columns | {*OLD_KEYS}
            for row in _rows(old, table, sorted(columns), keys):
                facts = dict(zip(sorted(columns), row, strict=True))
                if keys == OLD_KEYS:
                    facts["number"] = facts.pop("thread") << 24 | facts["place"]
                if table == "messages":
                    _adopt(fresh, int(facts["number"]) >> 24)
                marks = ", ".join("?" * len(facts))
                sql = f"INSERT OR IGNORE INTO {table} ({', '.join(facts)}) VALUES ({marks})"  # noqa: S608 - names of ours
                with suppress(sqlite3.Error):  # a row that a constraint refuses
                    counts[table] += fresh.execute(sql, tuple(facts.values())).rowcount
    return counts


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _adopt(fresh: sqlite3.Connection, number: int) -> None:
    """Make the thread of a message whose own row is lost."""
    fresh.execute(
        "INSERT OR IGNORE INTO threads (number, id, backend, endpoint, profile, title, created_at,"
        " said_at) VALUES (?, ?, 'local', '', 'local', 'salvaged', 0, 0)",
        (number, f"local_salvaged{number}"),
    )


def _rows(
    old: sqlite3.Connection, table: str, columns: list[str], keys: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows; what can't be read is stepped over where rows have numbers."""
    names = ", ".join(columns)
    select = f"SELECT {names} FROM {table}"  # noqa: S608 - names of ours
    try:
        rows = old.execute(select).fetchall()
    except sqlite3.Error:
        rows = None
    match keys:
        case _ if rows is not None:
            yield from rows
        case [key]:
            far = 0 if table == "threads" else 24
            yield from _stepped(old, select, "1", key, columns.index(key), far)
        case [first, second]:
            for (number,) in _stepped(old, f"SELECT {first} FROM {table}", "1", first, 0):  # noqa: S608
                inside = f"{first} = {int(number)}"
                yield from _stepped(old, select, inside, second, columns.index(second))


def _stepped(
    old: sqlite3.Connection, select: str, where: str, key: str, column: int, far: int = 0
) -> Iterator[tuple[Any, ...]]:
    """Yield rows one by one in the order of the number `key`, past those that can't be read.

    `far`: bits of the number within a thread, so that whole threads can be passed over.
    """
    last, failed = -1, 0
    while failed < GAP:
        try:
            sql = f"{select} WHERE {where} AND {key} > ? ORDER BY {key} LIMIT 1"
            row = old.execute(sql, (last,)).fetchone()
        except sqlite3.Error:
            failed += 1
            last = ((last >> far) + 1) << far if far and failed % NEAR == 0 else last + 1
            with suppress(sqlite3.Error):  # one row alone may be readable beside broken ones
                if row := old.execute(f"{select} WHERE {where} AND {key} = ?", (last,)).fetchone():
                    yield row
                    failed = 0
            continue
        if row is None:
            return
        yield row
        last, failed = int(row[column]), 0
