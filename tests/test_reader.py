"""The readers of streams alone: cut after every byte, in pieces of every size."""

import contextlib
import itertools

import pytest

from asstctl.backends.assistants.run import Run
from asstctl.backends.local import chat
from asstctl.backends.responses.response import Response
from asstctl.errors import AsstctlError, IncompleteError
from asstctl.events import RunFinished, TextDelta
from asstctl.render._answer import Answer
from asstctl.wire.sse import frames
from tests import test_responses, test_threads_wire
from tests.servers import Reply, chat_events


def joined(events):
    return b"".join(events) if not isinstance(events, bytes) else events


STREAMS = {
    **{f"threads: {n}": ("run", joined(s)) for n, s in test_threads_wire.QUIRKS.items()},
    **{f"responses: {n}": ("response", joined(s)) for n, s in test_responses.QUIRKS.items()},
    "chat": ("chat", b"".join(chat_events(Reply("Hello there, 汉字 and 🙂.")))),
}


def read(kind, pieces):
    """Give the text that a reader gives, whether it says that the reply ended, and its error."""
    text, ended = [], False
    reader = Run("THREAD") if kind == "run" else Response("conv_1", announced=False)

    def events():
        if kind == "chat":
            batches = (
                chat.Chunks(chat.parsed(data) for _, data in batch) for batch in frames(pieces)
            )
            yield from chat.events(batches)
            return
        for batch in frames(pieces):
            yield from reader.read(batch)
        if reader.final:
            yield from reader.end()

    try:
        for event in events():
            if isinstance(event, TextDelta):
                text.append(event.text)
            ended = ended or isinstance(event, RunFinished)
    except AsstctlError as error:
        return "".join(text), ended, type(error).__name__
    return "".join(text), ended, None


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_cut_after_any_byte_gives_a_beginning_and_never_claims_an_end(name):
    kind, data = STREAMS[name]
    whole, ended, _ = read(kind, [data])
    last = len(data.rstrip(b"\r\n"))
    for size in range(len(data)):
        text, claimed, _ = read(kind, [data[:size]])
        assert whole.startswith(text.rstrip("\ufffd")), size
        if claimed and not (ended and text == whole):
            assert size >= last, size


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_in_pieces_of_any_size_gives_the_same(name):
    kind, data = STREAMS[name]
    whole = read(kind, [data])
    for size in (*range(1, 40), 64, 100, 1000):
        pieces = (data[start : start + size] for start in range(0, len(data), size))
        assert read(kind, pieces) == whole, size


def test_every_reader_is_read():
    assert {kind for kind, _ in STREAMS.values()} == {"run", "response", "chat"}
    assert len(list(itertools.chain(*STREAMS.values()))) > 40
    with contextlib.suppress(AsstctlError):
        read("chat", [])


def test_an_opening_bracket_that_is_no_marker_holds_nothing_up():
    answer = Answer()
    assert answer.feed(TextDelta("See 【4:")) == "See "
    assert answer.feed(TextDelta("a note that goes on" * 5)).startswith("【4:a note")
    assert answer.feed(TextDelta(" and on")) == " and on"
    assert answer.end() == ""


def test_a_marker_that_was_cut_is_shown_as_it_came():
    answer = Answer()
    assert answer.feed(TextDelta("See 【4:0†sou")) == "See "
    assert answer.end() == "【4:0†sou"


def test_the_bound_of_an_event_counts_what_came_behind_another_one():
    half = b"x" * (40 << 20)
    with pytest.raises(IncompleteError, match="more than 64 MiB"):
        list(frames([b"data: first\n\ndata: " + half, half]))


def test_an_item_that_is_no_object_hides_no_other():
    said = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    response = Response("conv_1", announced=False)
    events = list(response.facts({"id": "r", "status": "completed", "output": [None, 7, said]}))
    assert TextDelta("Hello") in events
