"""Files of threads are on a copy's server once, as what they are, and go when nothing names them."""

import json
from base64 import b64encode

import pytest

from asstctl.model import Message
from asstctl.parts import Citation, File, FileRef, Image, Text
from tests.responses_server import ResponsesServer
from tests.servers import Reply, error
from tests.test_carrying import Project, imported
from tests.test_moving import history, profiles

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def picture(name=""):
    return Image(FileRef(url=f"data:image/png;base64,{b64encode(PNG).decode()}", name=name))


@pytest.fixture
def world(home):
    """Two servers of Responses, one of threads, and this machine, the default."""
    with profiles(home, {"r": ResponsesServer, "q": ResponsesServer, "a": Project}):
        yield home


def copied(home, thread, to, code=0):
    out, err = home.run("threads", "copy", thread, "--to", to, code=code)
    return out.strip(), err


def is_upload(request):
    return request.method == "POST" and request.path.partition("?")[0].endswith("/files")


@pytest.mark.parametrize("name", ["r", "a"])
def test_an_upload_of_a_killed_process_is_used_and_not_made_again(world, name):
    server, process = world.servers[name], []

    def after(request, reply):
        if process and is_upload(request) and process[0].poll() is None:
            process[0].kill()
            process[0].wait()
        return reply

    server.after = after
    first = imported(world, [Message("m", "user", (Text("Look"), picture()))])
    process.append(world.start("threads", "copy", first, "--to", name))
    process[0].communicate()
    target, err = copied(world, first, name)
    assert "placeholder" not in err
    assert server.filing.uploads == ["file-up1"]
    world.run("threads", "delete", target, "-y")
    assert server.filing.files == {}


def test_an_upload_whose_answer_is_an_error_is_looked_for(world):
    server = world.servers["r"]
    server.after = lambda r, reply: error(500, "after all") if is_upload(r) else reply
    target, _ = copied(world, imported(world, [Message("m", "user", (picture(),))]), "r")
    assert server.filing.uploads == ["file-up1"]
    assert server.conversations[target][0]["content"][0]["file_id"] == "file-up1"


def test_files_of_others_are_never_taken_for_an_upload(world):
    server = world.servers["r"]
    server.filing.files = {"file_his": ("a.png", "vision", PNG)}
    server.before = lambda r: error(500, "no") if is_upload(r) else None
    first = imported(world, [Message("m", "user", (picture("a.png"),))])
    copied(world, first, "r", code=7)
    server.before = None
    target, _ = copied(world, first, "r")
    assert server.conversations[target][0]["content"][0]["file_id"] == "file-up1"
    world.run("threads", "delete", target, "-y")
    assert list(server.filing.files) == ["file_his"]


def test_a_prompts_upload_that_was_cut_off_is_used_by_the_next_one(world):
    server = world.servers["a"]
    (world.path / "a.png").write_bytes(PNG)
    failing = [1]
    server.after = lambda r, reply: (
        Reply(status=500, body={}) if is_upload(r) and failing.pop() else reply
    )
    world.run("ask", "-p", "a", "-f", "a.png", "See")
    assert server.filing.uploads == ["file-up1"]


def test_contents_that_are_an_image_and_a_document_are_uploaded_as_each(world):
    document = File(FileRef(url=picture().file.url, name="a.png"))
    target, err = copied(
        world, imported(world, [Message("m", "user", (picture("a.png"), document))]), "r"
    )
    server = world.servers["r"]
    purposes = [(name, purpose) for name, purpose, _ in server.filing.files.values()]
    assert purposes == [("a.png", "vision"), ("a.png", "user_data")]
    assert "placeholder" not in err
    world.run("threads", "delete", target, "-y")
    assert sorted(server.filing.deleted) == ["file-up1", "file-up2"]


SHOT = {"type": "computer_screenshot", "file_id": "file_shot"}
SHOWN = [
    {"type": "input_text", "text": "Here"},
    {"type": "input_image", "file_id": "file_shot"},
    {"type": "input_file", "file_id": "file_shot", "filename": "a.pdf"},
]


def with_items(world, *items):
    """A conversation of a server with items of its own, fetched."""
    server = world.servers["r"]
    server.new_conversation()
    said = {"type": "message", "role": "user", "content": "Go"}
    server.conversations["conv_000001"] = [server.item(item) for item in (said, *items)]
    world.run("threads", "show", "conv_000001", "-p", "r")
    world.run("threads", "fetch", "conv_000001")
    return "conv_000001"


def tools_turn(kind, output):
    call = {"type": kind, "id": "x_1", "call_id": "c1", "name": "f", "arguments": "{}"}
    return call, {"type": f"{kind}_output".replace("function_call_call", "function_call")} | {
        "call_id": "c1",
        "output": output,
    }


