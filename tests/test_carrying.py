"""Copies keep what their server can write, name what it can't, and lose nothing on the way."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from asstctl.model import Message, Thread
from asstctl.parts import (
    Citation,
    Code,
    FileRef,
    Image,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from asstctl.transfer import archive
from tests.responses_server import ResponsesServer
from tests.servers import ThreadsServer, error
from tests.test_moving import Resource, history, profiles, store

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


class Project(ThreadsServer):
    form = "project"


@pytest.fixture
def world(home):
    """Profiles on two servers of threads, two of Responses, and this machine, the default."""
    kinds = {
        "threads": Project,
        "others": Project,
        "responses": ResponsesServer,
        "resource": Resource,
    }
    with profiles(home, kinds):
        yield home


def imported(home, messages, profile=None, **facts):
    """A thread that holds messages, in a profile."""
    path = home.path / f"{len(list(home.path.glob('*.json')))}.json"
    whole = archive.Archived(Thread(f"thread_{path.stem}", "local", "", ""), messages, **facts)
    archive.write(path, archive.document(whole))
    chosen = ("-p", profile) if profile else ()
    return home.run("threads", "import", *chosen, str(path))[0].strip()


def copied(home, thread, profile, code=0):
    """The copy, and what was said of it."""
    out, err = home.run("threads", "copy", thread, "--to", profile, code=code)
    return out.strip(), err


def with_files(server):
    """A thread of a server with a picture that was sent, one by its address, and a document."""
    server.files = {
        "file_pic": ("a.png", "vision", PNG),
        "file_doc": ("notes.csv", "user_data", b"a,b\n1,2\n"),
    }
    server.new_thread()
    said = server.say("thread_1", "user", "Look")
    said["content"] += [
        {"type": "image_file", "image_file": {"file_id": "file_pic", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/b.png"}},
    ]
    said["attachments"] = [{"file_id": "file_doc", "tools": [{"type": "code_interpreter"}]}]
    server.say("thread_1", "assistant", "I see")
    return "thread_1"


def test_images_and_documents_are_uploaded_once_and_arrive_as_such(world):
    first = with_files(world.servers["threads"])
    target, err = copied_from(world, first, "threads", "responses")
    server = world.servers["responses"]
    sent = server.conversations[target][0]["content"]
    assert sent == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "file_id": "file-up1", "detail": "high"},
        {"type": "input_image", "image_url": "https://example.com/b.png", "detail": "auto"},
        {"type": "input_file", "file_id": "file-up2"},
    ]
    assert server.filing.files == {
        "file-up1": ("a.png", "vision", PNG),
        "file-up2": ("notes.csv", "user_data", b"a,b\n1,2\n"),
    }
    assert "placeholder" not in err
    world.run("threads", "fork", target)
    world.run("threads", "copy", first, "--to", "responses")
    assert server.filing.uploads == ["file-up1", "file-up2"]


def adopt(home, profile):
    """Put a server's threads into the index."""
    home.run("threads", "fetch", "--remote", "--no-files", "-p", profile)


def copied_from(home, thread, profile, to):
    """Copy a thread of a server."""
    adopt(home, profile)
    return copied(home, thread, to)


def test_attachments_keep_their_tools_from_one_threads_server_to_another(world):
    first = with_files(world.servers["threads"])
    target, _ = copied_from(world, first, "threads", "others")
    sent, reply = world.servers["others"].threads[target]
    assert sent["attachments"] == [{"file_id": "file-up2", "tools": [{"type": "code_interpreter"}]}]
    assert [part["type"] for part in sent["content"]] == ["text", "image_file", "image_url"]
    assert sent["content"][1]["image_file"] == {"file_id": "file-up1", "detail": "high"}
    assert reply["content"][0]["text"]["value"] == "I see"
    purposes = [purpose for _, purpose, _ in world.servers["others"].files.values()]
    assert purposes == ["vision", "assistants"]


def test_a_fork_uploads_nothing_and_flattens_nothing(world):
    server = world.servers["threads"]
    first = with_files(server)
    adopt(world, "threads")
    world.run("threads", "fork", first)
    fork = server.threads["thread_2"]
    assert [m["content"] for m in fork] == [m["content"] for m in server.threads["thread_1"]]
    assert fork[0]["attachments"] == server.threads["thread_1"][0]["attachments"]
    assert server.filing.uploads == []


