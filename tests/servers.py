"""Servers on loopback that play streams we wrote, in small pieces, with faults on demand."""

import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.filing import Filing, multipart


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
    delay: float = 0.0  # seconds before each event
    stall: float = 0.0  # seconds before the last delta
    cut: int | None = None  # bytes of the stream after which the connection is reset
    raw: bytes | None = None  # the stream itself
    events: Iterable[bytes] | None = None  # the stream, event by event
    reset: bool = False  # whether a cut is a reset; else the connection just ends
    gone: bool = False  # whether the connection ends without a word
    hang: float = 0.0  # seconds that a cut connection stays open
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None  # the phrase beside the status


class Server:
    """An HTTP server; `requests` is what it was asked, `replies` what it answers next."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.replies: deque[Reply] = deque()
        self.closed_early = threading.Event()
        self.before: Callable[[Request], Reply | None] | None = None  # answers in our place
        self.after: Callable[[Request, Reply], Reply] | None = None  # spoils what we answer
        handler = type("Handler", (_Handler,), {"server_": self})
        self._http = _Quiet(("127.0.0.1", port), handler)
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


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """Say nothing of connections that end as a test wants it."""


class ChatServer(Server):
    """A chat-completions server that says back what it was told, unless told otherwise."""

    models = ["test"]

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def answer(self, request: Request) -> Reply:
        if request.path.endswith("/models"):
            return Reply(body={"data": [{"id": name} for name in self.models]})
        if not request.path.rstrip("/").endswith("/chat/completions"):
            return error(404, f"no route {request.method} {request.path}")
        if self.replies:
            return self.replies.popleft()
        turns = [m for m in request.body["messages"] if m["role"] != "system"]
        text = f"You said: {turns[-1]['content']} ({len(turns)})"
        if request.body.get("stream"):
            return Reply(text)
        said = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": said, "finish_reason": "stop"}
        counted = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
        whole = {**CHUNK, "object": "chat.completion", "choices": [choice], "usage": counted}
        return Reply(body=whole)


NOW = 1_764_000_000

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": NOW, "model": "test"}


def chunk(delta: dict, finish: str | None = None) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**CHUNK, "choices": [choice]}


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
        events.append(sse({**CHUNK, "choices": [], "usage": counted}))
    return [*events, sse("[DONE]")] if reply.finish else events


def named(name: str, data: Any) -> bytes:
    return f"event: {name}\n".encode() + sse(data)


class ThreadsServer(Server):
    """A server of the threads wire that keeps threads, in the form of `form`.

    `form` is azure, project or compatible. It takes a prompt with the run and a thread with its
    run, unless `refuses` holds what it says to one of them, or `ignores_prompts` is set.
    """

    form = "azure"

    def __init__(self) -> None:
        super().__init__()
        self.keys = ("canary",)
        self.threads: dict[str, list[dict]] = {}
        self.runs: dict[str, list[dict]] = {}
        self.metadata: dict[str, dict] = {}
        self.refuses: dict[str, Reply] = {}  # by "new" and "old"
        self.ignores_prompts = False
        self.drops_metadata = False
        self.filing = Filing()
        self.steps: dict[str, list[dict]] = {}  # by run
        self.outputs: list[list[str]] = []  # what tools answered
        self.polls_left = 0  # how often a run is still in progress when it is asked for
        self.count = 0
        ada = {"id": "asst_1", "object": "assistant", "created_at": NOW, "name": "Ada"}
        self.assistants = {"asst_1": {**ada, "model": "gpt-4o", "tools": []}}

    @property
    def url(self) -> str:
        return (
            self.origin
            + {"azure": "/", "project": "/api/projects/p", "compatible": "/v1"}[self.form]
        )

    @property
    def prefix(self) -> str:
        return {"azure": "/openai", "project": "/api/projects/p", "compatible": "/v1"}[self.form]

    @property
    def settings(self) -> dict[str, str]:
        found = {"endpoint": self.url, "assistant_id": "asst_1", "api_key_env": "MY_KEY"}
        return found | ({"api_version": "2025-04-01-preview"} if self.form == "azure" else {})

    def posts(self) -> list[str]:
        """What was posted, without the ids."""
        return [
            request.path.partition("?")[0].removeprefix(self.prefix).replace("thread_1", "T")
            for request in self.requests
            if request.method == "POST"
        ]

    def wrong(self, request: Request) -> Reply | None:
        """Check what belongs to each form: the path, the version, the key, the header."""
        query = request.path.partition("?")[2]
        if not request.path.startswith(self.prefix + "/"):
            return error(404, "Resource not found")
        if self.form != "compatible" and "api-version=" not in query:
            return error(400, "Missing required query parameter: api-version")
        key = {"azure": "api-key"}.get(self.form, "authorization")
        if request.headers.get(key, "").removeprefix("Bearer ") not in self.keys:
            return error(401, "Access denied due to invalid key")
        if self.form == "azure" and "authorization" in request.headers:
            return error(401, "Two ways to sign in")
        if request.headers.get("openai-beta") != "assistants=v2":
            return error(400, "You must provide the 'OpenAI-Beta' header")
        return None

    def answer(self, request: Request) -> Reply:
        if wrong := self.wrong(request):
            return wrong
        path, _, query = request.path.removeprefix(self.prefix).partition("?")
        words = path.strip("/").split("/")
        body = request.body or {}
        match request.method, words:
            case "GET", ["files", identity, *rest] if identity in self.files:
                return self.file(identity, content=bool(rest))
            case _, ["files", *rest]:
                return self.filed(request.method, rest, body)
            case "POST", ["threads"]:
                return Reply(body=self.new_thread(body.get("metadata")))
            case "POST", ["threads", "runs"]:
                if refusal := self.refuses.get("new"):
                    return refusal
                return self.run(None, body)
            case "GET", ["threads"] if self.form == "project":
                listed = [{"id": t, "created_at": NOW, "metadata": {}} for t in self.threads]
                return Reply(body=self.page(listed, query))
            case "GET", ["assistants"]:
                return Reply(body=self.page(list(self.assistants.values()), query))
            case "GET", ["assistants", assistant] if assistant in self.assistants:
                return Reply(body=self.assistants[assistant])
            case _, [_] | ["assistants", _]:
                return error(404, f"no route {request.method} {path}")
        thread = words[1]
        if thread not in self.threads:
            return error(404, f"No thread found with id '{thread}'.")
        match request.method, words[2:]:
            case "GET", []:
                return Reply(
                    body={
                        "id": thread,
                        "object": "thread",
                        "created_at": NOW,
                        "metadata": self.metadata[thread],
                    }
                )
            case "DELETE", []:
                del self.threads[thread]
                return Reply(body={"id": thread, "object": "thread.deleted", "deleted": True})
            case "POST", ["messages"]:
                if active := self.active(thread):
                    return error(
                        400, f"Can't add messages to {thread} while a run {active['id']} is active."
                    )
                return Reply(body=self.said(thread, body))
            case "GET", ["messages"]:
                return Reply(body=self.page(self.threads[thread], query))
            case "POST", ["runs"]:
                if "additional_messages" in body and (refusal := self.refuses.get("old")):
                    return refusal
                return self.run(thread, body)
            case "GET", ["runs"]:
                return Reply(body=self.page(self.runs[thread], query))
            case "GET", ["runs", run, "steps"]:
                return Reply(body=self.page(self.steps.get(run, []), query))
            case "GET", ["runs", run]:
                found = next(r for r in self.runs[thread] if r["id"] == run)
                if self.polls_left:
                    self.polls_left -= 1
                elif found["status"] in ("queued", "in_progress") and found.pop(
                    "will_complete", True
                ):
                    self.complete(thread, found)
                elif found["status"] == "cancelling":
                    found["status"] = "cancelled"
                return Reply(body=found)
            case "POST", ["runs", run, "submit_tool_outputs"]:
                found = next(r for r in self.runs[thread] if r["id"] == run)
                self.outputs.append([o["output"] for o in body["tool_outputs"]])
                found |= {"required_action": None, "reply": f"It says: {self.outputs[-1]}"}
                reply = Reply(found["reply"])
                reply.events = self.stream(thread, found, reply, None)
                return reply
            case "POST", ["runs", run, "cancel"]:
                found = next(r for r in self.runs[thread] if r["id"] == run)
                if found["status"] not in ("queued", "in_progress", "requires_action"):
                    return error(400, f"Cannot cancel run with status '{found['status']}'.")
                found["status"] = "cancelling"
                return Reply(body=found)
        return error(404, f"no route {request.method} {path}")

    @property
    def files(self) -> dict[str, tuple[str, str, bytes]]:
        """Name, purpose and contents of each file, by its id."""
        return self.filing.files

    @files.setter
    def files(self, files: dict[str, tuple[str, str, bytes]]) -> None:
        self.filing.files = files

    def file(self, identity: str, *, content: bool) -> Reply:
        """What is said of a file, or its contents; those that users uploaded are refused."""
        return self.filed("GET", [identity, "content"] if content else [identity], None)

    def filed(self, method: str, words: list[str], body: Any) -> Reply:
        status, answer = self.filing.answer(method, words, body)
        binary = isinstance(answer, bytes)
        return Reply(
            status=status,
            body=answer,
            content_type="application/octet-stream" if binary else "application/json",
        )

    def identity(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def new_thread(self, metadata: dict | None = None) -> dict:
        identity = f"thread_{len(self.threads) + 1}"
        self.threads[identity], self.runs[identity] = [], []
        self.metadata[identity] = metadata or {}
        return {
            "id": identity,
            "object": "thread",
            "created_at": NOW,
            "metadata": self.metadata[identity],
        }

    def said(self, thread: str, message: dict) -> dict:
        """A message that was posted, with its metadata."""
        content = message["content"]
        said = self.say(thread, message["role"], content if isinstance(content, str) else "")
        if not isinstance(content, str):
            said["content"] = [
                {"type": "text", "text": {"value": part["text"], "annotations": []}}
                if part["type"] == "text"
                else part
                for part in content
            ]
        said["attachments"] = message.get("attachments") or []
        said["metadata"] = self.kept(message)
        return said

    def kept(self, thing: dict) -> dict:
        return {} if self.drops_metadata else thing.get("metadata") or {}

    def say(self, thread: str, role: str, text: str, run: str | None = None) -> dict:
        message = {
            "id": self.identity("msg"),
            "object": "thread.message",
            "created_at": NOW + self.count,
            "thread_id": thread,
            "role": role,
            "run_id": run,
            "status": "completed",
            "attachments": [],
            "metadata": {},
            "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        }
        self.threads[thread].append(message)
        return message

    def active(self, thread: str) -> dict | None:
        return next(
            (
                r
                for r in self.runs[thread]
                if r["status"] in ("queued", "in_progress", "requires_action", "cancelling")
            ),
            None,
        )

    def page(self, found: list[dict], query: str) -> dict:
        asked = dict(word.split("=") for word in query.split("&") if "=" in word)
        if asked.get("run_id"):
            found = [item for item in found if item["run_id"] == asked["run_id"]]
        found = found if asked.get("order") == "asc" else found[::-1]
        if after := asked.get("after"):
            found = found[[item["id"] for item in found].index(after) + 1 :]
        limit = int(asked.get("limit", 20))
        data = found[:limit]
        return {
            "object": "list",
            "data": data,
            "first_id": None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": len(found) > limit,
        }

    def run(self, thread: str | None, body: dict) -> Reply:
        if body.get("assistant_id") != "asst_1":
            return error(404, f"No assistant found with id '{body.get('assistant_id')}'.")
        if thread and (active := self.active(thread)):
            return error(400, f"Thread {thread} already has an active run {active['id']}.")
        reply = self.replies.popleft() if self.replies else None
        if reply and (reply.status >= 300 or reply.body is not None):
            return reply
        made = None
        if thread is None:
            made = self.new_thread()
            thread = made["id"]
        said = body.get("thread", {}).get("messages", []) + (
            [] if self.ignores_prompts else body.get("additional_messages", [])
        )
        for message in said:
            self.said(thread, message)
        prompts = [m for m in self.threads[thread] if m["role"] in ("user", "assistant")]
        last = prompts[-1]["content"][0]["text"]["value"] if prompts else "nothing"
        text = f"You said: {last} ({len(prompts)})"
        reply = reply or Reply(text)
        run = {
            "id": self.identity("run"),
            "object": "thread.run",
            "created_at": NOW + self.count,
            "thread_id": thread,
            "metadata": self.kept(body),
            "assistant_id": "asst_1",
            "status": "queued",
            "required_action": None,
            "last_error": None,
            "incomplete_details": None,
            "usage": None,
            "reply": reply.text if reply.words is None else "".join(reply.words),
            "instructions": body.get("instructions") or "",
            "model": body.get("model") or "gpt-5",
            "tools": [],
            "parallel_tool_calls": True,
        }
        self.runs[thread].append(run)
        if reply.raw is None and reply.events is None:
            reply.events = self.stream(thread, run, reply, made)
        elif reply.raw is not None:
            reply.events = self.played(thread, run, reply.raw)
        return reply

    def played(self, thread: str, run: dict, raw: bytes) -> Iterator[bytes]:
        """A stream that a test wrote, with this run's ids in it."""
        if b"requires_action" in raw:
            run["status"] = "requires_action"
        yield raw.replace(b"RUN", run["id"].encode()).replace(b"THREAD", thread.encode())

    def stream(self, thread: str, run: dict, reply: Reply, made: dict | None) -> Iterator[bytes]:
        words = (
            reply.words if reply.words is not None else reply.text.replace(" ", " \0").split("\0")
        )
        message = self.identity("msg")
        if made:
            yield named("thread.created", made)
        yield named("thread.run.created", run)
        run["status"] = "in_progress"
        yield named("thread.run.in_progress", run)
        for number, word in enumerate(words, 1):
            time.sleep(reply.stall if number == len(words) else 0)
            delta = {"content": [{"index": 0, "type": "text", "text": {"value": word}}]}
            yield named(
                "thread.message.delta",
                {"id": message, "object": "thread.message.delta", "delta": delta},
            )
        for step in self.steps.get(run["id"], []):
            yield named(f"thread.run.step.{step['status']}", step)
        yield named("thread.message.completed", self.complete(thread, run, message))
        yield named("thread.run.completed", run)
        yield named("done", "[DONE]")

    def complete(self, thread: str, run: dict, identity: str | None = None) -> dict:
        run["status"] = "completed"
        run["usage"] = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
        message = self.say(thread, "assistant", run["reply"], run["id"])
        if identity:
            message["id"] = identity
        return message


