"""What a first prompt waits for: the modules that `ask` imports, by who asked for them, and when."""

import subprocess
from collections import defaultdict
from statistics import median

from bench import PYTHON, ROUNDS, Bench

SOURCES = ("typer", "http.client", "sqlite3", "tomllib", "jiter", "rich", "markdown_it", "asstctl")


STANDARD = "the standard library, for asstctl"


def imports(bench: Bench) -> list[tuple[str, str, int, float]]:
    """Give source, moment, modules and milliseconds (traced, so longer than they take alone)."""
    bench.configure()
    runs = [once(bench) for _ in range(ROUNDS)]
    rows = []
    for source, moment in runs[0]:
        counts = [run[source, moment][0] for run in runs]
        times = [run[source, moment][1] for run in runs]
        rows.append((source, moment, int(median(counts)), median(times)))
    return sorted(rows, key=lambda row: (row[1] != "before the request", -row[3]))


def once(bench: Bench) -> dict[tuple[str, str], tuple[int, float]]:
    command = [PYTHON, "-X", "importtime", "-m", "asstctl", "ask", "-o", "markdown", "Hello"]
    done = subprocess.run(
        command, env=bench.environment, capture_output=True, text=True, check=True
    )
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    above: list[tuple[int, str]] = []  # who imports: depth, source
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")][1:]
    sent = next(i for i, line in enumerate(lines) if "| rich" in line.replace("  ", ""))
    for place, line in reversed(list(enumerate(lines))):  # a module follows what it imports
        own, _, name = line.removeprefix("import time:").split("|")
        depth = len(name) - len(name.lstrip())
        name = name.strip()
        while above and above[-1][0] >= depth:
            above.pop()
        by = above[-1][1] if above else "Python itself"
        by = STANDARD if by == "asstctl" else by
        by = next((s for s in SOURCES if name == s or name.startswith(f"{s}.")), by)
        above.append((depth, by))
        moment = "while the service thinks" if place >= sent else "before the request"
        found[by, moment].append(int(own) / 1000)
    return {key: (len(times), sum(times)) for key, times in found.items()}


def table(bench: Bench) -> list[str]:
    """Give the table of the imports."""
    lines = ["| imported by | when | modules | ms, traced |", "|---|---|---|---|"]
    return lines + [f"| {a} | {b} | {n} | {ms:.0f} |" for a, b, n, ms in imports(bench)]
