"""Wrong values in every field of every object that our servers say.

`python -m tests.mutations` tries all of them; the suite tries a part.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.conftest import Home
from tests.forker import Forker
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, ThreadsServer, chat_events

VALUES = [None, True, 0, -1, 1e300, "", "\ud800x", [], {}, [[None]], "../x%2f"]
"""Wrong in nearly every place."""

COMMANDS = {
    "ask": ["ask", "Hello"],
    "ask -o json --stats": ["ask", "-o", "json", "--stats", "Hello"],
    "ask -c": ["ask", "-t", "THREAD", "Again"],
    "history": ["threads", "history", "THREAD"],
    "history --last": ["threads", "history", "THREAD", "--last", "2", "-o", "json"],
    "show": ["threads", "show", "THREAD"],
    "export": ["threads", "export", "THREAD"],
    "copy": ["threads", "copy", "THREAD", "--to", "here"],
    "list --remote": ["threads", "list", "--remote"],
    "assistants list": ["assistants", "list"],
    "assistants show": ["assistants", "show"],
    "recover": ["threads", "recover", "THREAD"],
    "unlock": ["threads", "unlock", "THREAD"],
    "delete": ["threads", "delete", "-y", "THREAD"],
}


class Project(ThreadsServer):
    form = "project"


class FoundryProject(ResponsesServer):
    form = "project"

    def __init__(self) -> None:
        super().__init__()
        newest = {"definition": {"model": "test", "kind": "prompt"}, "version": "1"}
        agent = {"id": "a", "name": "a", "object": "agent", "versions": {"latest": newest}}
        self.agents = {"a": agent}

    @property
    def settings(self):
        return super().settings | {"agent": "a"}


class Resource(ResponsesServer):
    form = "resource"


class Calling(Project):
    """A server whose runs end with a call."""

    def stream(self, thread, run, reply, made):
        *events, last, done = super().stream(thread, run, reply, made)
        yield from events
        run["status"] = "requires_action"
        function = {"name": "f", "arguments": "{}"}
        call = {"id": "call_1", "type": "function", "function": function}
        wanted = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
        run["required_action"] = wanted
        yield last.replace(b"event: thread.run.completed", b"event: thread.run.requires_action")
        yield done


WORLDS = {
    "local": ChatServer,
    "assistants": Project,
    "assistants, calling": Calling,
    "responses": ResponsesServer,
    "responses, agents": FoundryProject,
    "responses, chains": Resource,
}


def fields(found, path=()):
    """Yield the path of every field in JSON; a list's items share one."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield (*path, key)
            yield from fields(value, (*path, key))
    elif isinstance(found, list):
        for value in found:
            yield from fields(value, (*path, "*"))


def changed(found, path, value):
    """JSON with a value at a path, wherever that is there."""
    if not path:
        return value
    first, *rest = path
    if first == "*" and isinstance(found, list):
        return [changed(item, rest, value) for item in found]
    if isinstance(found, dict) and first in found:
        return {**found, first: changed(found[first], rest, value)}
    return found


def said(reply):
    """The objects in an answer, and how to put them back."""
    if reply.body is not None and not isinstance(reply.body, bytes):
        return [reply.body], lambda objects: replace(reply, body=objects[0])
    if reply.status != 200 or (
        reply.raw is None and reply.events is None and reply.body is not None
    ):
        return [], lambda _: reply
    events = [reply.raw] if reply.raw is not None else list(reply.events or chat_events(reply))
    heads, objects = [], []
    for event in events:
        head, _, data = event.partition(b"data: ")
        heads.append(head)
        objects.append(None if b"[DONE]" in data else json.loads(data))

    def back(found):
        pieces = [
            event if one is None else head + b"data: " + json.dumps(one).encode() + b"\n\n"
            for event, head, one in zip(events, heads, found, strict=True)
        ]
        return replace(reply, events=pieces, raw=None)

    return objects, back


def world(name, folder, forker):
    """A home with a thread, on a server of a kind."""
    home, server = Home(folder, forker), WORLDS[name]()
    home.environment["MY_KEY"] = "canary"
    settings = (
        {"backend": "local", "endpoint": server.url, "model": "test"}
        if name == "local"
        else {"backend": name.partition(",")[0], **server.settings}
    )
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    home.configure(f'{lines}timeout = 2\n[profiles.here]\nbackend = "local"\n')
    return home, server


def words_of(command, home):
    thread = home.run("threads", "list", "-q")[0].split()[:1] or ["thread_1"]
    return [thread[0] if word == "THREAD" else word for word in COMMANDS[command]]


def seen(name, command, forker):
    """The fields of all objects that the server says under a command."""
    with tempfile.TemporaryDirectory() as folder:
        home, server = world(name, Path(folder), forker)
        found = set()

        def after(_, reply):
            objects, back = said(reply)
            for one in objects:
                found.update(fields(one))
            return back(objects) if objects else reply

        with server:
            home.run("ask", "Before", code=None)
            words = words_of(command, home)
            server.after = after
            home.run(*words, code=None)
        return sorted(found)


def tried(name, command, path, value, forker):
    """Try one wrong value; return what does not hold."""
    with tempfile.TemporaryDirectory() as folder:
        home, server = world(name, Path(folder), forker)

        def after(_, reply):
            objects, back = said(reply)
            return back([changed(one, path, value) for one in objects]) if objects else reply

        with server:
            home.run("ask", "Before", code=None)
            words = words_of(command, home)
            server.after = after
            process = home.start(*words)
            try:
                _, err = process.communicate(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                return ["it took more than 40 s"]
        wrong = []
        told = err.decode("utf-8", "replace")
        if "unexpected" in told or "Traceback" in told:
            wrong.append(told.splitlines()[0])
        if process.returncode not in range(8):
            wrong.append(f"exit {process.returncode}")
        if process.returncode and not told:
            wrong.append("no word")
        return wrong


def cases(forker):
    """Every field of every object, under the first command that reads it, with every value."""
    for name in WORLDS:
        once = set()
        for command in COMMANDS:
            new = [path for path in seen(name, command, forker) if path not in once]
            once.update(new)
            yield from ((name, command, path, value) for path in new for value in VALUES)


def begin():
    """Get a worker of the full run ready."""
    global FORKER  # noqa: PLW0603 - one for each worker's process
    FORKER = Forker()


def one(case):
    return tried(*case, FORKER)


def main():
    """Try the full product."""
    found = list(cases(Forker()))[
        int(sys.argv[1]) if sys.argv[1:] else 0 :: int(sys.argv[2]) if sys.argv[2:] else 1
    ]
    with ProcessPoolExecutor(os.cpu_count(), initializer=begin) as pool:
        outcomes = list(zip(found, pool.map(one, found, chunksize=20), strict=True))
    failed = [(case, wrong) for case, wrong in outcomes if wrong]
    for case, wrong in failed:
        print(*map(ascii, case), ascii(wrong), sep=" | ")
    print(f"{len(found)} wrong values, {len(failed)} not as they should be")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
