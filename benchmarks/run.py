"""`python benchmarks/run.py`: asstctl and its peers side by side; the table goes into README.md.

Run it with the Python of an environment in which asstctl is installed. Peers are installed beside
this file the first time: a virtual environment, and node_modules where there is Node.
"""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Figures, beside, once, ratio

HERE = Path(__file__).parent
PYTHON = sys.executable
ASSTCTL = str(Path(PYTHON).parent / "asstctl")
PEERS = HERE / ".peers"
ROUNDS = int(os.environ.get("ROUNDS", "9"))


@dataclass
class Row:
    """One line of the table: what is compared, as a ratio, and what it must be."""

    what: str
    against: str
    ratio: float | str
    must: str
    ours: str
    theirs: str

    def line(self) -> str:
        shown = self.ratio if isinstance(self.ratio, str) else f"{self.ratio:.2f}x"
        return f"| {self.what} | {self.against} | **{shown}** | {self.must} | {self.ours} | {self.theirs} |"


def install() -> None:
    """Get the peers."""
    if not PEERS.exists():
        subprocess.run([PYTHON, "-m", "venv", PEERS], check=True)
        pip = [PEERS / "bin/pip", "install", "--quiet", "llm", "openai", "rich"]
        subprocess.run(pip, check=True)
    if shutil.which("npm") and not (HERE / "peers/node_modules").exists():
        npm = ["npm", "install", "--silent", "--no-save", "--no-package-lock", "openai"]
        subprocess.run(npm, cwd=HERE / "peers", check=True)


