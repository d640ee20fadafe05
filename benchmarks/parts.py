"""What is measured. Each part adds its rows to the table."""

import json
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable
from contextlib import closing

from bench import ASSTCTL, FEW, HERE, PEERS, PYTHON, ROUNDS, Bench, Row, curl, peer
from finding import searching
from measure import Figures, beside, once, per

from asstctl.store.titles import EVERY

THREAD = "thread_bench_1"


def startup(bench: Bench) -> None:
    bench.configure()
    bare = [PYTHON, "-c", "pass"]
    for what, words, must in (
        ("`--version`", ["--version"], "≤ 1.5x"),
        ("TAB on a thread", ["__complete", "threads"], "≤ 2x"),
        ("`--help`", ["--help"], "≤ 8x"),
    ):
        commands = {"asstctl": [ASSTCTL, *words], "python -c pass": bare}
        bench.compare(what, commands, "wall", {"python -c pass": must}, rounds=3 * ROUNDS)


def asking(bench: Bench) -> None:
    url = bench.configure()
    commands = {
        "asstctl": [ASSTCTL, "ask", "Hello"],
        "SDK script": peer("sdk_chat.py", url, "Hello"),
        "curl -N": curl(f"{url}/threads/runs"),
        **node(url),
    }
    musts = {"SDK script": "≤ 0.35x", "Node sample": "≤ 1.5x", "curl -N": "(context)"}
    bench.compare("`ask`, first byte, a server that answers at once", commands, "first", musts)
    commands = {"asstctl": [ASSTCTL, "-p", "chat", "ask", "Hello"], **completers(bench, url)}
    musts = {"llm": "≤ 0.5x", "shell-gpt": "(context)"}
    bench.compare("`ask`, first byte, chat completions", commands, "first", musts)
    url = bench.configure(wait=300)
    what = "`ask`, Markdown, first text, a service that takes 300 ms"
    commands = {
        "asstctl": [ASSTCTL, "ask", "-o", "markdown", "Hello"],
        "curl -N": curl(f"{url}/threads/runs"),
    }
    bench.compare(what, commands, "first", {"curl -N": "≤ 1.6x"}, terminal=True)


def node(url: str) -> dict[str, list[str]]:
    if not shutil.which("node") or not (HERE / "peers/node_modules").exists():
        return {}
    return {"Node sample": ["node", str(HERE / "peers/ask.mjs"), url]}


def completers(bench: Bench, url: str) -> dict[str, list[str]]:
    """The chat-completions clients, told of the server."""
    folder = bench.home / "llm"
    folder.mkdir(exist_ok=True)
    model = f"- model_id: bench\n  model_name: test\n  api_base: {url}\n"
    (folder / "extra-openai-models.yaml").write_text(model)
    bench.environment |= {
        "LLM_USER_PATH": str(folder),
        "API_BASE_URL": url,
        "DEFAULT_MODEL": "test",
        "USE_LITELLM": "false",
    }
    return {
        "llm": [str(PEERS / "sdk/bin/llm"), "-m", "bench", "Hello"],
        "shell-gpt": [str(PEERS / "shell-gpt/bin/sgpt"), "--no-md", "--no-cache", "Hello"],
    }


def requests(bench: Bench) -> None:
    bench.configure()
    asked = f"http://127.0.0.1:{bench.port}/asked"

    def count(*words: str) -> int:
        urllib.request.urlopen(asked).read()
        bench.run(*words)
        found = json.loads(urllib.request.urlopen(asked).read())
        return sum(found.values()) - 1  # the question itself

    new = count("ask", "Hello")
    count("ask", "-c", "Hello")  # the first follow-up looks what the server does
    old = count("ask", "-c", "Hello")
    what = "requests of a prompt: new thread, old thread"
    bench.rows.append(Row(what, "the sample: 3, 2", f"{new}, {old}", "1, 1"))


