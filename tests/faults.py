"""The fault matrix: what goes wrong, under which command, on which backend, and what must hold.

`python -m tests.faults` runs the full product and writes its table into tests/README.md; the
suite runs a part of it in which every pair of fault, command and backend is tried.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from tests.conftest import Home
from tests.forker import Forker
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer, chat_events, sse

KEY = "sk-canary-0123456789"
"""A key that must never be seen anywhere."""

PROMPT = "What is it?"
REPLY = "It is [1] a *short* reply."
STREAM = 1500
"""Bytes in which a short stream of each backend has its last word."""


class Project(ThreadsServer):
    """Foundry's form: known to take a prompt in one request."""

    form = "project"


class Compatible(ThreadsServer):
    """A server that nobody knows: it gets the prompt and the run one after the other."""

    form = "compatible"


BACKENDS = {
    "local": ChatServer,
    "assistants": Project,
    "compatible": Compatible,
    "responses": ResponsesServer,
}


@dataclass(frozen=True)
class Fault:
    """What a server does wrong, and the exit codes that it may leave."""

    before: Callable | None = None  # in place of an answer
    after: Callable | None = None  # to an answer
    codes: tuple[int, ...] = (0,)
    down: bool = False  # nobody listens at all
    settings: dict = field(default_factory=dict)


def refused(status, **facts):
    body = {"error": {"message": "Not this time", "code": None, "type": "server_error"}}
    return Fault(before=lambda _: replace(Reply(status=status, body=body), **facts))


def status(code, exit_code, **facts):
    return replace(refused(code, **facts), codes=(exit_code,))


def once(fault):
    """The same fault, for the first request alone."""
    left = iter([True])

    def before(request):
        return fault.before(request) if next(left, False) else None

    return before


def is_reply(reply):
    """Whether an answer is a stream."""
    return reply.body is None and reply.status < 300


def spoiled(**facts):
    """Spoil the first stream; what is asked for after that is whole."""

    def make():
        left = iter([True])

        def after(_, reply):
            return replace(reply, **facts) if is_reply(reply) and next(left, False) else reply

        return after

    return make


def cut(size, how):
    facts = {"reset": {"reset": True}, "fin": {}, "stall": {"hang": 3.0}}[how]
    settings = {"timeout": 0.5} if how == "stall" else {}
    # A local reply that is cut can't be completed; elsewhere the service holds it.
    return Fault(after=spoiled(cut=size, **facts), codes=(0, 6, 7), settings=settings)


def taken(exit_codes, **facts):
    """The first prompt is taken, and answered wrongly."""

    def make():
        left = iter([True])

        def after(request, reply):
            carries = request.method == "POST" and request.path.partition("?")[0].endswith(
                ("/runs", "/messages", "/responses", "/completions")
            )
            return Reply(**facts) if carries and next(left, False) else reply

        return after

    return Fault(after=make, codes=exit_codes)


def unknown(_, reply):
    if not is_reply(reply) or reply.events is None:
        return reply

    def events(inner):
        for event in inner:
            yield b": a comment\n\n"
            yield sse({"type": "never.heard.of", "choices": []})
            yield event

    return replace(reply, events=events(reply.events))


def garbage(_, reply):
    return (
        Reply(raw=b"data: {nonsense\n\ndata: more\n\n") if is_reply(reply) else Reply(body=b"{no")
    )


def plain(_, reply):
    """The same answer as one JSON object."""
    if not is_reply(reply):
        return reply
    events = reply.events or chat_events(reply)
    data = [json.loads(e.partition(b"data: ")[2]) for e in events if not e.endswith(b"[DONE]\n\n")]
    if "choices" in data[0]:
        text = "".join(c["delta"].get("content") or "" for d in data for c in d["choices"])
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return Reply(body={"object": "chat.completion", "choices": [choice]})
    whole = [d.get("response", d) for d in data]
    return Reply(
        body=next(
            d
            for d in reversed(whole)
            if (d.get("status") == "completed" and "output" in d) or d.get("object") == "thread.run"
        )
    )


def oversized(_, reply):
    return (
        replace(reply, raw=b"data: " + b"x" * (65 << 20), events=None, piece=1 << 20)
        if is_reply(reply)
        else reply
    )


QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
HTML = {"content_type": "text/html", "body": b"<html>Bad gateway</html>"}

