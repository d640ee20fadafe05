"""Anything at all, from anywhere: no crash, no hang, and never more than linear work."""

import contextlib
import io
import json
import os
import re
import time
import tomllib

import pyte
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from asstctl import config
from asstctl.backends.assistants.run import Run
from asstctl.backends.local import chat
from asstctl.backends.responses.response import Response
from asstctl.errors import AsstctlError
from asstctl.model import Message, Thread
from asstctl.parts import Text
from asstctl.render._draft import Draft
from asstctl.render._tail import Tail
from asstctl.render.terminal import Harmless
from asstctl.transfer import archive, foreign
from asstctl.wire.sse import frames

EXAMPLES = int(os.environ.get("ASSTCTL_EXAMPLES", "25"))
"""Examples for each property; the full run says more."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
WORDS = [
    "id",
    "type",
    "object",
    "status",
    "delta",
    "content",
    "text",
    "value",
    "role",
    "user",
    "assistant",
    "message",
    "run",
    "response",
    "output",
    "item",
    "usage",
    "error",
    "code",
    "data",
    "event",
    "thread.run.created",
    "thread.message.delta",
    "response.completed",
    "response.output_text.delta",
    "output_index",
    "annotations",
    "required_action",
    "thread_id",
    "last_error",
    "incomplete_details",
    "reason",
    "function_call",
    "call_id",
    "name",
    "arguments",
    "choices",
    "finish_reason",
    "message_id",
    "completed",
    "failed",
    "in_progress",
    "requires_action",
    "submit_tool_outputs",
]
SHAPED = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(WORDS) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=14,
)
"""JSON in the words of the wires, in every shape but the right one."""

LINES = st.sampled_from(
    [
        b"data: x",
        b"data:",
        b"event: e",
        b": c",
        b"id: 1",
        b"retry: 5",
        b"",
        b"\xff\xfe",
        b"data: \xe6\xb1",
    ]
)
STREAM = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=30).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@fuzzed
@given(STREAM | st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=40))
def test_a_stream_says_the_same_however_it_is_cut_into_pieces(data, sizes):
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    whole = [frame for batch in frames([data]) for frame in batch]
    cut = [frame for batch in frames([*pieces, rest]) for frame in batch]
    assert cut == whole


@fuzzed
@given(st.lists(st.tuples(st.sampled_from(["", *WORDS]), SHAPED), max_size=8))
def test_whatever_a_stream_says_there_is_an_end_or_one_of_our_errors(events):
    batch = [(name, json.dumps(data).encode()) for name, data in events]
    run = Run("thread_1")
    with contextlib.suppress(AsstctlError):
        list(run.read(batch))
        run.calls()
        list(run.end())
    response = Response("conv_1", announced=False)
    with contextlib.suppress(AsstctlError):
        list(response.read(batch))
        list(response.end())
    with contextlib.suppress(AsstctlError):
        list(chat.events([chat.Chunks([chat.parsed(data)]) for _, data in batch]))


@fuzzed
@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
def test_whatever_a_file_holds_it_is_a_thread_or_one_of_our_errors(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_bytes(data)
    for found in archive.read(path):
        assert isinstance(found, archive.Archived | AsstctlError)


THREADS = st.fixed_dictionaries(
    {"schema": st.just(archive.SCHEMA), "thread": SHAPED, "messages": SHAPED}
) | st.fixed_dictionaries(
    {"export_schema": st.just(foreign.SCHEMA), "thread_id": SHAPED, "messages": SHAPED},
    optional={"thread": SHAPED, "runs": SHAPED, "files": SHAPED, "errors": SHAPED},
)


@fuzzed
@given(THREADS)
def test_a_thread_of_any_shape_is_one_or_one_of_our_errors(tmp_path_factory, found):
    with contextlib.suppress(AsstctlError):
        read = archive.parse(found, tmp_path_factory.getbasetemp(), {})
        "".join(archive.document(archive.Archived(read.thread, read.messages))).encode()


PARTS = st.builds(Text, st.text(max_size=20))
MESSAGES = st.builds(
    Message,
    id=st.text(max_size=8),
    role=st.sampled_from(["user", "assistant"]),
    parts=st.tuples(PARTS),
    created_at=st.none() | st.floats(0, 4e9),
    metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@fuzzed
@given(st.text(min_size=1, max_size=20), st.lists(MESSAGES, max_size=5))
def test_what_is_exported_is_imported_as_it_was(tmp_path_factory, identity, messages):
    thread = Thread(identity, "local", "", "")
    text = "".join(archive.document(archive.Archived(thread, messages)))
    read = archive.parse(json.loads(text), tmp_path_factory.getbasetemp(), {})
    assert read.thread.id == identity
    for before, after in zip(messages, read.messages, strict=True):
        assert (after.role, after.text, dict(after.metadata)) == (
            before.role,
            before.text,
            dict(before.metadata),
        )
        assert (after.created_at is None) == (before.created_at is None)
        assert abs((after.created_at or 0) - (before.created_at or 0)) < 1e-5
    assert archive.PLAIN_NAME.fullmatch(archive.file_name(thread, ""))


@fuzzed
@given(
    st.text(max_size=80)
    | st.dictionaries(st.sampled_from([*config.SETTINGS, "profiles", "x"]), JSON, max_size=4)
)
def test_whatever_the_settings_file_holds_it_is_settings_or_one_of_our_errors(
    tmp_path_factory, found
):
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    if isinstance(found, dict):
        lines = [f"{key} = {json.dumps(value)}" for key, value in found.items()]
        found = "\n".join(lines)
    path.write_text(found, "utf-8", "replace")
    with contextlib.suppress(tomllib.TOMLDecodeError, AsstctlError):
        loaded = config.load(path, None, {})
        for name in (None, *loaded.tables):
            loaded.settings(name)


@fuzzed
@given(
    st.lists(
        st.text(max_size=30)
        | st.sampled_from(["# a\n", "```\n", "| a | b |\n|--|--|\n", "* x\n", "> q\n", "\n"]),
        max_size=15,
    )
)
@example(["0\r0", "\r0", "\n", "```\n"])
def test_markdown_of_any_kind_is_drawn_to_its_end(pieces):
    draft = Draft(Console(file=io.StringIO(), width=40, force_terminal=True))
    for piece in pieces:
        draft.feed(piece)
        draft.look()
    _, tail = draft.look(end=True)
    assert tail == []


@fuzzed
@given(st.text(), st.lists(st.integers(0, 50), max_size=5))
def test_nothing_that_is_shown_steers_a_terminal_wherever_it_is_cut(text, cuts):
    safe = Harmless()
    shown, rest = "", "\x1b]0;title\x07" + text + "\x9b2J\u202e"
    for size in cuts:
        shown += safe.feed(rest[:size])
        rest = rest[size:]
    shown += safe.feed(rest) + safe.end()
    for letter in shown:
        assert letter in "\n\t" or (ord(letter) >= 32 and not 0x7F <= ord(letter) < 0xA0), ascii(
            shown
        )
        assert letter not in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


LETTERS = ["a", "b", " ", "─", "•", "中", "あ", "a\u0301", "\U0001f469\u200d\U0001f4bb"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "\x1b[35m", "\x1b[1;36m"]),
        st.lists(st.sampled_from(LETTERS), min_size=1, max_size=5).map("".join),
    ),
    max_size=4,
).map(lambda runs: "".join(f"{c}{t}\x1b[0m" if c else t for c, t in runs))


@fuzzed
@given(st.lists(st.lists(ROWS, max_size=4), max_size=6))
def test_rows_that_change_stand_on_the_screen_as_if_written_anew(tails):
    """Each tail replaces the one before; only what differs is written, and nothing is left over."""

    def screen(write):
        found = pyte.Screen(60, 12)
        out = io.StringIO()
        write(out)
        text = re.sub("\x1b\\[\\?2026[hl]", "", out.getvalue())
        pyte.Stream(found).feed(text.replace("\n", "\r\n"))
        cells = (found.buffer[y][x] for y in range(12) for x in range(60))
        return [(cell.data, cell.data != " " and (cell.fg, cell.bold)) for cell in cells]

    def step_by_step(out):
        tail = Tail(out)
        for rows in tails:
            tail.show([], rows)

    last = tails[-1] if tails else []
    assert screen(step_by_step) == screen(lambda out: Tail(out).show([], last))


@pytest.mark.parametrize("write", ["sse", "run", "response", "chat"])
def test_ten_times_the_stream_is_at_most_a_little_more_than_ten_times_the_work(write):
    """Steps are counted by the clock of the process, generously: quadratic work would be 100 times."""

    def seconds(count):
        started = time.process_time()
        if write == "sse":
            for _ in frames([b"data: " + b"x" * 20 + b"\n\n"] * count):
                pass
        elif write == "run":
            run = Run("t")
            list(run.facts({"id": "run", "status": "in_progress"}))
            part = {"index": 0, "type": "text", "text": {"value": "word "}}
            data = json.dumps({"id": "m", "delta": {"content": [part]}}).encode()
            for _ in range(count):
                list(run.read([("thread.message.delta", data)]))
        elif write == "response":
            response = Response("c", announced=True)
            data = json.dumps(
                {"type": "response.output_text.delta", "output_index": 0, "delta": "word "}
            ).encode()
            for _ in range(count):
                list(response.read([("", data)]))
        else:
            chunk = {"choices": [{"delta": {"content": "word "}, "finish_reason": None}]}
            with contextlib.suppress(AsstctlError):
                for _ in chat.events(chat.Chunks([chunk]) for _ in range(count)):
                    pass
        return time.process_time() - started

    seconds(500)
    small = min(seconds(1000) for _ in range(3))
    assert seconds(10_000) < 40 * max(small, 0.001)
