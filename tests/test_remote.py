"""What servers list: threads and assistants, where they can."""

import json

import pytest

from tests.responses_server import ResponsesServer
from tests.servers import Reply, ThreadsServer, error
from tests.terminal import Screen


class Classic(ThreadsServer):
    form = "project"


class Project(ResponsesServer):
    form = "project"


@pytest.fixture(params=[Classic, Project])
def server(request, home):
    with request.param() as running:
        home.use_threads(running)
        yield running


def make(server):
    made = server.new_thread() if isinstance(server, Classic) else server.new_conversation()
    return made["id"]


def listed(home, *words):
    out = home.run("threads", "list", "--remote", "-o", "json", *words)[0]
    return [(t["id"], t["title"], t["standing"]) for t in json.loads(out)["threads"]]


def test_the_servers_list_is_merged_with_the_index_and_what_is_new_is_marked(home, server):
    home.run("ask", "Hello")
    ours = home.run("threads", "list", "-q")[0].strip()
    new = make(server)
    assert listed(home) == [(new, "", "new"), (ours, "Hello", "known")]
    assert home.run("threads", "list", "-q")[0] == f"{ours}\n"  # looking adopts nothing
    (server.threads if isinstance(server, Classic) else server.conversations).pop(ours)
    assert listed(home) == [(new, "", "new"), (ours, "Hello", "gone")]
    out = home.run("threads", "list", "--remote")[0]
    assert [line.split("\t")[-1] for line in out.splitlines()] == ["new", "gone"]


def test_every_page_of_the_servers_list_is_read_as_far_as_asked(home, server):
    made = [make(server) for _ in range(230)]
    assert [t[0] for t in listed(home, "--limit", "1000")] == made[::-1]
    assert [t[0] for t in listed(home, "--limit", "3")] == made[:-4:-1]


def test_a_terminal_gets_a_table_with_what_is_new(home, server):
    new = make(server)
    with Screen(home, "threads", "list", "--remote") as screen:
        assert screen.end() == 0
        assert "INDEX" in screen.text()
        assert f"{new}" in screen.text()
        assert "new" in screen.text()


def test_a_service_without_a_list_says_so(home, threads, responses):
    for server in (threads, responses):
        home.use_threads(server)
        err = home.run("threads", "list", "--remote", code=1)[1].splitlines()
        assert "can't list its " in err[0]
        assert err[1] == "hint: asstctl threads list shows what was seen here"
    err = home.run("-p", "local", "threads", "list", "--remote", code=1)[1]
    assert err.startswith("asstctl: local threads are on no server\n")


def test_the_assistants_of_a_threads_server_are_listed_and_shown(home, threads):
    home.use_threads(threads)
    assert home.run("assistants", "list")[0] == "asst_1\tAda\tgpt-4o\n"
    assert home.run("assistants", "list", "-q")[0] == "asst_1\n"
    found = json.loads(home.run("assistants", "list", "-o", "json")[0])
    assert found == {"schema": 2, "assistants": [threads.assistants["asst_1"]]}
    assert "model       gpt-4o" in home.run("assistants", "show")[0]
    assert json.loads(home.run("assistants", "show", "asst_1", "-o", "json")[0])["name"] == "Ada"
    home.run("assistants", "show", "asst_none", code=5)


def test_the_agents_of_a_foundry_project_are_listed_and_shown(home):
    with Project() as server:
        home.use_threads(server)
        latest = {"version": "2", "definition": {"kind": "prompt", "model": "gpt-5"}}
        server.agents["helper"] = {"id": "helper", "name": "helper", "versions": {"latest": latest}}
        assert home.run("assistants", "list")[0] == "helper\thelper\tgpt-5\n"
        assert "versions" in home.run("assistants", "show", "helper")[0]
        err = home.run("assistants", "show", code=3)[1]
        assert "agent (variable ASSTCTL_AGENT" in err
        home.run("assistants", "show", "none", code=5)


def test_a_service_without_assistants_says_where_they_are(home, responses):
    home.use_threads(responses)
    for words in (["list"], ["show"], ["show", "x"]):
        err = home.run("assistants", *words, code=1)[1]
        assert "keeps no assistants: model, instructions and tools are in the profile" in err
    err = home.run("-p", "local", "assistants", "list", code=1)[1]
    assert "has no assistants" in err


def test_threads_of_another_wire_at_the_same_endpoint_are_not_called_gone(home):
    with Classic() as classic, Project() as project:
        home.use_threads(project)
        home.run("ask", "Hello")
        # The same address, another wire: what one server lists the other never could.
        classic.before = lambda request: (
            project.answer(request) if "openai" in request.path else None
        )
        text = home.config.read_text().replace(project.origin, classic.origin)
        home.configure(text.replace('"responses"', '"assistants"') + 'assistant_id = "asst_1"\n')
        with home.config.open("a") as file:
            file.write(f"[profiles.new]\n{text}")
        home.run("-p", "new", "ask", "Hello")
        assert listed(home) == []


def test_pages_that_go_in_circles_end(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    pages = {None: ["a", "b"], "b": ["c", "d"], "d": ["a", "b"]}

    def circle(request):
        if "/messages" not in request.path:
            return None
        after = request.path.partition("after=")[2].partition("&")[0] or None
        data = [{"id": i, "role": "user", "content": i} for i in pages[after]]
        return Reply(body={"data": data, "has_more": True})

    threads.before = circle
    out, err = home.run("threads", "history", "-o", "jsonl", code=6)
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["a", "b", "c", "d"]
    assert "repeats itself: 4 of the list could be read" in err


def test_a_server_that_sends_short_pages_and_does_not_say_whether_there_are_more(home, responses):
    home.use_threads(responses)
    made = responses.new_conversation()["id"]
    for n in range(62):
        said = {"type": "message", "role": "user", "content": str(n)}
        responses.conversations[made].append(responses.item(said))
    page = responses.page

    def short(found, asked):
        answer = page(found, {**asked, "limit": "20"})
        del answer["has_more"]
        return answer

    responses.page = short
    out = home.run("threads", "history", made, "-o", "jsonl")[0]
    assert len(out.splitlines()) == 62


@pytest.mark.parametrize(
    "lost",
    [
        Reply(gone=True),
        Reply(raw=b'{"data": [], "has_more": false}', content_type="application/json", cut=20),
        Reply(raw=b'{"data": []}', content_type="application/json", cut=9, reset=True),
        error(503, "busy"),
        Reply(body=b"<html>", content_type="text/html"),
    ],
    ids=["no answer", "cut", "reset", "503", "a web page"],
)
def test_a_page_that_is_lost_while_the_one_before_is_read_is_asked_for_again(home, threads, lost):
    home.use_threads(threads)
    home.run("ask", "Hello")
    threads.threads["thread_1"] += [
        {"id": f"m{n}", "role": "user", "content": str(n)} for n in range(298)
    ]
    pages = []

    def second(request):
        pages.append(request.path)
        return lost if len(pages) == 2 else None

    threads.before = second
    out = home.run("threads", "history", "thread_1", "-o", "jsonl")[0]
    assert [json.loads(line)["text"] for line in out.splitlines()][2:] == list(map(str, range(298)))
    assert len(pages) == 4


@pytest.mark.parametrize("data", [5, None, "words"])
def test_what_is_no_list_is_one_line(home, responses, data):
    home.use_threads(responses)
    made = responses.new_conversation()["id"]
    responses.before = lambda r: Reply(body={"data": data}) if "items" in r.path else None
    err = home.run("threads", "history", made, code=1)[1]
    assert err == "asstctl: the service sent something else in place of a list\n"