FAULTS: dict[str, Fault] = {
    "none": Fault(),
    "one-byte writes": Fault(after=lambda: lambda _, reply: replace(reply, piece=1)),
    "connection refused": Fault(down=True, codes=(7,)),
    "reset before the reply": Fault(before=lambda _: Reply(gone=True, reset=True), codes=(7,)),
    "closed before the reply": Fault(before=lambda _: Reply(gone=True), codes=(7,)),
    "401": status(401, 4),
    "403": status(403, 4),
    "404": status(404, 5),
    "408": status(408, 7),
    "409": status(409, 1),
    "429": status(429, 7, headers={"retry-after": "0"}),
    "429 for an hour": status(429, 7, headers={"retry-after": "3600"}),
    "429 once": replace(refused(429, headers={"retry-after": "0"}), codes=(0, 7)),
    "no quota": Fault(before=lambda _: Reply(status=429, body=QUOTA), codes=(7,)),
    "500": status(500, 7),
    "502 with a web page": status(502, 7, **HTML),
    "503": status(503, 7, headers={"retry-after": "0"}),
    "503 once": replace(refused(503, headers={"retry-after": "0"}), codes=(0, 7)),
    **{
        f"{status} after it was taken": taken((0, 7), status=status, body={"error": "oops"})
        for status in (500, 503, 504)
    },
    "no answer after it was taken": taken((0, 7), gone=True),
    "a redirect elsewhere": status(307, 3, headers={"location": "http://127.0.0.2:9/v1"}),
    "a web page": Fault(before=lambda _: replace(Reply(), **HTML), codes=(1,)),
    "garbage": Fault(after=lambda: garbage, codes=(1, 6, 7)),
    "unknown events": Fault(after=lambda: unknown),
    "JSON in place of a stream": Fault(after=lambda: plain),
    **{
        f"{how} after {n} bytes": cut(n, how) for n in (0, 1, 700, 1300) for how in ("fin", "reset")
    },
    "stall after 700 bytes": cut(700, "stall"),
}

COMMANDS: dict[str, tuple[list[str], bytes | None]] = {
    "ask": (["ask", PROMPT], None),
    "ask -t": (["ask", "-t", "THREAD", PROMPT], None),
    "ask -t again": (["ask", "-t", "TWICE", PROMPT], None),
    "chat": (["chat", "-t", "THREAD"], f"{PROMPT}\nexit\n".encode()),
    "threads new": (["threads", "new"], None),
    "threads show": (["threads", "show", "THREAD"], None),
    "threads history": (["threads", "history", "THREAD"], None),
    "threads delete": (["threads", "delete", "-y", "THREAD"], None),
    "copy there": (["-p", "here", "threads", "copy", "HERE", "--to", "far"], None),
    "copy here": (["threads", "copy", "THREAD", "--to", "here"], None),
}


class World:
    """A home, a server of a backend with a thread in it, and a local thread beside it."""

    def __init__(self, backend: str, folder: Path, forker) -> None:
        self.backend = backend
        self.home = Home(folder, forker)
        self.server = BACKENDS[backend]()
        if backend != "local":
            self.server.keys = (KEY,)
        self.home.environment["MY_KEY"] = KEY

    def settings(self) -> dict:
        if self.backend == "local":
            return {"backend": "local", "endpoint": self.server.url, "model": "test"}
        backend = "responses" if self.backend == "responses" else "assistants"
        return {"backend": backend, **self.server.settings}

    def configure(self, **more) -> None:
        settings = {**self.settings(), **more}
        lines = "".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items())
        self.home.configure(f'{lines}[profiles.here]\nbackend = "local"\n[profiles.far]\n{lines}')

    def prepare(self, words: list[str]) -> list[str]:
        """Make the threads that a command names, and give it with their ids."""
        self.configure()
        names = {}
        if {"THREAD", "TWICE", "HERE"}.intersection(words):
            self.home.run("ask", "Before")
            names["THREAD"] = names["TWICE"] = self.ids()[0]
        if "TWICE" in words:  # the ways of asking are known
            self.home.run("ask", "-c", "And before")
        if "HERE" in words:
            copied = self.home.run("threads", "copy", names["THREAD"], "--to", "here")
            names["HERE"] = copied[0].strip()
        return [names.get(word, word) for word in words]

    def ids(self) -> list[str]:
        path = self.home.data / "threads.db"
        if not path.exists() or not path.stat().st_size:  # nothing was written yet
            return []
        with closing(sqlite3.connect(path)) as db:
            return [row[0] for row in db.execute("SELECT id FROM threads ORDER BY number DESC")]

    def held(self) -> dict[str, list[tuple[str, str]]]:
        """What the server holds: roles and texts by thread."""
        if self.backend in ("assistants", "compatible"):
            return {
                i: [(m["role"], m["content"][0]["text"]["value"]) for m in messages]
                for i, messages in self.server.threads.items()
            }
        if self.backend == "responses":
            return {
                i: [(m["role"], m["content"][0]["text"]) for m in items]
                for i, items in self.server.conversations.items()
            }
        return {}