def chatting(bench: Bench) -> None:
    url = bench.configure(n=1)
    commands = {"asstctl": [ASSTCTL, "chat"], "SDK script": peer("sdk_chat.py", url)}
    few = beside(commands, bench.environment, FEW, stdin=b"Hello\n" * 2)
    many = beside(commands, bench.environment, FEW, stdin=b"Hello\n" * 1002)
    turns = {name: per(few[name], many[name], 1000) for name in commands}
    what = "a further turn of `chat`, CPU, a reply of one delta"
    bench.row(what, "SDK script", "≤ 0.5x", turns["asstctl"], turns["SDK script"], "cpu")


def long_replies(bench: Bench) -> None:
    url = bench.configure(n=100_000)
    ask = [ASSTCTL, "ask", "Hello"]
    commands = {"asstctl": ask, "SDK script": peer("sdk_chat.py", url, "Hello"), **node(url)}
    musts = {"SDK script": "≤ 0.08x", "Node sample": "≤ 0.5x"}
    found = bench.compare("CPU of 100,000 deltas, piped", commands, "cpu", musts, rounds=FEW)
    ours, sdk = found["asstctl"], found["SDK script"]
    bench.configure(n=1000)
    small = beside({"asstctl": ask}, bench.environment, FEW)["asstctl"]
    bench.flat("100,000 deltas", "1,000 deltas", ours, small)
    bench.row("memory, 100,000 deltas", "SDK script", "≤ 0.6x", ours, sdk, "peak")


def delays(bench: Bench) -> None:
    url = bench.configure(n=150, pause=10, stamps=1)
    commands = {"asstctl": [ASSTCTL, "ask", "Hello"], "curl -N": curl(f"{url}/threads/runs")}
    what = "server's write to reader's byte, 100 deltas a second, plain"
    bench.compare(what, commands, "delay", {"curl -N": "≤ 3x"}, rounds=FEW)
    drawn = [ASSTCTL, "ask", "-o", "markdown", "Hello"]
    ours = beside({"asstctl": drawn}, bench.environment, FEW, terminal=True)["asstctl"]
    delay = f"{ours.median('delay'):.1f} ms"
    bench.rows.append(Row("the same, Markdown on a terminal", "", delay, "≤ 5 ms"))


DRAWN = "Markdown on a terminal"


def drawing(bench: Bench) -> None:
    small, middle, large = (draw(bench, n=count) for count in (1000, 10_000, 50_000))
    to_middle, to_large = per(small, middle, 9000), per(small, large, 49_000)
    each = [figures.median("cpu") for figures in (to_large, to_middle)]
    told = (f"{seconds * 1e6:.0f} us" for seconds in each)
    what = f"{DRAWN}, CPU a delta, 50,000 deltas"
    bench.rows.append(Row(what, "10,000 deltas", each[0] / each[1], "≤ 1.1x", *told))
    printed = draw(bench, n=2000, whole=1)
    for group, pause, must in ((8, 40, "≤ 1.3x"), (1, 5, "(context)")):
        paced = draw(bench, n=2000, pause=pause, group=group)
        what = f"{DRAWN}, bytes, 2,000 deltas at 200 a second, {group} at a time"
        bench.row(what, "one print", must, paced, printed, "size")
    url = bench.url(n=2000, whole=1)
    usual = beside({"it": peer("rich_print.py", url)}, bench.environment, FEW, terminal=True)["it"]
    bench.row(what, "Rich's own print", "(context)", paced, usual, "size")


def draw(bench: Bench, **options: int) -> Figures:
    bench.configure(**options)
    command = {"asstctl": [ASSTCTL, "-p", "chat", "ask", "-o", "markdown", "Hello"]}
    return beside(command, bench.environment, FEW, terminal=True)["asstctl"]


def living(bench: Bench) -> None:
    ours, live = Figures(), Figures()
    bench.configure(n=10_000)
    ask = [ASSTCTL, "-p", "chat", "ask", "-o", "markdown", "Hello"]
    once(ask, bench.environment, ours, terminal=True)
    once(peer("rich_live.py", bench.url(n=10_000)), bench.environment, live, terminal=True)
    what = f"{DRAWN}, CPU, 10,000 deltas, once"
    bench.row(what, "Rich Live", "≤ 0.02x", ours, live, "cpu")