@contextmanager
def server() -> Iterator[int]:
    """Start the server; gives its port."""
    with subprocess.Popen(
        [PYTHON, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        yield int(running.stdout.readline())
        running.stdin.close()


class Bench:
    """A home, a server, and the commands that speak to it."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        names = ("PATH", "LANG", "TERM")
        self.environment = {n: os.environ[n] for n in names if n in os.environ}
        self.environment |= {"HOME": str(home), "TERM": "xterm-256color", "OPENAI_API_KEY": "none"}
        self.rows: list[Row] = []

    def url(self, **options: int) -> str:
        told = ",".join(f"{key}={value}" for key, value in {"n": 100, **options}.items())
        return f"http://127.0.0.1:{self.port}/{told}/v1"

    def configure(self, **options: int) -> None:
        """Let asstctl's profiles speak to the server: threads by default, `chat` for completions."""
        url = self.url(**options)
        path = self.home / ".config/asstctl/config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'endpoint = "{url}"\nassistant_id = "asst_1"\n'
            f'[profiles.chat]\nbackend = "local"\nendpoint = "{url}"\nmodel = "test"\n'
        )
        path.chmod(0o600)

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
            if peer not in found:
                self.rows.append(Row(what, peer, "not installed", must, "", ""))
                continue
            ours = found["asstctl"]
            share = ratio(ours, found[peer], figure)
            self.rows.append(
                Row(what, peer, share, must, told(ours, figure), told(found[peer], figure))
            )
        return found


def told(figures: Figures, what: str) -> str:
    value = figures.median(what)
    if what in ("first", "wall", "cpu"):
        return f"{value * 1000:.0f} ms"
    return {
        "peak": f"{value:.0f} MiB",
        "size": f"{value / 1e6:.2f} MB",
        "delay": f"{value:.1f} ms",
    }[what]


def startup(bench: Bench) -> None:
    bare = [PYTHON, "-c", "pass"]
    bench.configure()
    ours = {
        "`--version`": (["--version"], "≤ 1.5x"),
        "TAB on a thread": (["__complete", "threads"], "≤ 2x"),
        "`--help`": (["--help"], "≤ 8x"),
    }
    for what, (words, must) in ours.items():
        commands = {"asstctl": [ASSTCTL, *words], "python -c pass": bare}
        bench.compare(what, commands, "wall", {"python -c pass": must})


def asking(bench: Bench) -> None:
    bench.configure()
    url = bench.url()
    commands = {
        "asstctl": [ASSTCTL, "ask", "Hello"],
        "SDK script": [str(PEERS / "bin/python"), str(HERE / "peers/sdk_ask.py"), url],
        "curl -N": curl(f"{url}/threads/runs"),
    }
    commands |= node(url)
    bench.compare(
        "`ask`, first byte, immediate server",
        commands,
        "first",
        {"SDK script": "≤ 0.35x", "Node sample": "≤ 1.5x", "curl -N": "context"},
    )
    llm(bench, url)
    bench.configure(wait=300)
    commands = {
        "asstctl": [ASSTCTL, "ask", "-o", "markdown", "Hello"],
        "curl -N": curl(f"{bench.url(wait=300)}/threads/runs"),
    }
    bench.compare(
        "`ask`, Markdown, first text, a service that takes 300 ms",
        commands,
        "first",
        {"curl -N": "≤ 1.6x"},
        terminal=True,
    )


def llm(bench: Bench, url: str) -> None:
    """The chat-completions clients, beside our own profile for such servers."""
    folder = bench.home / "llm"
    folder.mkdir(exist_ok=True)
    (folder / "extra-openai-models.yaml").write_text(
        f"- model_id: bench\n  model_name: test\n  api_base: {url}\n"
    )
    bench.environment["LLM_USER_PATH"] = str(folder)
    commands = {
        "asstctl": [ASSTCTL, "-p", "chat", "ask", "Hello"],
        "llm": [str(PEERS / "bin/llm"), "-m", "bench", "Hello"],
    }
    bench.compare("`ask`, first byte, chat completions", commands, "first", {"llm": "≤ 0.5x"})


def curl(url: str) -> list[str]:
    return ["curl", "-sN", "-X", "POST", "-H", "content-type: application/json", "-d", "{}", url]


def node(url: str) -> dict[str, list[str]]:
    if not shutil.which("node") or not (HERE / "peers/node_modules").exists():
        return {}
    return {"Node sample": ["node", str(HERE / "peers/ask.mjs"), url]}


def requests(bench: Bench) -> None:
    bench.configure()
    asked = f"http://127.0.0.1:{bench.port}/asked"

    def count(*words: str) -> int:
        urllib.request.urlopen(asked).read()
        subprocess.run([ASSTCTL, *words], env=bench.environment, check=True, capture_output=True)
        found = json.loads(urllib.request.urlopen(asked).read())
        return sum(found.values()) - 1  # the question itself

    new = count("ask", "Hello")
    count("ask", "-c", "Hello")  # the first follow-up looks what the server does
    old = count("ask", "-c", "Hello")
    bench.rows.append(
        Row("requests of a prompt", "the sample: 3, 2", f"{new}, {old}", "1, 1", "", "")
    )


def long_replies(bench: Bench) -> None:
    bench.configure(n=100_000)
    url = bench.url(n=100_000)
    commands = {
        "asstctl": [ASSTCTL, "ask", "Hello"],
        "SDK script": [str(PEERS / "bin/python"), str(HERE / "peers/sdk_ask.py"), url],
        **node(url),
    }
    rounds = max(3, ROUNDS // 3)
    musts = {"SDK script": "≤ 0.08x", "Node sample": "≤ 0.5x"}
    found = bench.compare("CPU of 100,000 deltas, piped", commands, "cpu", musts, rounds=rounds)
    large = found["asstctl"].median("peak")
    sdk = found["SDK script"].median("peak")
    bench.configure(n=1000)
    small = beside({"asstctl": commands["asstctl"]}, bench.environment, 3)["asstctl"].median("peak")
    bench.rows.append(
        Row(
            "memory, 100,000 deltas",
            "1,000 deltas",
            large / small,
            "≤ 1.1x",
            f"{large:.0f} MiB",
            f"{small:.0f} MiB",
        )
    )
    bench.rows.append(
        Row(
            "memory, 100,000 deltas",
            "SDK script",
            large / sdk,
            "≤ 0.6x",
            f"{large:.0f} MiB",
            f"{sdk:.0f} MiB",
        )
    )


def delays(bench: Bench) -> None:
    bench.configure(n=150, pause=10)
    url = bench.url(n=150, pause=10)
    plain = {"asstctl": [ASSTCTL, "ask", "Hello"], "curl -N": curl(f"{url}/threads/runs")}
    what = "from the server's write to the reader's byte, 100 deltas a second, plain"
    bench.compare(what, plain, "delay", {"curl -N": "≤ 3x"}, rounds=3)


def drawing(bench: Bench) -> None:
    def figures(count: int) -> Figures:
        bench.configure(n=count)
        command = {"asstctl": [ASSTCTL, "-p", "chat", "ask", "-o", "markdown", "Hello"]}
        return beside(command, bench.environment, 3, terminal=True)["asstctl"]

    small, middle, large = figures(1000), figures(10_000), figures(50_000)
    begin = small.median("cpu")
    per_middle = (middle.median("cpu") - begin) / 9000
    per_large = (large.median("cpu") - begin) / 49_000
    bench.rows.append(
        Row(
            "Markdown on a terminal, CPU a delta, 50,000 deltas",
            "10,000",
            per_large / per_middle,
            "≤ 1.1x",
            f"{per_large * 1e6:.0f} us",
            f"{per_middle * 1e6:.0f} us",
        )
    )
    live = [str(PEERS / "bin/python"), str(HERE / "peers/rich_live.py"), bench.url(n=10_000)]
    usual = beside({"live": live}, bench.environment, 1, terminal=True)["live"]
    share = middle.median("cpu") / usual.median("cpu")
    bench.rows.append(
        Row(
            "Markdown on a terminal, CPU, 10,000 deltas",
            "Rich Live",
            share,
            "≤ 0.02x",
            told(middle, "cpu"),
            told(usual, "cpu"),
        )
    )


def reading(bench: Bench) -> None:
    bench.configure(messages=20_000)
    url = bench.url(messages=20_000)
    subprocess.run(
        [ASSTCTL, "threads", "add", "thread_bench_1"],
        env=bench.environment,
        check=True,
        capture_output=True,
    )
    commands = {
        "asstctl": [ASSTCTL, "threads", "history", "thread_bench_1"],
        "SDK pagination": [str(PEERS / "bin/python"), str(HERE / "peers/sdk_history.py"), url],
    }
    # The row of the index knows its endpoint; options stand in the URL, so each has a row.
    what = "`threads history`, 20,000 messages, piped"
    found = bench.compare(what, commands, "wall", {"SDK pagination": "≤ 0.15x"}, rounds=3)
    share = ratio(found["asstctl"], found["SDK pagination"], "peak")
    bench.rows.append(
        Row(
            "memory, 20,000 messages",
            "SDK pagination",
            share,
            "≤ 0.6x",
            told(found["asstctl"], "peak"),
            told(found["SDK pagination"], "peak"),
        )
    )


def remembering(bench: Bench) -> None:
    """A store of 100,000 threads and 1,000,000 messages beside one of 100."""
    found = {}
    for count in (100, 100_000):
        home = bench.home / f"store-{count}"
        data = home / ".local/share/asstctl"
        environment = {**bench.environment, "HOME": str(home)}
        shutil.copytree(bench.home / ".config", home / ".config")
        subprocess.run(
            [ASSTCTL, "threads", "list"], env=environment, check=True, capture_output=True
        )
        with closing(sqlite3.connect(data / "threads.db")) as db, db:
            rows = ((f"local_{n:016x}", f"Thread {n}", n, n) for n in range(count))
            db.executemany(
                "INSERT INTO threads (id, backend, endpoint, profile, title, created_at, said_at)"
                " VALUES (?, 'local', '', 'chat', ?, ?, ?)",
                rows,
            )
            part = '[{"part": "Text", "text": "words"}]'
            rows = (
                (n // 10 + 1, n % 10 + 1, f"m{n}", "user", part, "completed", 1.0, "{}")
                for n in range(count * 10)
            )
            db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        found[count] = environment
    for what, words in {
        "`@last`": ["threads", "show", "@last"],
        "`threads list`": ["threads", "list"],
        "a prefix": ["threads", "show", "local_000000000000006"],
    }.items():
        large, small = Figures(), Figures()
        for _ in range(ROUNDS):
            once([ASSTCTL, *words], found[100_000], large)
            once([ASSTCTL, *words], found[100], small)
        bench.rows.append(
            Row(
                f"{what}, 100,000 threads and 1,000,000 messages",
                "100 threads",
                ratio(large, small, "wall"),
                "≤ 1.3x",
                told(large, "wall"),
                told(small, "wall"),
            )
        )


PARTS: list[Callable[[Bench], None]] = [
    startup,
    asking,
    requests,
    long_replies,
    delays,
    drawing,
    reading,
    remembering,
]


def main() -> None:
    install()
    with tempfile.TemporaryDirectory() as home, server() as port:
        bench = Bench(Path(home), port)
        for part in PARTS:
            if len(sys.argv) < 2 or part.__name__ in sys.argv[1:]:
                part(bench)
                print(part.__name__, *(row.line() for row in bench.rows), sep="\n", flush=True)
    if len(sys.argv) < 2:
        write(bench.rows)


def write(rows: list[Row]) -> None:
    """Write the table below its mark."""
    path = HERE / "README.md"
    head = path.read_text().split("<!-- generated -->")[0]
    lines = [
        "<!-- generated -->",
        "",
        f"Medians of {ROUNDS} rounds (3 of slow runs), Python {platform.python_version()}, {os.cpu_count()} processors.",
        "",
        "| what | against | ratio | must be | asstctl | the other |",
        "|---|---|---|---|---|---|",
        *(row.line() for row in rows),
    ]
    path.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
