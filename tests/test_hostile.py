"""Text from outside never reaches the terminal's parser, whatever it pretends to be."""

import json

import pytest

from asstctl.model import Message, Thread
from asstctl.parts import Text
from asstctl.transfer import archive
from tests.responses_server import ResponsesServer
from tests.servers import Reply, ThreadsServer, error
from tests.terminal import Screen

FAMILIES = {
    "C0": "a\x07\x08\x0bb\x7f",
    "C1": "a\x85\x9bb",
    "CSI": "a\x1b[31m\x1b[2Jb",
    "OSC": "a\x1b]0;PWN\x07\x1b]8;;http://x\x07\x1b]52;c;UFdO\x07b",
    "DCS": "a\x1bPq#0\x1b\\b",
    "bidi": "a\u202e\u2066b\u200f",
    "markup": "a[bold red]b[/]",
}


class Project(ResponsesServer):
    form = "project"


def shown(home, *words, typed=""):
    """Run a command on a terminal, and demand that nothing steered it."""
    with Screen(home, *words, columns=200) as screen:
        for line in typed:
            screen.type(line)
        screen.end()
        raw = screen.raw.decode("utf-8", "replace")
    for bad in (
        "\x07",
        "\x08",
        "\x0b",
        "\x7f",
        "\x85",
        "\x9b",
        "\x1b]",
        "\x1bP",
        "\x1b[2J",
        "\u202e",
        "\u2066",
        "\u200f",
    ):
        assert bad not in raw, (words, ascii(raw))
    return raw


EVERYTHING = " ".join(FAMILIES.values())
"""All families in one text: each program that is started meets every one of them."""


@pytest.fixture
def evil():
    return EVERYTHING


def test_text_titles_errors_and_metadata_on_a_threads_server(home, threads, evil):
    home.use_threads(threads)
    threads.replies += [Reply(words=list(evil)), Reply(words=[evil])]
    shown(home, "ask", evil)
    shown(home, "ask", "-o", "plain", "-c", "Again")
    threads.metadata["thread_1"] = {evil: evil}
    shown(home, "threads", "history")
    shown(home, "threads", "show", "@last")
    shown(home, "threads", "list")
    threads.before = lambda _: error(400, evil)
    assert "asstctl: " in shown(home, "ask", "x")
    shown(home, "-p", "default", "--debug", "threads", "history")


def test_ids_names_and_statuses_on_any_server(home, evil):
    with Project() as server:
        home.use_threads(server)
        server.agents[evil] = {"id": evil, "name": evil, evil: evil}
        shown(home, "assistants", "list")
        shown(home, "assistants", "list", "-q")
        shown(home, "assistants", "show", "x")
        made = {"id": f"conv_{evil}", "created_at": 1, "metadata": {}}
        server.before = lambda r: Reply(body=made) if r.body == {"metadata": {}} else None
        shown(home, "threads", "new")
        shown(home, "threads", "list", "-q")
        server.before = None
        conversation = server.new_conversation()["id"]
        said = {"type": "message", "role": "user", "content": evil}
        server.conversations[conversation].append(server.item(said))
        shown(home, "threads", "add", conversation)
        call = {
            "id": "f",
            "type": "function_call",
            "name": evil,
            "arguments": evil,
            "call_id": evil,
        }
        server.conversations[conversation].append(call)
        shown(home, "threads", "history", conversation)
        shown(home, "threads", "list", "--remote")
        shown(home, "threads", "unlock", conversation)
        shown(home, "threads", "delete", "-y", conversation)


def test_what_is_imported_and_what_completion_offers(home, evil):
    thread = Thread(f"thread_{evil}", "assistants", evil, "", name=evil, title=evil)
    path = home.path / "t.json"
    archive.write(
        path, archive.document(archive.Archived(thread, [Message(evil, "user", (Text(evil),))]))
    )
    shown(home, "-p", "local", "threads", "import", str(path))
    shown(home, "-p", "local", "threads", "import", "--dry-run", str(path))
    shown(home, "threads", "list")
    shown(home, "__complete", "threads")
    path.write_text(json.dumps({"schema": evil}))
    shown(home, "-p", "local", "threads", "import", str(path))


@pytest.mark.parametrize("evil", FAMILIES.values(), ids=FAMILIES)
def test_a_pipe_gets_every_byte_unchanged(home, threads, evil):
    home.use_threads(threads)
    threads.replies.append(Reply(words=list(evil)))
    assert home.run("ask", "x")[0] == f"{evil}\n"


@pytest.mark.parametrize("kind", [ThreadsServer, ResponsesServer])
def test_export_leaves_its_folder_alone_whatever_an_id_says(home, kind):
    with kind() as server:
        home.use_threads(server)
        for number, evil in enumerate(["../../out", "/etc/x", "a\0b", "CON", "x" * 300]):
            thread = Thread(evil, "assistants", "", "", name=f"n{number}")
            path = home.path / "t.json"
            archive.write(
                path,
                archive.document(archive.Archived(thread, [Message("m", "user", (Text("x"),))])),
            )
            home.run("-p", "local", "threads", "import", str(path))
        before = {p for p in home.path.rglob("*") if p.is_file()}
        home.run("threads", "export", "--all", "-d", "out/here")
        made = {p for p in home.path.rglob("*") if p.is_file()} - before
        assert {p.parent for p in made} == {home.path / "out" / "here"}
