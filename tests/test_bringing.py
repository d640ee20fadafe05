"""Images and documents that a prompt brings along, and files that a reply made."""

import json
import sqlite3
from base64 import b64decode, b64encode
from contextlib import closing

import pytest

from asstctl.commands._files import named
from asstctl.fences import last_code
from asstctl.parts import FileRef
from tests.responses_server import ResponsesServer
from tests.servers import Reply
from tests.test_custody import kept

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PDF = b"%PDF-1.4\n" + b"\0\1\2" * 50
URL = "data:image/png;base64," + b64encode(PNG).decode()


class Resource(ResponsesServer):
    form = "resource"


@pytest.fixture
def files(home):
    (home.path / "cat.png").write_bytes(PNG)
    (home.path / "a.pdf").write_bytes(PDF)
    (home.path / "notes.txt").write_text("A note")
    return ("-f", "cat.png", "-f", "a.pdf", "-f", "notes.txt")


def contents(home):
    return sorted(p.read_bytes() for p in (home.data / "files").rglob("*") if p.is_file())


def last_body(server):
    return [r.body for r in server.requests if r.method == "POST"][-1]


def kinds(message):
    return [part["type"] for part in message["parts"]]


def test_a_chat_server_gets_images_and_documents_as_parts(home, server, files):
    home.use_server(server)
    home.run("ask", *files, "See")
    text, image, document = last_body(server)["messages"][-1]["content"]
    assert text == {"type": "text", "text": "See\n\nnotes.txt:\n```\nA note\n```"}
    assert image == {"type": "image_url", "image_url": {"url": URL}}
    assert document["file"]["filename"] == "a.pdf"
    assert b64decode(document["file"]["file_data"].partition(",")[2]) == PDF
    found = kept(home)[0]
    assert kinds(found) == ["Text", "Image", "File"]
    assert found["parts"][1]["file"]["name"] == "cat.png"
    assert contents(home) == sorted([PNG, PDF])
    home.run("ask", "-c", "And?")
    again = last_body(server)["messages"][0]["content"]
    assert {"type": "image_url", "image_url": {"url": URL}} in again


@pytest.mark.parametrize("server_class", [ResponsesServer, Resource])
def test_a_server_of_responses_gets_them_as_input_and_a_fetch_doubles_no_prompt(
    home, files, server_class
):
    with server_class() as server:
        home.use_threads(server)
        home.run("ask", *files, "See")
        [item] = last_body(server)["input"]
        text, image, document = item["content"]
        assert text["type"] == "input_text"
        assert (image["type"], image["image_url"]) == ("input_image", URL)
        assert (document["type"], document["filename"]) == ("input_file", "a.pdf")
        assert b64decode(document["file_data"].partition(",")[2]) == PDF
        assert kinds(kept(home)[0]) == ["Text", "Image", "File"]
        home.run("threads", "fetch", "@last", code=None)
        assert [m["role"] for m in kept(home)] == ["user", "assistant"]
        assert contents(home) == sorted([PNG, PDF])


def test_a_chain_whose_server_forgot_it_sends_its_images_again(home, files):
    with Resource() as server:
        home.use_threads(server)
        home.run("ask", "-f", "cat.png", "See")
        server.responses.clear()
        home.run("ask", "-c", "And?")
        said = last_body(server)["input"]
        assert any(
            part.get("image_url") == URL
            for item in said
            if isinstance(item["content"], list)
            for part in item["content"]
        )


@pytest.mark.parametrize("form", ["project", "compatible"])
def test_a_server_of_assistants_gets_uploads_that_go_with_the_thread(home, threads, files, form):
    threads.form = form
    home.use_threads(threads)
    home.run("ask", *files, "See")
    [said] = [m for m in threads.threads["thread_1"] if m["role"] == "user"]
    uploads = {name: purpose for name, purpose, _ in threads.files.values()}
    assert uploads == {"cat.png": "vision", "a.pdf": "assistants"}
    assert [part["type"] for part in said["content"]] == ["text", "image_file"]
    [attached] = said["attachments"]
    assert attached["tools"] == [{"type": "file_search"}]
    assert contents(home) == sorted([PNG, PDF])
    home.run("threads", "fetch", "@last")
    assert [m["role"] for m in kept(home)] == ["user", "assistant"]
    home.run("threads", "delete", "@last", "--yes")
    assert threads.files == {}
    assert contents(home) == []


