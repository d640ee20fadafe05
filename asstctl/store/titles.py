"""The words of titles, so that TAB finds a thread among any number of them."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

from asstctl._ids import PREFIXES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sqlite3 import Connection

SPLIT = (
    "INSERT OR IGNORE INTO title_words (word, thread) WITH RECURSIVE split (thread, word, rest) AS"
    " (SELECT number, '', trim(CAST(title AS TEXT)) || ' ' FROM threads WHERE {which} UNION ALL"
    " SELECT thread, substr(rest, 1, instr(rest, ' ') - 1), ltrim(substr(rest, instr(rest, ' ')"
    " + 1)) FROM split WHERE rest != '') SELECT lower(ltrim(word, '\"''([{{')), thread FROM split"
    " WHERE ltrim(word, '\"''([{{') != ''"
)
"""The statement that notes the words of the titles of some threads."""

EVERY = SPLIT.format(which="1")

NEW = SPLIT.format(
    which="id = ? AND endpoint = ? AND NOT EXISTS (SELECT 1 FROM title_words WHERE thread = number)"
)
"""The statement for one thread, whose title is set once."""

RECENT = 300
"""Threads, those used last, of which each is looked at."""

MOST = 200
"""Others that an index finds by what they begin with."""

FOUND = "SELECT number, id, coalesce(name, ''), CAST(title AS TEXT) FROM threads"

NEWEST_FIRST = "ORDER BY turn DESC, said_at DESC, number DESC"

FIRST_AFTER = "\U0010ffff"
"""A word that comes after every one that begins alike."""


def find(db: Connection, start: str, most: int) -> list[tuple[str, str]]:
    """Return threads that fit the beginning of a word, the ones used last first.

    Each as its name or id, and its title. An id fits without its prefix too, a title by any of
    its words.
    """
    if not start:
        sql = f"SELECT coalesce(name, id), CAST(title AS TEXT) FROM threads {NEWEST_FIRST} LIMIT ?"  # noqa: S608
        return list(db.execute(sql, (most,)))
    word = start.lower()
    fits = {
        number
        for number, *texts in db.execute(f"{FOUND} {NEWEST_FIRST} LIMIT ?", (RECENT,))
        if matches(word, *texts)
    }
    ranges = [("SELECT number FROM threads WHERE id", prefix + start) for prefix in PREFIXES]
    ranges.append(("SELECT number FROM threads WHERE name", start))
    ranges.append(("SELECT thread FROM title_words WHERE word", word))
    for sql, begin in ranges:
        rows = db.execute(f"{sql} BETWEEN ? AND ? LIMIT ?", (begin, begin + FIRST_AFTER, MOST))
        fits.update(row[0] for row in rows)
    sql = (
        "SELECT coalesce(name, id), CAST(title AS TEXT) FROM threads WHERE number IN"  # noqa: S608
        f" ({','.join(map(str, fits))}) {NEWEST_FIRST} LIMIT ?"
    )
    return list(db.execute(sql, (most,)))


def matches(word: str, identity: str, name: str, title: str) -> bool:
    """Return whether a thread fits the beginning of a word, in small letters."""
    if name.lower().startswith(word) or f" {title.lower()}".find(f" {word}") >= 0:
        return True
    return identity.startswith(tuple(prefix + word for prefix in PREFIXES))
