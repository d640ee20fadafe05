"""Our fake servers say what the real ones do: their objects fit the models of the vendor's client.

The release that it was tried with is named here; `.ci/run` has it, `.ci/full` tries the newest.
"""

import json
import os
from importlib.metadata import version
from typing import Annotated, get_args, get_origin

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, Request, ThreadsServer, chat_events

TRIED = "3.57.0"

pytestmark = pytest.mark.skipif(
    version("openai") != TRIED and not os.environ.get("ASSTCTL_NEWEST"),
    reason=f"the models are tried with openai {TRIED}, and with the newest in .ci/full",
)


def asked(server, method, path, body=None):
    """What a server answers: an object, or the events of a stream, whole."""
    headers = {
        "api-key": "canary",
        "authorization": "Bearer canary",
        "openai-beta": "assistants=v2",
    }
    if isinstance(server, ThreadsServer):
        del headers["authorization"]
    prefix = getattr(server, "prefix", "/v1")
    reply = server.answer(Request(method, prefix + path, headers, body))
    assert reply.status == 200, reply.body
    if reply.body is not None:
        return reply.body
    found = []
    for event in reply.events if reply.events is not None else chat_events(reply):
        lines = event.decode().splitlines()
        name = next((line[7:] for line in lines if line.startswith("event: ")), None)
        data = next(line[6:] for line in lines if line.startswith("data: "))
        found.append((name, None if data == "[DONE]" else json.loads(data)))
    return found


def members(kind):
    """The models of a union, however it is nested; a model alone is its own."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    inner = [member for arg in get_args(kind) for member in members(arg)]
    return inner or ([kind] if isinstance(kind, type) else [])


def fits(kind, found):
    """Check that an object is one of the vendor's: of a union, the member that has its name."""
    for key in ("event", "type"):
        for member in members(kind):
            fields = getattr(member, "model_fields", {})
            if key in fields and found.get(key) in get_args(fields[key].annotation):
                member.model_validate(found)
                return
    [member] = members(kind)
    member.model_validate(found)


@pytest.fixture
def threads():
    server = ThreadsServer()
    server.__class__.form, form = "azure", server.form
    yield server
    server.__class__.form = form
    server._http.server_close()


QUERY = "?api-version=v1"
RUN = {"assistant_id": "asst_1", "stream": True}


def test_the_threads_wire_streams_the_vendors_events(threads):
    from openai.types.beta import AssistantStreamEvent

    said = {"thread": {"messages": [{"role": "user", "content": "Hello"}]}}
    events = asked(threads, "POST", f"/threads/runs{QUERY}", RUN | said)
    assert events[-1] == ("done", None)
    for name, data in events[:-1]:
        fits(AssistantStreamEvent, {"event": name, "data": data})


def test_the_threads_wire_answers_with_the_vendors_objects(threads):
    from openai.types.beta import Assistant, Thread, ThreadDeleted
    from openai.types.beta.threads import Message, Run

    made = asked(threads, "POST", f"/threads{QUERY}", {"metadata": {"a": "b"}})
    fits(Thread, made)
    path = f"/threads/{made['id']}"
    fits(Thread, asked(threads, "GET", path + QUERY))
    said = {"role": "user", "content": "Hello", "metadata": {"c": "d"}}
    fits(Message, asked(threads, "POST", f"{path}/messages{QUERY}", said))
    asked(threads, "POST", f"{path}/runs{QUERY}", RUN)
    for message in asked(threads, "GET", f"{path}/messages{QUERY}")["data"]:
        fits(Message, message)
    for run in asked(threads, "GET", f"{path}/runs{QUERY}")["data"]:
        fits(Run, run)
        fits(Run, asked(threads, "GET", f"{path}/runs/{run['id']}{QUERY}"))
    for assistant in asked(threads, "GET", f"/assistants{QUERY}")["data"]:
        fits(Assistant, assistant)
    fits(ThreadDeleted, asked(threads, "DELETE", path + QUERY))


@pytest.fixture
def responses():
    server = ResponsesServer()
    yield server
    server._http.server_close()


def test_responses_stream_the_vendors_events(responses):
    from openai.types.responses import ResponseStreamEvent

    made = asked(responses, "POST", "/conversations", {})
    said = {"model": "test", "input": "Hello", "conversation": made["id"], "stream": True}
    for name, data in asked(responses, "POST", "/responses", said | {"background": True}):
        assert name == data["type"]
        fits(ResponseStreamEvent, data)


def test_responses_answer_with_the_vendors_objects(responses):
    from openai.types.conversations import (
        Conversation,
        ConversationDeletedResource,
        ConversationItem,
    )
    from openai.types.responses import Response, ResponseItem

    made = asked(responses, "POST", "/conversations", {"metadata": {"a": "b"}})
    fits(Conversation, made)
    added = {"items": [{"type": "message", "role": "user", "content": "Earlier"}]}
    asked(responses, "POST", f"/conversations/{made['id']}/items", added)
    said = {"model": "test", "input": "Hello", "conversation": made["id"]}
    asked(responses, "POST", "/responses", said)
    for item in asked(responses, "GET", f"/conversations/{made['id']}/items")["data"]:
        fits(ConversationItem, item)
    fits(Response, asked(responses, "GET", "/responses/resp_1"))
    for item in asked(responses, "GET", "/responses/resp_1/input_items")["data"]:
        fits(ResponseItem, item)
    fits(ConversationDeletedResource, asked(responses, "DELETE", f"/conversations/{made['id']}"))


def test_chat_completions_stream_the_vendors_chunks():
    from openai.types.chat import ChatCompletionChunk

    server = ChatServer()
    try:
        body = {"messages": [{"role": "user", "content": "Hello"}], "stream": True}
        events = asked(server, "POST", "/chat/completions", body)
    finally:
        server._http.server_close()
    for _, data in events[:-1]:
        fits(ChatCompletionChunk, data)


def test_what_does_not_fit_is_found():
    from openai.types.beta.threads import Message
    from pydantic import ValidationError

    with pytest.raises(ValidationError):
        fits(Message, {"id": "msg_1", "object": "thread.message"})
    assert Reply().status == 200
