"""`python benchmarks/run.py`: asstctl and its peers side by side; the table goes into README.md.

Run it with the Python of an environment in which asstctl is installed. Peers are installed beside
this file the first time: virtual environments, and node_modules where there is Node. Words name
parts to run alone: their rows take the places that they had. The part `living` takes minutes.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import importing
from bench import FEW, HERE, PEERS, PYTHON, ROUNDS, Bench, server
from parts import PARTS

PACKAGES = {"sdk": ["openai", "llm", "rich"], "shell-gpt": ["shell-gpt", "click"]}
"""What each environment of peers holds: shell-gpt wants an older openai than llm does."""


MARK = "<!-- generated -->"


def install() -> None:
    """Get the peers."""
    for name, packages in PACKAGES.items():
        if not (folder := PEERS / name).exists():
            subprocess.run([PYTHON, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "--quiet", *packages], check=True)
    if shutil.which("npm") and not (HERE / "peers/node_modules").exists():
        npm = ["npm", "install", "--silent", "--no-save", "--no-package-lock", "openai"]
        subprocess.run(npm, cwd=HERE / "peers", check=True)


def main() -> None:
    install()
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home, server() as port:
        bench = Bench(Path(home), port)
        for part in PARTS:
            if not wanted or part.__name__ in wanted:
                seen = len(bench.rows)
                part(bench)
                print(part.__name__, *(row.line() for row in bench.rows[seen:]), sep="\n")
                sys.stdout.flush()
        write([row.line() for row in bench.rows], importing.table(bench), anew=not wanted)


def write(rows: list[str], imported: list[str], *, anew: bool) -> None:
    """Write the tables below their mark; rows take the places of what they measured before."""
    path = HERE / "README.md"
    head, _, before = path.read_text().partition(MARK)
    table = {} if anew else {named(line): line for line in before.splitlines() if "**" in line}
    table |= {named(line): line for line in rows}
    lines = [
        MARK,
        "",
        (
            f"Medians of {ROUNDS} rounds, of {FEW} where a run takes seconds; Python"
            f" {platform.python_version()}, {platform.system()}, {os.cpu_count()} processors."
        ),
        "",
        "| what | against | ratio | must be | asstctl | the other |",
        "|---|---|---|---|---|---|",
        *table.values(),
        "",
        "What `ask -o markdown` imports:",
        "",
        *imported,
    ]
    path.write_text(head + "\n".join(lines) + "\n")


def named(line: str) -> tuple[str, ...]:
    """Give what a row compares."""
    return tuple(line.split("|")[1:3])


if __name__ == "__main__":
    main()