def test_an_upload_is_used_again_and_deleted_with_the_last_thread_that_names_it(world):
    first = with_files(world.servers["threads"])
    second = imported(world, [Message("m", "user", (Text("Hello"),))])
    target, _ = copied_from(world, first, "threads", "responses")
    filing = world.servers["responses"].filing
    world.run("threads", "fork", target)
    fork = world.run("threads", "list", "-q", "-p", "responses")[0].splitlines()[0]
    assert fork != target
    world.run("threads", "delete", target, "-y")
    assert filing.deleted == []
    world.run("threads", "delete", fork, "-y")
    assert sorted(filing.deleted) == ["file-up1", "file-up2"]
    assert world.run("threads", "history", second)[0]


def test_forgetting_a_copy_leaves_its_uploads(world):
    first = with_files(world.servers["threads"])
    target, _ = copied_from(world, first, "threads", "responses")
    world.run("threads", "delete", target, "--keep-remote")
    assert world.servers["responses"].filing.deleted == []


def test_a_file_that_cannot_be_had_is_a_short_placeholder_and_counted(world):
    server = world.servers["threads"]
    first = with_files(server)
    server.files["file_doc"] = ("notes.csv", "assistants", b"secret")
    target, err = copied_from(world, first, "threads", "responses")
    sent = world.servers["responses"].conversations[target][0]["content"]
    assert sent[3] == {"type": "input_text", "text": "[file file_doc]"}
    assert "as placeholders: 1 file" in err


def test_a_file_that_may_be_had_later_stops_the_copy_and_not_for_good(world):
    server = world.servers["threads"]
    first = with_files(server)
    server.before = lambda r: error(503, "busy") if "/files/" in r.path else None
    adopt(world, "threads")
    copied(world, first, "responses", code=7)
    assert not world.servers["responses"].conversations
    server.before = None
    assert "placeholder" not in copied(world, first, "responses")[1]


def test_a_server_that_takes_no_uploads_gets_placeholders(world):
    first = with_files(world.servers["threads"])
    server = world.servers["responses"]
    server.before = lambda r: error(404, "no route") if "/files" in r.path else None
    target, err = copied_from(world, first, "threads", "responses")
    assert "placeholder" not in err  # its messages take contents
    image, document = (server.conversations[target][0]["content"][n] for n in (1, 3))
    assert image["image_url"] == data_url()
    assert (document["filename"], document["file_data"][:14]) == ("notes.csv", "data:text/csv;")
    world.servers["others"].new_thread()  # so that the copy has another id than its source
    world.servers["others"].before = server.before
    target, err = copied(world, first, "others")
    assert "as placeholders: 1 image, 1 file" in err
    sent = world.servers["others"].threads[target][0]["content"]
    texts = [part["text"]["value"] for part in sent if part["type"] == "text"]
    assert texts == ["Look", "[image file_pic]", "[file file_doc]"]


TURNS = (
    Message("m1", "developer", (Text("Be brief"),)),
    Message("m2", "user", (Text("What is the weather?"),)),
    Message(
        "m3",
        "assistant",
        (
            Text("I look"),
            ToolCall("call_1", "weather", '{"in": "Oslo"}'),
            ToolResult("call_1", "rain"),
            Text("Rain"),
        ),
    ),
    Message("m4", "assistant", (Refusal("No more"),)),
)


def test_calls_refusals_and_roles_are_items_of_a_conversation(world):
    target, err = copied(world, imported(world, TURNS), "responses")
    items = world.servers["responses"].conversations[target]
    assert [(i["type"], i.get("role")) for i in items] == [
        ("message", "developer"),
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", None),
        ("function_call_output", None),
        ("message", "assistant"),
        ("message", "assistant"),
    ]
    assert items[3]["arguments"] == '{"in": "Oslo"}'
    assert items[6]["content"] == [{"type": "refusal", "refusal": "No more"}]
    assert err == f"asstctl: 4 messages of {history_id(world)} copied to {target}\n"
    copied(world, history_id(world), "responses")
    assert len(world.servers["responses"].conversations[target]) == 7


def history_id(home):
    return next(t for t in home.run("threads", "list", "-q")[0].split() if t.startswith("local_"))


def test_a_call_without_its_answer_and_an_answer_without_its_call_are_placeholders(world):
    messages = [
        Message("m1", "user", (Text("Go"),)),
        Message("m2", "assistant", (ToolCall("call_1", "open", "{}"),)),
        Message("m3", "assistant", (ToolResult("call_2", "long " * 1000),)),
    ]
    target, err = copied(world, imported(world, messages), "responses")
    items = world.servers["responses"].conversations[target]
    assert [i["content"][0]["text"] for i in items] == ["Go", "[tool call open]", "[tool result]"]
    assert "as placeholders: 1 tool call, 1 tool result" in err


