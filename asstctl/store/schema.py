"""The schema of the store, as the list of its changes."""

from __future__ import annotations  # TAB waits for every import here, so none is for types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATIONS = (
    """
    CREATE TABLE threads (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        backend TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        profile TEXT NOT NULL,
        name TEXT UNIQUE,
        title TEXT NOT NULL DEFAULT '',
        metadata TEXT NOT NULL DEFAULT '{}',
        created_at REAL NOT NULL,
        said_at REAL NOT NULL,
        UNIQUE (id, endpoint)
    );
    CREATE INDEX threads_by_time ON threads (said_at DESC, number DESC);
    CREATE INDEX threads_by_profile ON threads (profile, said_at DESC, number DESC);
    CREATE TABLE messages (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL,
        metadata TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (thread, place)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE endpoints (
        endpoint TEXT NOT NULL,
        ability TEXT NOT NULL,
        has INTEGER NOT NULL,
        PRIMARY KEY (endpoint, ability)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE replies (
        endpoint TEXT NOT NULL,
        thread TEXT NOT NULL,
        place INTEGER NOT NULL,
        id TEXT NOT NULL,
        after TEXT NOT NULL DEFAULT '',
        sent INTEGER NOT NULL DEFAULT 0,
        held INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (endpoint, thread, place)
    ) WITHOUT ROWID;
    CREATE TABLE copies (
        source_id TEXT NOT NULL,
        source_endpoint TEXT NOT NULL,
        target INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        copied INTEGER NOT NULL DEFAULT 0,
        on_its_way INTEGER NOT NULL DEFAULT 0,
        before INTEGER NOT NULL DEFAULT 0,
        last_id TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (source_id, source_endpoint, target)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE threads ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
    CREATE TEMP TABLE ranked AS
        SELECT number, row_number() OVER (ORDER BY said_at, number) AS rank FROM main.threads;
    CREATE UNIQUE INDEX temp.ranked_by_number ON ranked (number);
    UPDATE threads SET turn = (SELECT rank FROM ranked WHERE ranked.number = threads.number);
    DROP TABLE ranked;
    DROP INDEX threads_by_time;
    DROP INDEX threads_by_profile;
    CREATE INDEX threads_by_turn ON threads (turn DESC, said_at DESC, number DESC);
    CREATE INDEX threads_by_profile ON threads (profile, turn DESC, said_at DESC, number DESC);
    ALTER TABLE endpoints ADD COLUMN noted_at REAL NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE kept (
        number INTEGER PRIMARY KEY,
        place INTEGER NOT NULL,
        id TEXT,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at REAL,
        metadata TEXT NOT NULL DEFAULT '{}',
        mark TEXT NOT NULL DEFAULT '',
        turn TEXT NOT NULL DEFAULT '',
        run TEXT NOT NULL DEFAULT '',
        born INTEGER NOT NULL DEFAULT 0,
        learned INTEGER NOT NULL DEFAULT 0,
        gone_at REAL,
        was TEXT NOT NULL DEFAULT '[]'
    );
    INSERT INTO kept (number, place, id, role, parts, status, created_at, metadata)
        SELECT thread << 24 | row_number() OVER (PARTITION BY thread ORDER BY place), place,
            iif(row_number() OVER (PARTITION BY thread, id ORDER BY place) = 1, id, NULL),
            role, parts, status, created_at, metadata
        FROM messages;
    DROP TABLE messages;
    ALTER TABLE kept RENAME TO messages;
    CREATE INDEX messages_by_place ON messages (number >> 24, place);
    CREATE UNIQUE INDEX messages_by_id ON messages (number >> 24, id) WHERE id IS NOT NULL;
    CREATE INDEX messages_by_turn ON messages (turn) WHERE turn != '';
    CREATE INDEX messages_by_mark ON messages (mark) WHERE mark != '';
    CREATE TABLE raw (
        number INTEGER PRIMARY KEY,
        object BLOB NOT NULL
    );
    CREATE TABLE runs (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        id TEXT NOT NULL,
        place INTEGER NOT NULL,
        object BLOB NOT NULL,
        PRIMARY KEY (thread, id)
    ) WITHOUT ROWID;
    CREATE TABLE files (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        endpoint TEXT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        missing TEXT NOT NULL,
        PRIMARY KEY (thread, endpoint, id)
    ) WITHOUT ROWID;
    CREATE INDEX files_by_id ON files (endpoint, id);
    CREATE INDEX files_by_hash ON files (sha256) WHERE sha256 != '';
    CREATE TABLE counter (value INTEGER NOT NULL);
    INSERT INTO counter VALUES (0);
    ALTER TABLE threads ADD COLUMN order_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN whole_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN fetched_at REAL;
    ALTER TABLE threads ADD COLUMN object BLOB;
    INSERT INTO endpoints (endpoint, ability, has, noted_at)
        SELECT '', 'untold: turns are kept', 1, 0
        WHERE EXISTS (SELECT 1 FROM threads WHERE endpoint != '');
    """,
    """
    ALTER TABLE runs ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN missing TEXT NOT NULL DEFAULT '[]';
    CREATE TABLE removed (
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        id TEXT NOT NULL,
        PRIMARY KEY (thread, id)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE searching (version INTEGER NOT NULL, built INTEGER NOT NULL);
    CREATE TABLE unindexed (number INTEGER PRIMARY KEY);
    """,
    """
    CREATE INDEX runs_by_place ON runs (thread, place);
    ALTER TABLE files ADD COLUMN uploaded INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE copies ADD COLUMN surplus INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE files ADD COLUMN kind TEXT NOT NULL DEFAULT '';
    CREATE TABLE title_words (
        word TEXT NOT NULL,
        thread INTEGER NOT NULL REFERENCES threads (number) ON DELETE CASCADE,
        PRIMARY KEY (word, thread)
    ) WITHOUT ROWID;
    CREATE INDEX title_words_by_thread ON title_words (thread);
    INSERT OR IGNORE INTO title_words (word, thread)
        WITH RECURSIVE split (thread, word, rest) AS (
            SELECT number, '', trim(CAST(title AS TEXT)) || ' ' FROM threads
            UNION ALL SELECT thread, substr(rest, 1, instr(rest, ' ') - 1),
                ltrim(substr(rest, instr(rest, ' ') + 1))
            FROM split WHERE rest != ''
        )
        SELECT lower(ltrim(word, '"''([{')), thread FROM split WHERE ltrim(word, '"''([{') != '';
    CREATE TABLE uploading (
        endpoint TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        kind TEXT NOT NULL,
        began_at REAL NOT NULL,
        PRIMARY KEY (endpoint, sha256, kind)
    ) WITHOUT ROWID;
    """,
)
"""The schema's history: only ever added to; `PRAGMA user_version` counts what was applied."""


def changes(version: int) -> Iterator[str]:
    """Yield the statements that bring a store from a version of the schema to the newest one."""
    for number in range(version, len(MIGRATIONS)):
        yield from MIGRATIONS[number].split(";")
        yield f"PRAGMA user_version = {number + 1}"
