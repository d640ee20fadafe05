"""Functions that a model calls, answered by commands that the user chose for their names.

A profile's `tools` is either a list of the server's own tools, passed on as they are, or a table
`[tools.NAME]` with the `command` that answers; the table's other keys describe the tool to the
server.
"""

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from asstctl._json import sound
from asstctl._record import record
from asstctl._signals import Held
from asstctl.config.settings import Settings
from asstctl.errors import IncompleteError
from asstctl.model import bounded
from asstctl.parts import ToolCall

OURS = ("command", "confirm", "timeout", "env")
"""The keys of a tool's table that are not sent to the server."""

TIMEOUT = 60.0
"""Seconds that a command may take where its table does not say."""

LARGEST_OUTPUT = 256 * 1024
"""Bytes that a command may print; more ends it."""


LONGEST_ASKED = 300
"""Characters of a call's arguments that a question shows."""


@record
class Tool:
    """A command that answers calls; `confirm` says whether the user is asked before."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    confirm: bool = True
    timeout: float = TIMEOUT


def offered(tools: Any) -> list[dict[str, Any]] | None:
    """Return the tools of a profile as a server takes them, None where there are none."""
    if not isinstance(tools, Mapping):
        return tools if tools is None else list(tools)
    told = [described(name, table) for name, table in tools.items()]
    return [tool for tool in told if tool] or None


def described(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool's table as a server takes it, {} where it has our own keys alone."""
    facts = {key: value for key, value in table.items() if key not in OURS}
    if not facts:
        return {}
    kind = facts.pop("type", "function")
    return {"type": kind, **({"name": name} if kind == "function" else {}), **facts}


def answering(settings: Settings, environment: Mapping[str, str]) -> dict[str, Tool]:
    """Return a profile's tools that a command answers, by name."""
    tables = settings.tools if isinstance(settings.tools, Mapping) else {}
    return {
        name: Tool(
            name,
            settings.program(table["command"]),
            settings.childrens(environment, table.get("env", ())),
            table.get("confirm", True),
            table.get("timeout", TIMEOUT),
        )
        for name, table in tables.items()
        if "command" in table
    }


REFUSED = '{"error": "the user did not allow this call"}'
"""The answer to a call that the user refused."""


class Consent:
    """The tools that the user allowed; each is asked about once a session.

    `ask` puts a question and returns the answer, None where there is nobody to ask.
    """

    def __init__(self, ask: Callable[[str], bool | None], *, everything: bool) -> None:
        self._ask = ask
        self._everything = everything
        self._allowed: dict[str, bool | None] = {}

    def allows(self, tool: Tool, call: ToolCall) -> bool | None:
        """Return whether a tool may run, None where there is nobody to ask."""
        if self._everything or not tool.confirm:
            return True
        if tool.name not in self._allowed:
            question = f"run {tool.command[0]} for {tool.name} with {framed(call.arguments)}?"
            self._allowed[tool.name] = self._ask(question)
        return self._allowed[tool.name]


def framed(arguments: str) -> str:
    """Return arguments as a question shows them: bounded, in marks that they can't close."""
    inner = arguments.replace("\u201c", "'").replace("\u201d", "'")
    return f"\u201c{bounded(inner, LONGEST_ASKED)}\u201d"


def answers(
    calls: list[ToolCall], tools: Mapping[str, Tool], consent: Consent | None
) -> dict[str, str]:
    """Answer every call by its tool; return the answers by the calls' ids.

    Raises IncompleteError where one has no tool, or nobody is there to allow it.
    """
    outputs: dict[str, str] = {}
    for call in calls:
        tool = tools.get(call.name)
        allowed = consent.allows(tool, call) if tool and consent else None
        if tool is None or allowed is None:
            raise IncompleteError(
                f"the model calls {listed(calls)}, and nothing here answers",
                hint="--yes allows it" if tool else None,
            )
        outputs[call.id] = answer(tool, call) if allowed else REFUSED
    if not calls:
        raise IncompleteError("the model calls a tool, and nothing here answers")
    return outputs


def listed(calls: list[ToolCall]) -> str:
    """Return calls as one line."""
    return ", ".join(f"{call.name}({bounded(call.arguments, LONGEST_ASKED)})" for call in calls)


def answer(tool: Tool, call: ToolCall) -> str:
    """Run a tool's command with the call's arguments on its stdin; return the answer.

    A failure is answered by a JSON object with `error`.
    """
    try:
        code, out, err = run(tool, sound(call.arguments).encode())
    except TimeoutError:
        return json.dumps({"error": f"{tool.name} took more than {tool.timeout:g} s"})
    except OSError as error:
        return json.dumps({"error": f"can't run {tool.command[0]}: {error.strerror}"})
    if len(out) > LARGEST_OUTPUT:
        return json.dumps({"error": f"{tool.name} printed more than {LARGEST_OUTPUT >> 10} KiB"})
    text = out.decode("utf-8", "replace")
    if code:
        said = err.decode("utf-8", "replace").strip()[-2000:]
        return json.dumps({"error": f"exit {code}", "stderr": said, "stdout": text})
    return text


def run(tool: Tool, data: bytes) -> tuple[int, bytes, bytes]:
    """Run a command in a session of its own: it and its children end with us, or in time.

    Return its exit code, stdout and stderr, a little more than LARGEST_OUTPUT of each at most.
    Raises TimeoutError, and OSError where it can't be run.
    """
    end = time.monotonic() + tool.timeout
    process = None
    try:
        with Held():  # a signal in between would leave a process that nobody ends
            process = subprocess.Popen(
                tool.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=tool.environment,
            )
        out, err = exchanged(process, data, end)
        code = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    finally:
        if process:
            kill(process)
    return code, out, err


def exchanged(process: "subprocess.Popen[bytes]", data: bytes, end: float) -> tuple[bytes, bytes]:
    """Write `data` to a process and return its stdout and stderr; raises TimeoutError."""
    if not hasattr(os, "killpg"):  # no POSIX: pipes can't be waited for
        from asstctl._pipes import exchanged as by_threads

        return by_threads(process, data, end, LARGEST_OUTPUT)
    assert process.stdin and process.stdout and process.stderr  # noqa: S101, PT018 - as started
    printed: dict[Any, list[bytes]] = {process.stdout: [], process.stderr: []}
    with selectors.DefaultSelector() as ready:
        for stream in printed:
            ready.register(stream, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        ready.register(process.stdin, selectors.EVENT_WRITE)
        while ready.get_map():
            events = ready.select(max(0.0, end - time.monotonic()))
            if not events:
                raise TimeoutError
            for key, _ in events:
                source: Any = key.fileobj
                if source is process.stdin:
                    data = written(process, data)
                    done = not data
                else:
                    piece = os.read(key.fd, 65536)
                    printed[source].append(piece)
                    done = not piece or sum(map(len, printed[source])) > LARGEST_OUTPUT
                if done:
                    ready.unregister(source)
                    source.close()
    return b"".join(printed[process.stdout]), b"".join(printed[process.stderr])


def written(process: "subprocess.Popen[bytes]", data: bytes) -> bytes:
    """Write as much as a process takes and return the rest, b"" where it does not read."""
    assert process.stdin  # noqa: S101 - as started
    try:
        return data[os.write(process.stdin.fileno(), data) :]
    except BrokenPipeError:
        return b""


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started."""
    if not hasattr(os, "killpg"):
        from asstctl._pipes import end_tree

        end_tree(process)
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS says so of what has ended
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    process.wait()
