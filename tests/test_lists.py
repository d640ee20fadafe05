"""Lists as servers really say them: in another order, over and over, or only in part."""

import gzip
import json
import os

import pytest

from tests.servers import NOW, Reply, ThreadsServer


class Gateway(ThreadsServer):
    """Drops `limit`, `order` and `after`, as LiteLLM does: always the newest 20."""

    form = "project"

    def page(self, found, query):
        return super().page(found, "")


class Ascending(ThreadsServer):
    """Lists from the oldest on, whatever is asked."""

    def page(self, found, query):
        asked = "&".join(word for word in query.split("&") if not word.startswith("order"))
        return super().page(found, f"{asked}&order=asc")


class Everything(ThreadsServer):
    """Ignores `after` and `limit` and sends all, in the order that is asked for."""

    def page(self, found, query):
        found = found if "order=asc" in query else found[::-1]
        return {"data": found, "has_more": None}


@pytest.fixture
def filled(home):
    """A thread of so many messages on a server of a kind."""
    running = []

    def fill(kind, count, seconds=1):
        server = kind()
        running.append(server.__enter__())
        home.use_threads(server)
        thread = home.run("threads", "new")[0].strip()
        for number in range(count):
            server.say(thread, "user", str(number))["created_at"] = NOW + number * seconds
        return server, thread

    yield fill
    for server in running:
        server.__exit__()


def numbers(out):
    return [int(json.loads(line)["text"]) for line in out.splitlines()]


def test_a_gateway_that_always_says_the_newest_page_is_found_out(home, filled):
    _, thread = filled(Gateway, 30)
    out, err = home.run("threads", "history", thread, "-o", "jsonl", code=6)
    assert numbers(out) == list(range(10, 30))
    assert "repeats itself: 20 of the list could be read" in err
    assert home.run("threads", "history", thread, code=6)[0].endswith("29\n")
    out = home.run("threads", "history", thread, "--last", "3", "-o", "jsonl")[0]
    assert numbers(out) == [27, 28, 29]
    out = home.run("threads", "history", thread, "--last", "25", "-o", "jsonl", code=6)[0]
    assert numbers(out) == list(range(10, 30))


def test_an_incomplete_list_replaces_no_older_file_and_is_carried_nowhere(home, filled):
    server, thread = filled(Gateway, 15)
    path = home.run("threads", "export", thread)[0].strip()
    before = (home.path / path).read_bytes()
    for number in range(15, 30):
        server.say(thread, "user", str(number))["created_at"] = NOW + number
    err = home.run("threads", "export", thread, code=6)[1]
    assert "20 of the list could be read" in err
    assert (home.path / path).read_bytes() == before
    home.run("threads", "copy", thread, "--to", "local", code=6)
    assert home.run("-p", "local", "threads", "list", "-q")[0] == ""


@pytest.mark.parametrize("count", [5, 150])
def test_a_server_that_lists_from_the_oldest_on_is_read_to_its_end(home, filled, count):
    _, thread = filled(Ascending, count)
    out = home.run("threads", "history", thread, "--last", "3", "-o", "jsonl")[0]
    assert numbers(out) == [count - 3, count - 2, count - 1]
    out = home.run("threads", "history", thread, "-o", "jsonl")[0]
    assert numbers(out) == list(range(count))


@pytest.mark.parametrize("kind", [Ascending, ThreadsServer])
def test_where_times_are_equal_one_object_is_asked_for_in_reverse(home, filled, kind):
    server, thread = filled(kind, 7, seconds=0)
    server.requests.clear()
    out = home.run("threads", "history", thread, "--last", "3", "-o", "jsonl")[0]
    assert numbers(out) == [4, 5, 6]
    asked = [r.path for r in server.requests if "messages" in r.path]
    assert "limit=1&order=asc" in asked[1]


@pytest.mark.parametrize("count", [7, 150])
def test_a_server_that_ignores_after_and_sends_everything_is_whole(home, filled, count):
    _, thread = filled(Everything, count)
    out = home.run("threads", "history", thread, "-o", "jsonl")[0]
    assert numbers(out) == list(range(count))
    out = home.run("threads", "history", thread, "--last", "2", "-o", "jsonl")[0]
    assert numbers(out) == [count - 2, count - 1]


