"""Servers on loopback that play streams we wrote, in small pieces, with faults on demand."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What to answer to one request: a stream of events, or a plain answer."""

    text: str = ""
    words: list[str] | None = None  # the deltas; else the text cut into words
    status: int = 200
    body: Any = None  # a plain answer in place of a stream
    content_type: str = "text/event-stream"
    finish: str | None = "stop"
    usage: bool = True
    piece: int = 7  # bytes a write
    delay: float = 0.0  # seconds before each delta
    cut: int | None = None  # bytes of the stream after which the connection is reset
    raw: bytes | None = None  # the stream itself
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """An HTTP server; `requests` is what it was asked, `replies` what it answers next."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: deque[Reply] = deque()
        self.closed_early = threading.Event()
        handler = type("Handler", (_Handler,), {"server_": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def asked(self, path: str) -> list[Request]:
        return [
            request for request in self.requests if request.path.partition("?")[0].endswith(path)
        ]

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError


class ChatServer(Server):
    """A chat-completions server that says back what it was told, unless told otherwise."""

    models = ["test"]

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def answer(self, request: Request) -> Reply:
        if request.path.endswith("/models"):
            return Reply(body={"data": [{"id": name} for name in self.models]})
        if self.replies:
            return self.replies.popleft()
        turns = [m for m in request.body["messages"] if m["role"] != "system"]
        return Reply(f"You said: {turns[-1]['content']} ({len(turns)})")


def chunk(delta: dict, finish: str | None = None) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "test", "choices": [choice]}


def sse(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, str) else json.dumps(data)).encode() + b"\n\n"


def chat_events(reply: Reply) -> list[bytes]:
    words = reply.words if reply.words is not None else reply.text.replace(" ", " \0").split("\0")
    events = [sse(chunk({"role": "assistant", "content": None}))]
    events += [sse(chunk({"content": word})) for word in words]
    if reply.finish:
        events.append(sse(chunk({}, reply.finish)))
    if reply.usage:
        counted = {
            "prompt_tokens": 11,
            "completion_tokens": len(words),
            "total_tokens": 11 + len(words),
        }
        events.append(sse({"choices": [], "usage": counted}))
    return [*events, sse("[DONE]")] if reply.finish else events


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_: Server
    events: Callable[[Reply], list[bytes]] = staticmethod(chat_events)

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        data = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, json.loads(data) if data else None)
        self.server_.requests.append(request)
        try:
            self._reply(self.server_.answer(request))
        except OSError:
            self.server_.closed_early.set()
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _serve

    def _reply(self, reply: Reply) -> None:
        if reply.body is not None or reply.status >= 300:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self._head(
                reply,
                "application/json"
                if reply.content_type == "text/event-stream"
                else reply.content_type,
            )
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self._head(reply, reply.content_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events = [reply.raw] if reply.raw is not None else self.events(reply)
        sent = 0
        for event in events:
            if reply.delay:
                time.sleep(reply.delay)
            for start in range(0, len(event), reply.piece):
                piece = event[start : start + reply.piece]
                if reply.cut is not None and sent + len(piece) > reply.cut:
                    self._write(piece[: reply.cut - sent])
                    self.close_connection = True
                    return
                self._write(piece)
                sent += len(piece)
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, content_type: str) -> None:
        self.send_response(reply.status)
        for name, value in {
            "content-type": content_type,
            "x-request-id": "req_test",
            **reply.headers,
        }.items():
            self.send_header(name, value)

    def _write(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()