@pytest.mark.parametrize(
    ("kind", "output"),
    [("computer_call", SHOT), ("function_call", SHOWN), ("custom_tool_call", SHOWN)],
)
def test_files_inside_the_outputs_of_tools_are_uploaded_too(world, kind, output):
    world.servers["r"].filing.files = {"file_shot": ("a.png", "user_data", PNG)}
    first = with_items(world, *tools_turn(kind, output))
    target, err = copied(world, first, "q")
    server = world.servers["q"]
    sent = json.dumps(server.conversations[target])
    assert "file_shot" not in sent
    assert "placeholder" not in err
    output = server.conversations[target][2]["output"]
    ids = {one["file_id"] for one in ([output] if kind == "computer_call" else output[1:])}
    assert ids == set(server.filing.files)


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_a_file_inside_an_output_that_cannot_be_had_is_a_short_text(world, kind):
    first = with_items(world, *tools_turn(kind, SHOWN))
    target, err = copied(world, first, "q")
    assert "as placeholders: 1 image, 1 file" in err
    texts = [one.get("text") for one in world.servers["q"].conversations[target][2]["output"]]
    assert texts == ["Here", "[image file_shot]", "[file file_shot a.pdf]"]


def test_outputs_keep_their_files_on_their_own_server(world):
    first = with_items(world, *tools_turn("function_call", SHOWN))
    target = world.run("threads", "fork", first)[0].strip()
    assert world.servers["r"].conversations[target][2]["output"] == SHOWN
    assert world.servers["r"].filing.uploads == []


def test_the_source_of_a_citation_goes_along_where_its_contents_are_kept(world):
    world.servers["a"].files = {"file_made": ("a.csv", "assistants_output", b"1,2\n")}
    server = world.servers["a"]
    server.new_thread()
    server.say("thread_1", "user", "Compute")
    reply = server.say("thread_1", "assistant", "See sandbox:/a.csv")
    note = {"type": "file_path", "text": "sandbox:/a.csv", "file_path": {"file_id": "file_made"}}
    reply["content"][0]["text"]["annotations"] = [note | {"start_index": 4, "end_index": 18}]
    world.run("threads", "fetch", "--remote", "-p", "a")
    target, _ = copied(world, "thread_1", "r")
    [annotation] = world.servers["r"].conversations[target][1]["content"][0]["annotations"]
    assert annotation["file_id"] == "file-up1"
    assert world.servers["r"].filing.files["file-up1"][2] == b"1,2\n"


class Forgetful(ResponsesServer):
    """Takes annotations, and forgets them."""

    def item(self, item):
        item = super().item(item)
        for part in item.get("content") or []:
            part.pop("annotations", None)
        return item


def test_citations_that_a_server_takes_and_forgets_are_kept_here(home):
    cited = Text("It rains 【1†a】.", (Citation("【1†a】", "file_a", "", "a.pdf"),))
    with profiles(home, {"r": Forgetful}):
        first = imported(
            home, [Message("1", "user", (Text("?"),)), Message("2", "assistant", (cited,))]
        )
        target, _ = copied(home, first, "r")
        home.run("threads", "fetch", target)
        assert [
            c["title"] for c in history(home, target, "--kept")[-1]["parts"][0]["citations"]
        ] == ["a.pdf"]


def test_uploads_that_could_not_be_deleted_are_deleted_by_the_same_command_again(world):
    server = world.servers["r"]
    target, _ = copied(
        world, imported(world, [Message("m", "user", (Text("Secret"), picture()))]), "r"
    )
    server.before = lambda r: (
        error(503, "busy") if r.method == "DELETE" and "/files/" in r.path else None
    )
    err = world.run("threads", "delete", target, "-y", code=7)[1]
    assert f"{target} is deleted, its uploads file-up1 are not: " in err
    assert target not in server.conversations
    assert target not in world.run("threads", "search", "Secret", "-q", code=None)[0]
    server.before = None
    world.run("threads", "delete", target, "-y")
    assert server.filing.files == {}
    assert target not in world.run("threads", "list", "-q")[0]


def test_a_deletion_that_was_killed_before_its_uploads_goes_on(world):
    server, process = world.servers["r"], []

    def after(request, reply):
        if process and request.method == "DELETE" and process[0].poll() is None:
            process[0].kill()
            process[0].wait()
        return reply

    server.after = after
    target, _ = copied(world, imported(world, [Message("m", "user", (picture(),))]), "r")
    process.append(world.start("threads", "delete", target, "-y"))
    process[0].communicate()
    assert server.conversations == {}
    world.run("threads", "delete", target, "-y")
    assert server.filing.files == {}


def test_a_generated_image_is_carried_once_and_not_uploaded_beside(world):
    made = {"type": "image_generation_call", "id": "ig_1", "result": b64encode(PNG).decode()}
    first = with_items(world, made | {"status": "completed"})
    target, err = copied(world, first, "a")
    [image] = world.servers["a"].threads[target][1]["content"]
    assert world.servers["a"].files[image["image_file"]["file_id"]][2] == PNG
    assert "placeholder" not in err
    target, err = copied(world, first, "q")
    assert world.servers["q"].conversations[target][1]["result"] == made["result"]
    assert world.servers["q"].filing.uploads == []
    assert "placeholder" not in err