def withheld(found):
    """Return a page that says that there are messages, and has none of them."""
    return {"data": [], "has_more": True}


def doubled(found):
    """Return a page with the first message in the place of each."""
    return {"data": found[:1] * len(found), "has_more": False}


@pytest.mark.parametrize(("page", "count"), [(withheld, 0), (doubled, 1)])
def test_a_list_that_says_less_than_it_has_is_incomplete(home, filled, page, count):
    server, thread = filled(ThreadsServer, 6)
    path = home.run("threads", "export", thread)[0].strip()
    before = (home.path / path).read_bytes()
    server.page = lambda found, query: page(found)
    err = home.run("threads", "history", thread, code=6)[1]
    assert f"{count} of the list could be read" in err
    home.run("threads", "export", thread, code=6)
    assert (home.path / path).read_bytes() == before


def test_items_without_times_are_in_the_order_that_was_asked_for(home, responses):
    home.use_threads(responses)
    thread = home.run("threads", "new")[0].strip()
    for number in range(130):
        said = {"type": "message", "role": "user", "content": str(number)}
        responses.conversations[thread].append(responses.item(said))
    out = home.run("threads", "history", thread, "-o", "jsonl")[0]
    assert numbers(out) == list(range(130))
    out = home.run("threads", "history", thread, "--last", "3", "-o", "jsonl")[0]
    assert numbers(out) == [127, 128, 129]


@pytest.mark.parametrize(
    ("words", "column"),
    [(["threads", "list", "--remote", "--limit", "40"], 0), (["assistants", "list"], 0)],
    ids=["threads", "assistants"],
)
def test_a_list_of_things_that_repeats_itself_shows_what_came_and_exits_6(home, words, column):
    with Gateway() as server:
        home.use_threads(server)
        for number in range(25):
            server.new_thread()
            server.assistants[f"asst_x{number}"] = {
                **server.assistants["asst_1"],
                "id": f"asst_x{number}",
                "created_at": NOW + number,
            }
        out, err = home.run(*words, code=6)
        assert len(out.splitlines()) == 20
        assert "20 of the list could be read" in err
        assert "gone" not in out


def test_an_unknown_thread_that_is_answered_with_an_empty_list_is_not_adopted(home, threads):
    home.use_threads(threads)
    threads.before = lambda request: (
        Reply(body={"data": []}) if "/messages" in request.path else None
    )
    home.run("threads", "add", "thread_never_made", code=5)
    assert home.run("threads", "list", "-q")[0] == ""


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_only_regular_files_are_imported(home, threads, name):
    home.use_threads(threads)
    path = name if name.startswith("/") else str(home.path / name)
    if name == "pipe":
        os.mkfifo(path)
    assert "is no regular file" in home.run("threads", "import", path, code=1, timeout=20)[1]


def test_an_answer_that_inflates_beyond_all_bounds_is_not_read(home, threads):
    home.use_threads(threads)
    home.run("ask", "Hello")
    bomb = gzip.compress(b"[" + b" " * (260 << 20), 1)
    threads.before = lambda _: Reply(
        body=bomb, content_type="application/json", headers={"content-encoding": "gzip"}
    )
    err = home.run("threads", "history", "@last", code=1, timeout=60)[1]
    assert "answered with more than 256 MiB, which is not read" in err


def test_an_object_that_a_page_repeats_stands_where_it_was_first(home, threads):
    home.use_threads(threads)
    thread = home.run("threads", "new")[0].strip()
    page = [{"id": i, "role": "user", "content": i} for i in "01201"]
    threads.before = lambda request: (
        Reply(body={"data": page, "has_more": False}) if "/messages" in request.path else None
    )
    out, err = home.run("threads", "history", thread, "-o", "jsonl", code=6)
    assert numbers(out) == [0, 1, 2]
    assert "says an object twice in one page: 3 of the list could be read" in err
