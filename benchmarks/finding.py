"""Search among 1,000,000 messages: what it takes, what its index takes, what a turn pays for it."""

import json
import random
import sqlite3
import statistics
import subprocess
import time
from contextlib import closing
from pathlib import Path

from bench import ASSTCTL, ROUNDS, Bench, Row
from measure import Figures, once

from asstctl.model import Message, Thread, message_json
from asstctl.parts import Text
from asstctl.store.store import Store

MESSAGES = 1_000_000
WORDS = 25
RARE, FREQUENT = "quokka", "harbour"
TURNS = 1000


def searching(bench: Bench) -> None:
    """Words that 10 and 100,000 of 1,000,000 messages hold, beside a list of threads."""
    bench.configure()
    folder = bench.home / "searched"
    environment = {**bench.environment, "XDG_DATA_HOME": str(folder)}
    new = [ASSTCTL, "-p", "chat", "threads", "new"]  # the first write makes the schema
    subprocess.run(new, env=environment, check=True, capture_output=True)
    path = folder / "asstctl/threads.db"
    size = fill(path)
    before = path.stat().st_size
    longest, seconds = build(path)
    index = path.stat().st_size - before
    rows = bench.rows
    what = f"the index of {MESSAGES:,} messages, built in {seconds:.0f} s, bytes"
    rows.append(Row(what, "their text", index / size, "≤ 1.1x", mb(index), mb(size)))
    rows.append(Row("its longest transaction", "", f"{longest:.2f} s", "≤ 0.5 s"))
    for word, count, must in ((RARE, 10, "≤ 1.5x"), (FREQUENT, 100_000, "(context)")):
        ours, listing = Figures(), Figures()
        for _ in range(ROUNDS):
            once([ASSTCTL, "threads", "search", word], environment, ours)
            once([ASSTCTL, "threads", "list"], environment, listing)
        what = f"`threads search`, a word that {count:,} of {MESSAGES:,} messages hold"
        bench.row(what, "`threads list`", must, ours, listing, "wall")
        if count > 10:
            slow = f"{ours.median('wall'):.2f} s"
            rows.append(Row(what, "", slow, "≤ 1 s"))
    with_index, without = turns(path), turns(bench.home / "plain.db")
    more = statistics.median(with_index) - statistics.median(without)
    late = ninety_nine(with_index) - ninety_nine(without)
    what = "a turn's writes where there is an index, more than where there is none"
    rows.append(Row(f"{what}, median", "", f"{more * 1e3:.2f} ms", "≤ 0.6 ms"))
    rows.append(Row(f"{what}, p99", "", f"{late * 1e3:.2f} ms", "≤ 3 ms"))


def mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def ninety_nine(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


def fill(path: Path) -> int:
    """Write the messages; gives the bytes of their text."""
    chance = random.Random(1)
    syllables = [a + b for a in "bcdfghklmnprstvwz" for b in ("a", "e", "i", "o", "u", "ea", "ou")]
    known = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(60_000)]
    chances = [1 / rank for rank in range(1, len(known) + 1)]
    total = 0

    def messages():
        nonlocal total
        words = chance.choices(known, chances, k=4_000_000)
        for n in range(MESSAGES):
            start = chance.randrange(len(words) - WORDS)
            said = words[start : start + WORDS]
            if n % 10 == 0:
                said[3] = FREQUENT
            if n % (MESSAGES // 10) == 5:
                said[7] = RARE
            text = " ".join(said)
            total += len(text)
            role = "user" if n % 2 == 0 else "assistant"
            parts = json.dumps([{"type": "Text", "text": text}])
            yield (n // 10 + 1) << 24 | n % 10 + 1, n % 10 + 1, f"m{n}", role, parts

    with closing(sqlite3.connect(path)) as db, db:
        threads = ((f"local_{n:016x}", f"Thread {n}", n) for n in range(1, MESSAGES // 10))
        db.executemany(
            "INSERT INTO threads (id, backend, endpoint, profile, title, created_at, said_at)"
            " VALUES (?, 'local', '', 'chat', ?, 0, ?)",
            threads,
        )
        db.executemany(
            "INSERT INTO messages (number, place, id, role, parts, status, created_at)"
            " VALUES (?, ?, ?, ?, ?, 'completed', 1.0)",
            messages(),
        )
    return total


def build(path: Path) -> tuple[float, float]:
    """Build the index; gives its longest transaction and all of its time, in seconds."""
    times = []
    with closing(Store(path)) as store:
        last = time.perf_counter()
        for _ in store.search.build():  # one step a transaction
            now = time.perf_counter()
            times.append(now - last)
            last = now
    return max(times), sum(times)


def turns(path: Path) -> list[float]:
    """Give the seconds that the store takes for each of some turns in one thread."""
    times = []
    thread = Thread("thread_turns", "assistants", "https://h/v1", "p")
    with closing(Store(path)) as store:
        for number in range(TURNS):
            begun = time.perf_counter()
            turn = store.turns.begin(thread, "What comes next?", kept=True, own=False)
            turn.run_id, turn.taken = f"run_{number}", True
            store.turns.note(turn)
            reply = Message(f"msg_{number}", "assistant", (Text("words that come " * 50),), 1.0)
            turn.replies, turn.status = [message_json(reply)], "completed"
            store.turns.end(turn)
            times.append(time.perf_counter() - begun)
    return times
