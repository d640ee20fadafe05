"""A fast server on loopback: every byte of an answer is made once, so it is not what is measured.

Options stand in the base URL: `http://127.0.0.1:PORT/n=1000,wait=300,pause=10,messages=20000/v1`.

n         deltas in a reply
wait      milliseconds before a reply's first delta, and before any other answer
pause     milliseconds between deltas, or between groups of them
group     deltas that are sent at once, 1 where it does not say
whole     1: all of a reply is one delta
stamps    1: a delta is the clock (ns) at which it is sent, in paragraphs of 20
messages  messages in a thread that is listed
"""

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

NOW = 1_764_000_000
PROSE = [
    "words",
    "that",
    "come",
    "one",
    "by",
    "one",
    "until",
    "the",
    "whole",
    "of",
    "a",
    "long",
    "answer",
    "has",
    "been",
    "said",
]


@lru_cache
def words(count: int) -> list[str]:
    """About `count` words of Markdown: headings, prose, lists, code, quotes and tables."""
    blocks = [
        lambda w: f"## {' '.join(w[:3])}\n\n",
        lambda w: " ".join(w[:40]) + ".\n\n",
        lambda w: "".join(f"* **{a}** {b}\n" for a, b in zip(w[:8], w[8:16], strict=True)) + "\n",
        lambda w: (
            "```python\n"
            + "".join(f"{a} = {b!r}\n" for a, b in zip(w, w[1:9], strict=False))
            + "```\n\n"
        ),
        lambda w: "> " + " ".join(w[:12]) + "\n\n",
        lambda w: (
            "| a | b |\n|---|---|\n"
            + "".join(f"| {a} | {b} |\n" for a, b in zip(w[:4], w[4:8], strict=True))
            + "\n"
        ),
    ]
    made: list[str] = []
    number = 0
    while len(made) < count:
        start = number * 7 % len(PROSE)
        source = (PROSE * 4)[start : start + 41]
        text = blocks[number % len(blocks)](source)
        made += [piece for piece in text.replace(" ", " \0").split("\0") if piece]
        number += 1
    return made[:count]


def sse(name: str, data: dict | str) -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def chat(count: int) -> tuple[bytes, list, bytes]:
    """The first bytes of a reply, what makes each delta, and the last bytes."""

    def delta(word: str) -> bytes:
        return sse("", {"choices": [{"index": 0, "delta": {"content": word}}]})

    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return b"", [delta] * count, sse("", end) + sse("", "[DONE]")


def threads(count: int) -> tuple[bytes, list, bytes]:
    run = {"id": "run_1", "object": "thread.run", "thread_id": "thread_bench_1", "status": "queued"}

    def delta(word: str) -> bytes:
        part = {"index": 0, "type": "text", "text": {"value": word}}
        message = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [part]}}
        return sse("thread.message.delta", message)

    done = {**run, "status": "completed"}
    end = sse("thread.run.completed", done) + sse("done", "[DONE]")
    return sse("thread.run.created", run), [delta] * count, end


@lru_cache
def reply(kind: str, count: int, whole: bool) -> bytes:
    begin, deltas, end = {"chat": chat, "threads": threads}[kind](count)
    said = ["".join(words(count))] if whole else words(count)
    return begin + b"".join(make(word) for make, word in zip(deltas, said, strict=False)) + end


@cache
def page(total: int, first: int, size: int, newest_first: bool) -> bytes:
    numbers = range(total)[::-1] if newest_first else range(total)
    data = [
        {
            "id": f"msg_{n}",
            "object": "thread.message",
            "created_at": NOW + n,
            "role": ("user", "assistant")[n % 2],
            "content": [{"type": "text", "text": {"value": "word " * 80, "annotations": []}}],
            "metadata": {},
        }
        for n in numbers[first : first + size]
    ]
    more = first + size < total
    last = data[-1]["id"] if data else None
    return json.dumps({"object": "list", "data": data, "last_id": last, "has_more": more}).encode()


class Quiet(ThreadingHTTPServer):
    """Says nothing of connections that clients reset."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a client's late ACK costs 40 ms an answer
    wbufsize = -1  # an answer is one write
    asked: Counter = Counter()
    said: list[dict] = []  # prompts that came with a run

    def log_message(self, *_: object) -> None:
        pass

    def options(self) -> tuple[dict[str, float], str, dict[str, str]]:
        path, _, query = self.path.partition("?")
        first, _, rest = path.lstrip("/").partition("/")
        options = {
            "n": 100.0,
            "wait": 0.0,
            "pause": 0.0,
            "group": 1.0,
            "stamps": 0.0,
            "whole": 0.0,
            "messages": 100.0,
        }
        if "=" in first:
            options |= {k: float(v) for k, v in (pair.split("=") for pair in first.split(","))}
            path = "/" + rest
        return options, path, dict(parse_qsl(query))

    def do_GET(self) -> None:
        options, path, query = self.options()
        self.asked[self.command] += 1
        time.sleep(options["wait"] / 1000)
        if path == "/asked":
            body = json.dumps(self.asked).encode()
            self.asked.clear()
        elif path.endswith("/messages"):
            total, size = int(options["messages"]), int(query.get("limit", 20))
            newest = query.get("order", "desc") == "desc"
            after = query.get("after")
            first = 0
            if after:
                number = int(after.removeprefix("msg_"))
                first = (total - number) if newest else number + 1
            body = page(total, first, size, newest)
            if self.said and newest and not after:
                body = json.dumps({"data": self.said[::-1], "has_more": False}).encode()
        elif path.endswith("/models"):
            body = b'{"object": "list", "data": [{"id": "test", "object": "model"}]}'
        else:
            body = b'{"id": "thread_bench_1", "object": "thread", "created_at": 1, "metadata": {}}'
        self.whole(body)

    def do_POST(self) -> None:
        options, path, _ = self.options()
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")
        for said in body.get("additional_messages", ()):
            self.said.append({"id": f"msg_s{len(self.said)}", **said})
        self.asked[self.command] += 1
        if path.endswith("/chat/completions"):
            self.stream("chat", options)
        elif path.endswith("/runs"):
            self.stream("threads", options)
        else:
            self.whole(
                b'{"id": "thread_bench_1", "object": "thread", "created_at": 1, "metadata": {}}'
            )

    def whole(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def stream(self, kind: str, options: dict[str, float]) -> None:
        count = int(options["n"])
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        time.sleep(options["wait"] / 1000)
        with contextlib.suppress(OSError):
            if options["pause"]:
                begin, deltas, end = {"chat": chat, "threads": threads}[kind](count)
                self.chunk(begin)
                together = b""
                for number, (make, word) in enumerate(zip(deltas, words(count), strict=True), 1):
                    if options["stamps"]:
                        time.sleep(options["pause"] / 1000)
                        space = " " if number % 20 else ".\n\n"
                        self.chunk(make(f"{time.monotonic_ns():018}{space}"))
                        continue
                    together += make(word)
                    if number % options["group"] == 0:
                        time.sleep(options["pause"] / 1000)
                        self.chunk(together)
                        together = b""
                self.chunk(together)
                self.chunk(end)
            else:
                data = reply(kind, count, bool(options["whole"]))
                for start in range(0, len(data), 65536):
                    self.chunk(data[start : start + 65536])
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()


def main() -> None:
    server = Quiet(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # until who started us ends


if __name__ == "__main__":
    main()