def test_an_item_that_a_server_refuses_is_found_and_becomes_a_placeholder(world):
    server = world.servers["responses"]
    messages = [Message(f"m{n}", "user", (Text(f"Text {n}"),)) for n in range(20)]
    messages[13] = Message("m13", "assistant", (Refusal("Never"),))
    server.before = lambda r: (
        error(400, "Unsupported content") if r.body and "'refusal'" in str(r.body) else None
    )
    target, err = copied(world, imported(world, messages), "responses")
    items = server.conversations[target]
    assert [i["content"][0]["text"] for i in items[12:15]] == [
        "Text 12",
        "[refused] Never",
        "Text 14",
    ]
    assert len(items) == 20
    assert "as placeholders: 1 refusal" in err


def test_a_result_that_a_server_refuses_leaves_no_call_open(world):
    server = world.servers["responses"]
    server.before = lambda r: error(400, "too long") if r.body and "rain" in str(r.body) else None
    target, err = copied(world, imported(world, TURNS), "responses")
    items = server.conversations[target]
    assert items[4]["type"] == "function_call_output"
    assert (items[4]["call_id"], items[4]["output"]) == ("call_1", "[tool result]")
    assert "as placeholders: 1 tool result" in err


def test_a_services_own_items_go_whole_to_another_one(world):
    server = world.servers["responses"]
    server.new_conversation()
    own = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"q": "x"}},
        {"type": "mcp_approval_request", "id": "mcpr_1", "name": "f", "arguments": "{}"},
        {"type": "mcp_approval_request", "id": "mcpr_2", "name": "g", "arguments": "{}"},
        {
            "type": "mcp_approval_response",
            "id": "x",
            "approval_request_id": "mcpr_2",
            "approve": True,
        },
        {"type": "local_shell_call", "id": "lsc_1", "call_id": "c5", "action": {"type": "exec"}},
        {"type": "local_shell_call_output", "id": "c5", "output": "z"},
        {"type": "custom_tool_call", "id": "ctc_2", "call_id": "c8", "name": "f", "input": "x"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c9", "name": "f", "input": "x"},
        {"type": "custom_tool_call_output", "id": "cto_1", "call_id": "c9", "output": "y"},
    ]
    server.conversations["conv_000001"] = [
        server.item({"type": "message", "role": "user", "content": "Hello"}),
        *map(server.item, own),
    ]
    world.run("threads", "show", "conv_000001", "-p", "responses")
    world.run("threads", "fork", "conv_000001")
    fork = server.conversations["conv_000002"]
    assert [i["type"] for i in fork] == [
        "message",
        "reasoning",
        "web_search_call",
        "message",
        "mcp_approval_request",
        "mcp_approval_response",
        "local_shell_call",
        "local_shell_call_output",
        "message",
        "custom_tool_call",
        "custom_tool_call_output",
    ]
    assert fork[1]["encrypted_content"] == "abc"
    assert fork[3]["content"][0]["text"] == "[mcp approval request]"


def test_citations_are_annotations_where_they_can_be_written_and_are_kept_where_not(world):
    cited = Text("It rains 【1†a】.", (Citation("【1†a】", "file_a", "", "a.pdf"),))
    linked = Text("See", (Citation("", "", "https://example.com/", "Example"),))
    messages = [Message("m1", "user", (Text("?"),)), Message("m2", "assistant", (cited, linked))]
    first = imported(world, messages)
    target, _ = copied(world, first, "responses")
    notes = world.servers["responses"].conversations[target][1]["content"][0]["annotations"]
    assert [(n["type"], n.get("file_id") or n.get("url")) for n in notes] == [
        ("file_citation", "file_a"),
        ("url_citation", "https://example.com/"),
    ]
    assert notes[0]["index"] == 9
    target, err = copied(world, first, "threads")
    assert err.endswith("; kept here alone: 2 citations\n")
    kept = history(world, target, "--kept")
    assert [c["title"] for p in kept[-1]["parts"] for c in p["citations"]] == ["a.pdf", "Example"]
    world.run("threads", "fetch", target)
    assert len(history(world, target, "--kept")) == 2
    assert "citations" in str(history(world, target, "--kept"))