@dataclass(frozen=True)
class Outcome:
    """What a case came to."""

    code: int
    out: str
    err: str
    wrong: list[str]


def run(name: str, command: str, backend: str, folder: Path, forker, fault=None) -> Outcome:
    """Try one case; `wrong` says what does not hold."""
    fault = fault or FAULTS[name]
    world = World(backend, folder, forker)
    with world.server:
        words, stdin = COMMANDS[command]
        words = world.prepare(words)
        before = {i: list(messages) for i, messages in world.held().items()}
        asked = len(world.server.requests)
        spoil(world, name, fault)
        pipe = {"stdin": -1} if stdin else {}
        process = world.home.start(*words, **pipe)
        try:
            out, err = process.communicate(stdin, timeout=60)
        except subprocess.TimeoutExpired:
            return Outcome(-1, "", "", ["it took more than 60 s"])
        world.server.before = world.server.after = None
        answered = len(world.server.requests) > asked
        found = Outcome(process.returncode, out.decode(), err.decode(), [])
        check(world, found, fault, command, before, touched=answered or fault.down)
        return found


def spoil(world: World, name: str, fault: Fault) -> None:
    """Begin to do wrong."""
    world.configure(**fault.settings)
    if fault.before:
        world.server.before = once(fault) if name.endswith("once") else fault.before
    if fault.after:
        world.server.after = fault.after()
    if world.backend == "local":
        world.server.replies.append(Reply(REPLY))
    if fault.down:
        world.server._http.server_close()