def error(status: int, message: str) -> Reply:
    return Reply(
        status=status,
        body={"error": {"message": message, "type": "invalid_request_error", "code": None}},
    )


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # an answer of two writes would wait 40 ms
    protocol_version = "HTTP/1.1"
    server_: Server

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        data = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        kind = headers.get("content-type", "")
        body = multipart(kind, data) if "multipart" in kind else json.loads(data) if data else None
        request = Request(self.command, self.path, headers, body)
        self.server_.requests.append(request)
        try:
            self._reply(self._answer(request))
        except OSError:
            self.server_.closed_early.set()
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _serve

    def _answer(self, request: Request) -> Reply:
        server = self.server_
        reply = server.before(request) if server.before else None
        if reply is None:
            reply = server.answer(request)
            reply = server.after(request, reply) if server.after else reply
        if reply.gone:
            self._hang_up(reset=reply.reset)
        return reply

    def _hang_up(self, *, reset: bool) -> None:
        """End the connection here and now, with a reset or without."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.close_connection = True
        raise ConnectionAbortedError

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
        events = reply.events or ([reply.raw] if reply.raw is not None else chat_events(reply))
        try:
            self._stream(reply, events)
        finally:
            if hasattr(events, "close"):  # whose reader left, or who was cut
                events.close()

    def _stream(self, reply: Reply, events: Iterable[bytes]) -> None:
        sent = 0
        for event in events:
            if reply.delay:
                time.sleep(reply.delay)
            for start in range(0, len(event), reply.piece):
                piece = event[start : start + reply.piece]
                if reply.cut is not None and sent + len(piece) > reply.cut:
                    self._write(piece[: reply.cut - sent])
                    time.sleep(reply.hang)
                    if reply.reset:
                        self._hang_up(reset=True)
                    self.close_connection = True
                    return
                self._write(piece)
                sent += len(piece)
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, reply: Reply, content_type: str) -> None:
        self.send_response(reply.status, reply.reason)
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