def test_run_steps_are_counted_and_stay_in_what_is_kept_of_the_copy(world):
    server = world.servers["threads"]
    world.run("ask", "Hello", "-p", "threads")
    run = server.runs["thread_1"][0]["id"]
    server.steps[run] = [{"id": "step_1", "object": "thread.run.step", "run_id": run}]
    err = world.run("threads", "fork", "thread_1")[1]
    assert err.endswith("; kept here alone: 1 run step\n")
    path = world.run("threads", "export", "thread_2", "--kept", "-d", str(world.path / "e"))[0]
    content = json.loads(Path(path.strip()).read_text())
    assert [step["id"] for run in content["runs"] for step in run["steps"]] == ["step_1"]


def test_contents_of_tools_turns_never_become_text(world):
    parts = (Code("print(secret)", ()), Reasoning("secret thought"), Text("Done"))
    target, err = copied(world, imported(world, [Message("m", "assistant", parts)]), "threads")
    said = world.servers["threads"].threads[target][0]["content"][0]["text"]["value"]
    assert said == "[code run]\n\n[reasoning]\n\nDone"
    assert "as placeholders: 1 code run, 1 reasoning" in err


def test_a_generated_image_that_is_kept_by_its_hash_goes_as_base64_again(world):
    server = world.servers["responses"]
    server.new_conversation()
    data = b64encode(PNG).decode()
    made = {"type": "image_generation_call", "id": "ig_1", "result": data, "status": "completed"}
    server.conversations["conv_000001"] = [server.item(made)]
    world.run("threads", "show", "conv_000001", "-p", "responses")
    world.run("threads", "fork", "conv_000001")
    assert server.conversations["conv_000002"][0]["result"] == data


def test_a_data_url_is_no_text_anywhere(world):
    link = data_url()
    first = imported(world, [Message("m", "user", (Text("Look"), Image(FileRef(url=link))))])
    target, _ = copied(world, first, "threads")
    [sent] = world.servers["threads"].threads[target]
    assert sent["content"][1]["type"] == "image_file"
    [(name, purpose, data)] = world.servers["threads"].files.values()
    assert (name[-4:], purpose, data) == (".png", "vision", PNG)
    target, _ = copied(world, first, "resource")
    world.run("ask", "-t", target, "And?")
    body = world.servers["resource"].asked("/responses")[-1].body["input"]
    assert body[0]["content"][1]["type"] == "input_image"
    assert body[0]["content"][1]["file_id"] == "file-up1"