def reading(bench: Bench) -> None:
    history = {"asstctl": [ASSTCTL, "threads", "history", THREAD]}
    bench.configure(messages=200)
    bench.run("threads", "add", THREAD)
    small = beside(history, bench.environment, FEW)["asstctl"]
    url = bench.configure(messages=20_000)
    bench.run("threads", "add", THREAD)
    commands = {**history, "SDK pagination": peer("sdk_history.py", url)}
    what = "`threads history`, 20,000 messages, piped"
    musts = {"SDK pagination": "≤ 0.15x"}
    found = bench.compare(what, commands, "wall", musts, rounds=FEW)
    ours, sdk = found["asstctl"], found["SDK pagination"]
    bench.flat("20,000 messages", "200 messages", ours, small)
    bench.row("memory, 20,000 messages", "SDK pagination", "≤ 0.6x", ours, sdk, "peak")
    url = bench.configure(messages=20_000, wait=20)
    bench.run("threads", "add", THREAD)
    pages = bench.home / "pages"  # a curl that knows every cursor beforehand
    first = f"{url}/threads/{THREAD}/messages?limit=100&order=asc"
    cursors = [f"&after=msg_{n}" for n in range(99, 19_999, 100)]
    pages.write_text("".join(f'url="{first}{cursor}"\n' for cursor in ["", *cursors]))
    commands = {**history, "curl": ["curl", "-s", "-K", str(pages)]}
    bench.compare(f"{what}, 20 ms a request", commands, "wall", {"curl": "≤ 1.15x"}, rounds=FEW)


def remembering(bench: Bench) -> None:
    """A store of 100,000 threads and 1,000,000 messages beside one of 100."""
    bench.configure()
    found = {}
    for count in (100, 100_000):
        folder = bench.home / f"store-{count}"
        found[count] = {**bench.environment, "XDG_DATA_HOME": str(folder)}
        new = [ASSTCTL, "-p", "chat", "threads", "new"]  # the first write makes the schema
        subprocess.run(new, env=found[count], check=True, capture_output=True)
        fill(folder / "asstctl/threads.db", count)
    for what, words in {
        "`@last`": ["threads", "show", "@last"],
        "`threads list`": ["threads", "list"],
        "a prefix": ["threads", "show", thread_id(5)[:14]],
    }.items():
        large, small = Figures(), Figures()
        for _ in range(ROUNDS):
            once([ASSTCTL, *words], found[100_000], large)
            once([ASSTCTL, *words], found[100], small)
        row = f"{what}, 100,000 threads and 1,000,000 messages"
        bench.row(row, "100 threads", "≤ 1.3x", large, small, "wall")
    for what, typed in {
        "": [],
        ", a word of titles": ["9999"],
        ", a word of none": ["zzz"],
    }.items():
        ours, bare = Figures(), Figures()
        for _ in range(3 * ROUNDS):
            once([ASSTCTL, "__complete", "threads", *typed], found[100_000], ours)
            once([PYTHON, "-c", "pass"], found[100_000], bare)
        row = f"TAB on a thread among 100,000{what}"
        bench.row(row, "python -c pass", "≤ 2x", ours, bare, "wall")


def thread_id(number: int) -> str:
    """Give an id as they are: spread over all that there can be."""
    return f"local_{number * 0x9E3779B97F4A7C15 % 2**64:016x}"


def fill(path, count: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        rows = ((thread_id(n), f"Thread {n}", n, n) for n in range(count))
        db.executemany(
            "INSERT INTO threads (id, backend, endpoint, profile, title, created_at, said_at)"
            " VALUES (?, 'local', '', 'chat', ?, ?, ?)",
            rows,
        )
        part = '[{"part": "Text", "text": "words"}]'
        rows = (
            ((n // 10 + 1) << 24 | n % 10 + 1, n % 10 + 1, f"m{n}", "user", part, "completed", 1.0)
            for n in range(count * 10)
        )
        db.execute(EVERY)
        db.executemany(
            "INSERT INTO messages (number, place, id, role, parts, status, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


PARTS: list[Callable[[Bench], None]] = [
    startup,
    asking,
    requests,
    chatting,
    long_replies,
    delays,
    drawing,
    living,
    reading,
    remembering,
    searching,
]