def test_what_an_embedded_model_can_not_take_is_refused_before_anything_is_kept(home, files):
    err = home.run("-p", "local", "ask", *files, "See", code=1)[1]
    assert "the embedded model takes text alone" in err
    assert home.run("threads", "list", "-q")[0] == ""


def test_text_that_is_not_utf8_and_files_that_are_too_large_are_one_line(home, server):
    home.use_server(server)
    (home.path / "latin.txt").write_bytes("é".encode("latin-1"))
    assert "not UTF-8" in home.run("ask", "-f", "latin.txt", "See", code=1)[1]
    with (home.path / "big.png").open("wb") as file:
        file.write(PNG)
        file.truncate(40 << 20)
    assert "larger than 32 MiB" in home.run("ask", "-f", "big.png", "See", code=1)[1]
    assert not server.requests


def test_with_keep_false_no_file_of_a_prompt_is_written_here(home, threads, files):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", *files, "See", ASSTCTL_KEEP="false")
    assert contents(home) == []
    with closing(sqlite3.connect(home.data / "threads.db")) as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (0,)
    home.run("threads", "delete", "@last", "--yes", ASSTCTL_KEEP="false")
    assert threads.files == {}


# Out


def test_the_last_code_of_a_reply_is_taken_out(home, server):
    home.use_server(server)
    text = "So:\n```python\nx = 1\n```\nor\n~~~\ny = `2`\n~~~\n"
    server.replies.append(Reply(text))
    assert home.run("ask", "-x", "Code?")[0] == "y = `2`\n"
    server.replies.append(Reply(text))
    assert home.run("ask", "-o", "code", "Code?")[0] == "y = `2`\n"
    assert "has no fenced code" in home.run("ask", "-x", "Hello", code=1)[1]
    home.run("ask", "-x", "-o", "json", "Hello", code=2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("none", None),
        ("```\na\n```", "a\n"),
        ("```\na\n````\n", "a\n"),
        ("````\n```\n````", "```\n"),
        ("```\nopen", "open\n"),
        ("~~~\na\n```\n~~~\n", "a\n```\n"),
        ("```\n```", ""),
        ("`a```b`", None),
    ],
)
def test_fences_are_read_as_markdown_reads_them(text, code):
    assert last_code(text) == code


@pytest.mark.parametrize("keep", ["true", "false"])
def test_files_that_a_reply_made_are_saved_and_nothing_is_overwritten(home, responses, keep):
    home.use_threads(responses)

    def drawn(real):
        def told(*words):
            for event in real(*words):
                if b"response.completed" in event[:40]:
                    head, data = event.split(b"data: ", 1)
                    whole = json.loads(data)
                    image = {
                        "type": "image_generation_call",
                        "id": "ig_1",
                        "status": "completed",
                        "output_format": "png",
                        "result": b64encode(PNG).decode(),
                    }
                    whole["response"]["output"].append(image)
                    yield head + b"data: " + json.dumps(whole).encode() + b"\n\n"
                else:
                    yield event

        return told

    responses.stream = drawn(responses.stream)
    for name in ("ig_1.png", "ig_1-2.png"):
        err = home.run("ask", "Draw", "--save-files", "out", ASSTCTL_KEEP=keep)[1]
        assert f"saved out/{name}" in err
        assert (home.path / "out" / name).read_bytes() == PNG
    lines = b"Draw\n/save\n/save more\n"
    home.run("chat", "--commands", stdin=lines, ASSTCTL_KEEP=keep)
    assert (home.path / "ig_1.png").read_bytes() == (home.path / "more/ig_1.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.png"),
        (".bashrc", "bashrc.png"),
        ("a b\x1b[31m.png", "a_b_31m.png"),
        ("", "file_1.png"),
        ("-rf", "rf.png"),
        ("c:\\x\\y.txt", "y.txt"),
    ],
)
def test_names_of_saved_files_lead_nowhere(name, safe):
    assert named(FileRef("file_1", name=name), PNG) == safe


def test_parts_of_prompts_are_in_json(home, server, files):
    home.use_server(server)
    home.run("ask", "-f", "cat.png")
    found = json.loads(home.run("threads", "history", "-o", "jsonl")[0].splitlines()[0])
    assert found["parts"][0]["type"] == "Image"