def test_images_stay_when_the_thread_that_they_came_from_is_deleted(world):
    first = with_files(world.servers["threads"])
    here, _ = copied_from(world, first, "threads", "default")
    world.run("threads", "delete", first, "-y")
    world.run("ask", "-t", here, "And?")
    sent = world.chat.requests[-1].body["messages"][0]["content"]
    assert sent[1]["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("arrived", range(7))
def test_a_copy_stopped_inside_a_message_goes_on_there(world, arrived):
    """One message of the source is four items; the process was killed, and some had arrived."""
    first = imported(world, TURNS)
    target, _ = copied(world, first, "responses")
    items = world.servers["responses"].conversations[target]
    whole = [item["type"] for item in items]
    del items[arrived:]
    with store(world) as db:
        db.execute("UPDATE copies SET copied = 0, on_its_way = 7, before = 0, last_id = ''")
    db.close()
    assert copied(world, first, "responses")[0] == target
    assert [item["type"] for item in items] == whole
    assert copied(world, first, "responses")[1].startswith("asstctl: 0 messages")


def test_a_message_of_more_items_than_a_request_takes_arrives_whole(world):
    calls = [
        part
        for n in range(30)
        for part in (ToolCall(f"c{n}", "f", "{}"), ToolResult(f"c{n}", str(n)))
    ]
    messages = [
        Message("m1", "user", (Text("Go"),)),
        Message("m2", "assistant", (*calls, Text("Done"))),
    ]
    target, err = copied(world, imported(world, messages), "responses")
    assert len(world.servers["responses"].conversations[target]) == 62
    assert "2 messages of" in err


def test_a_message_of_a_file_alone_can_be_posted(world):
    server = world.servers["threads"]
    first = with_files(server)
    server.threads["thread_1"][0]["content"] = []
    target, _ = copied_from(world, first, "threads", "others")
    assert world.servers["others"].threads[target][0]["attachments"][0]["file_id"] == "file-up1"


@pytest.mark.parametrize("form", ["azure", "compatible"])
def test_files_are_had_and_uploaded_with_either_header_of_a_key(home, form):
    class Keyed(ThreadsServer):
        pass

    Keyed.form = form
    with Keyed() as server:
        home.use_threads(server)
        home.run("ask", "Hello")
        server.files = {"file_pic": ("a.png", "vision", PNG)}
        image = {"type": "image_file", "image_file": {"file_id": "file_pic"}}
        server.threads["thread_1"][0]["content"].append(image)
        assert "\t1\t" in home.run("threads", "fetch", "thread_1")[0].splitlines()[1]
        messages = [Message("m", "user", (Image(FileRef(url=data_url())),))]
        imported(home, messages)
        assert server.filing.uploads == ["file-up1"]


def data_url():
    return f"data:image/png;base64,{b64encode(PNG).decode()}"


@pytest.mark.parametrize("content", [[], None])
def test_a_copy_that_was_refused_half_way_doubles_no_message_with_files(world, content):
    first = with_files(world.servers["threads"])
    if content is not None:
        world.servers["threads"].threads[first][0]["content"] = content
    adopt(world, "threads")
    target = world.servers["others"]
    target.new_thread()  # so that the copy has another id than its source
    refused = [None, error(401, "no key")]
    target.before = lambda r: (
        refused.pop(0) if refused and r.method == "POST" and r.path.count("/messages") else None
    )
    copied(world, first, "others", code=4)
    copied(world, first, "others")
    assert [m["role"] for m in target.threads["thread_2"]] == ["user", "assistant"]


def test_what_is_not_recognised_in_a_stopped_copy_is_never_sent_again(world):
    messages = [Message(f"m{n}", "user", (Text(f"Text {n}"),)) for n in range(3)]
    first = imported(world, messages)
    target, _ = copied(world, first, "others")
    held = world.servers["others"].threads[target]
    held[0]["content"][0]["text"]["value"] = "Something else"
    with store(world) as db:
        db.execute("UPDATE copies SET copied = 0, on_its_way = 3, before = 0, last_id = ''")
    db.close()
    assert "may be those that were on their way" in copied(world, first, "others", code=6)[1]
    assert len(held) == 3


@pytest.mark.parametrize("words", [("--kept", "-y"), ("--keep-remote",)])
def test_an_upload_stays_while_any_thread_names_it(world, words):
    first = with_files(world.servers["threads"])
    target, _ = copied_from(world, first, "threads", "responses")
    world.run("threads", "fork", target)
    world.run("threads", "delete", target, *words)
    world.run("threads", "delete", "conv_000002", "-y")
    assert world.servers["responses"].filing.deleted == []


def test_a_thread_that_is_locked_for_a_moment_costs_no_image(world):
    first = with_files(world.servers["threads"])
    adopt(world, "threads")
    world.servers["others"].new_thread()  # so that the copy has another id than its source
    locked = [error(400, "Can't add messages to thread_2 while a run run_abc is active.")]
    world.servers["others"].before = lambda r: (
        locked.pop() if locked and r.method == "POST" and r.path.count("/messages") else None
    )
    copied(world, first, "others", code=1)
    assert "placeholder" not in copied(world, first, "others")[1]
    sent = world.servers["others"].threads["thread_2"][0]["content"]
    assert [part["type"] for part in sent] == ["text", "image_file", "image_url"]


def test_one_copy_uploads_a_file_once_though_nothing_is_kept(world):
    world.run("config", "set", "keep", "false", "-p", "responses")
    picture = Image(FileRef(url=data_url()))
    first = imported(world, [Message(f"m{n}", "user", (picture,)) for n in range(3)])
    copied(world, first, "responses")
    assert len(world.servers["responses"].filing.uploads) == 1


def test_an_upload_that_is_gone_is_uploaded_once_more_and_not_again(world):
    server = world.servers["responses"]
    for number in range(4):
        message = Message(f"m{number}", "user", (Image(FileRef(url=data_url())),))
        copied(world, imported(world, [message]), "responses")
        if number == 0:
            server.filing.files.clear()
    assert len(server.filing.uploads) == 2


def test_blank_texts_beside_calls_are_no_messages(world):
    parts = (Text(""), ToolCall("c", "f", "{}"), ToolResult("c", "1"), Text("  "))
    target, _ = copied(world, imported(world, [Message("m", "assistant", parts)]), "responses")
    kinds = [item["type"] for item in world.servers["responses"].conversations[target]]
    assert kinds == ["function_call", "function_call_output"]
