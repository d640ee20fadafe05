"""What every part of the benchmark needs: a home, the server, the peers, and the table's rows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Figures, beside, ratio

HERE = Path(__file__).parent
PYTHON = sys.executable
ASSTCTL = str(Path(PYTHON).parent / "asstctl")
PEERS = HERE / ".peers"
ROUNDS = int(os.environ.get("ROUNDS", "9"))
FEW = max(3, ROUNDS // 3)
"""Rounds of runs that take seconds."""


@dataclass
class Row:
    """One line of the table: what is compared, as a ratio, and what it must be."""

    what: str
    against: str
    ratio: float | str
    must: str
    ours: str = ""
    theirs: str = ""

    def line(self) -> str:
        shown = self.ratio
        if not isinstance(shown, str):
            shown = f"{shown:.{2 if shown >= 0.01 else 4}f}x"
        return f"| {self.what} | {self.against} | **{shown}** | {self.must} | {self.ours} | {self.theirs} |"


class Bench:
    """A home of its own, and the commands that are run in it."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        names = ("PATH", "LANG")
        self.environment = {n: os.environ[n] for n in names if n in os.environ}
        self.environment |= {"HOME": str(home), "TERM": "xterm-256color", "OPENAI_API_KEY": "none"}
        self.environment["BENCH_KEY"] = "none"
        self.rows: list[Row] = []

    def url(self, **options: int) -> str:
        told = ",".join(f"{key}={value}" for key, value in {"n": 100, **options}.items())
        return f"http://127.0.0.1:{self.port}/{told}/api/projects/bench"

    def configure(self, **options: int) -> str:
        """Let asstctl's profiles speak to the server: threads by default, `chat` for completions.

        It has the path of a Foundry project, which is known to take a prompt in one request. Each
        set of options is another endpoint, and has a store of its own. Gives its URL.
        """
        url = self.url(**options)
        path = self.home / ".config/asstctl/config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'endpoint = "{url}"\nassistant_id = "asst_1"\napi_key_env = "BENCH_KEY"\n'
            f'[profiles.chat]\nbackend = "local"\nendpoint = "{url}"\nmodel = "test"\n'
        )
        path.chmod(0o600)
        self.environment["XDG_DATA_HOME"] = str(self.home / url.split("/")[3])
        return url

    def run(self, *words: str) -> None:
        """Run asstctl once, unmeasured."""
        subprocess.run([ASSTCTL, *words], env=self.environment, check=True, capture_output=True)

    def compare(
        self,
        what: str,
        commands: dict[str, list[str]],
        figure: str,
        musts: dict[str, str],
        *,
        rounds: int = ROUNDS,
        terminal: bool = False,
    ) -> dict[str, Figures]:
        """Run asstctl beside its peers and add a row for each."""
        found = beside(commands, self.environment, rounds, terminal=terminal)
        for peer, must in musts.items():
            if peer in found:
                self.row(what, peer, must, found["asstctl"], found[peer], figure)
            else:
                self.rows.append(Row(what, peer, "not installed", must))
        return found

    def row(self, what: str, peer: str, must: str, ours: Figures, theirs: Figures, figure: str):
        """Add a row: the median of the ratios, round by round."""
        share = ratio(ours, theirs, figure)
        self.rows.append(Row(what, peer, share, must, told(ours, figure), told(theirs, figure)))

    def flat(self, what: str, peer: str, ours: Figures, small: Figures) -> None:
        """Add a row that says whether the memory of a large run is that of a small one."""
        share = ours.median("peak") / small.median("peak")
        told_ = told(ours, "peak"), told(small, "peak")
        self.rows.append(Row(f"memory, {what}", peer, share, "≤ 1.1x", *told_))


def told(figures: Figures, what: str) -> str:
    value = figures.median(what)
    return {
        "peak": f"{value:.0f} MiB",
        "size": f"{value / 1e6:.2f} MB",
        "delay": f"{value:.2f} ms",
    }.get(what, f"{value * 1000:.{0 if value > 0.01 else 1}f} ms")


@contextmanager
def server() -> Iterator[int]:
    """Start the server; gives its port."""
    with subprocess.Popen(
        [PYTHON, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        yield int(running.stdout.readline())
        running.stdin.close()


def peer(name: str, *words: str) -> list[str]:
    """Give the command of a Python script in `peers`."""
    return [str(PEERS / "sdk/bin/python"), "-W", "ignore", str(HERE / "peers" / name), *words]


def curl(url: str) -> list[str]:
    return ["curl", "-sN", "-X", "POST", "-H", "content-type: application/json", "-d", "{}", url]