def check(world, found, fault, command, before, *, touched) -> None:
    """Note what does not hold of all that must, whatever happens."""
    wrong = found.wrong
    local = world.backend == "local"
    remote = touched and not (local and not command.startswith(("ask", "chat")))
    codes = fault.codes if remote else (0,)
    if command in ("threads history", "copy here") and {5, 7} & set(codes):
        codes = (*codes, 6)  # from what is kept here, and said to be so
    if found.code not in codes:
        wrong.append(f"exit {found.code}, not one of {codes}")
    lines = found.err.splitlines()
    for word in ("Traceback", "unexpected", "Exception", KEY):
        if word in found.err or (word == KEY and word in found.out):
            wrong.append(f"{word} on stderr or stdout")
    notes = [line for line in lines if line.startswith("asstctl: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    if found.code and (not notes or len(hints) > 1):
        wrong.append(f"not one clean line: {lines}")
    checked_files(world, wrong)
    if not local:
        checked_prompts(world, found, command, wrong)
        checked_rest(world, found, command, before, wrong)
    if command.startswith("ask"):
        checked_text(world, found, wrong)


def checked_files(world, wrong) -> None:
    for path in world.home.path.rglob("*"):
        if path.is_file() and KEY.encode() in path.read_bytes():
            wrong.append(f"the key is in {path.name}")
    if not (world.home.data / "threads.db").exists():
        return
    with closing(sqlite3.connect(world.home.data / "threads.db")) as db:
        if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            wrong.append("the store is damaged")


def checked_prompts(world, found, command, wrong) -> None:
    """The prompt is on the server at most once, and once where its reply was shown."""
    if not command.startswith(("ask", "chat")):
        return
    said = Counter(text for messages in world.held().values() for role, text in messages)
    apart = "a thread may exist all the same" in found.err  # said: the prompt may be in both
    if said[PROMPT] > 1 + apart:
        wrong.append(f"the prompt is on the server {said[PROMPT]} times")
    if found.out and not said[PROMPT] and "does not hold" not in found.err:
        wrong.append("a reply was shown, and the server has no prompt")


def checked_rest(world, found, command, before, wrong) -> None:
    """Nothing else changed, nothing is locked, and the index knows no thread that is not."""
    held = world.held()
    for identity, messages in before.items():
        if command == "threads delete" and identity not in held:
            continue
        if held.get(identity, [])[: len(messages)] != messages:
            wrong.append(f"{identity} lost messages")
    if command == "threads delete" and "asstctl: deleted" not in found.err:
        return  # it may be deleted, and nobody said so: the index keeps what it knows
    for identity in world.ids():
        if not identity.startswith("local_") and identity not in held:
            wrong.append(f"the index has {identity}, the server has not")
    if world.backend in ("assistants", "compatible") and "is not known" not in found.err:
        # A new thread whose id never came is nothing that anybody could unlock.
        for runs in (world.server.runs.get(identity, []) for identity in world.ids()):
            for one in runs:
                if one["status"] in ("queued", "requires_action", "cancelling"):
                    wrong.append(f"{one['id']} is left {one['status']}")


def checked_text(world, found, wrong) -> None:
    """What was printed is a beginning of what the server says."""
    if world.backend == "local":
        replies = [REPLY, *(f"You said: {PROMPT} ({number})" for number in (1, 3, 5))]
    else:
        replies = [text for m in world.held().values() for role, text in m if role == "assistant"]
        replies += [f"You said: {PROMPT} ({number})" for number in (1, 3, 5)]
    if found.out and not any(text.startswith(found.out.rstrip("\n")) for text in replies):
        wrong.append(f"printed {found.out!r}, which the server never said")


def pairwise() -> list[tuple[str, str, str]]:
    """Give cases in which every pair of fault, command and backend is tried."""
    cases = list(product(FAULTS, COMMANDS, BACKENDS))
    missing = {pair for case in cases for pair in pairs(case)}
    chosen = []
    while missing:
        best = max(cases, key=lambda case: len(missing & pairs(case)))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


def pairs(case) -> set:
    name, command, backend = case
    return {("fc", name, command), ("fb", name, backend), ("cb", command, backend)}


def everything() -> dict[str, Fault]:
    """All faults, and cuts after every byte of a short stream, by several ways."""
    cuts = {f"fin after {n} bytes": cut(n, "fin") for n in range(STREAM)}
    cuts |= {f"reset after {n} bytes": cut(n, "reset") for n in range(0, STREAM, 5)}
    cuts |= {f"stall after {n} bytes": cut(n, "stall") for n in range(0, STREAM, 50)}
    large = {"an event of 65 MiB": Fault(after=lambda: oversized, codes=(0, 6, 7))}
    return {**FAULTS, **{n: f for n, f in (cuts | large).items() if n not in FAULTS}}


def main() -> None:
    """Run the full product and write its table."""
    cases = list(product(FAULTS, COMMANDS, BACKENDS))
    short = [n for n in everything() if n not in FAULTS]
    cases += list(product(short, ["ask"], BACKENDS))
    started = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), initializer=begin) as pool:
        outcomes = dict(zip(cases, pool.map(one, cases, chunksize=20), strict=True))
    failed = {case: outcome.wrong for case, outcome in outcomes.items() if outcome.wrong}
    write(outcomes, time.monotonic() - started)
    for case, wrong in failed.items():
        print(*case, wrong, sep=": ")
    print(f"{len(cases)} cases, {len(failed)} failed")
    sys.exit(bool(failed))


def begin() -> None:
    """Get a worker of the full run ready."""
    global FORKER, ALL
    FORKER, ALL = Forker(), everything()


def one(case) -> Outcome:
    """Try a case in a folder of its own."""
    name, command, backend = case
    with tempfile.TemporaryDirectory() as folder:
        return run(name, command, backend, Path(folder), FORKER, ALL[name])


def write(outcomes, seconds) -> None:
    """Write the table of exit codes into tests/README.md, below its mark."""
    path = Path(__file__).parent / "README.md"
    head = path.read_text().split("<!-- generated -->")[0]
    lines = ["<!-- generated -->", "", f"{len(outcomes)} cases in {seconds:.0f} s.", ""]
    lines += [f"| fault | {' | '.join(COMMANDS)} |", "|---" * (len(COMMANDS) + 1) + "|"]
    for name in FAULTS:
        cells = [
            " ".join(str(outcomes[name, command, backend].code) for backend in BACKENDS)
            for command in COMMANDS
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for how in ("fin", "reset", "stall"):
        codes = Counter(
            (backend, outcome.code)
            for (name, _, backend), outcome in outcomes.items()
            if name.startswith(f"{how} after") and name not in FAULTS
        )
        told = ", ".join(f"{b} {c}: {n}" for (b, c), n in sorted(codes.items()))
        lines.append(f"\n{how} after every byte (backend, exit code, times): {told}.")
    path.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
