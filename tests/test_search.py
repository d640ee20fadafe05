"""Words are found in what is kept: the best of the newest, whatever is typed, in every writing."""

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asstctl.model import Message, Thread
from asstctl.parts import Text
from asstctl.store.phrases import passage, prepared, spans, terms
from asstctl.store.search import NEWEST, Where
from asstctl.store.store import Store
from tests.servers import Reply, error
from tests.terminal import Screen
from tests.test_fuzz import EXAMPLES


def found(home, *words, code=0):
    out = home.run("threads", "search", *words, "-o", "json", code=code)[0]
    return [hit["passage"] for hit in json.loads(out)["hits"]] if out else []


@pytest.fixture
def said(home, server):
    """Threads that hold some texts."""
    home.use_server(server)

    def say(*texts):
        for text in texts:
            server.replies.append(Reply("Yes"))
            home.run("ask", "--", text)
        return home

    return say


TEXTS = [
    "The quick brown fox jumps",
    "Der Fuchs springt über den Zaun",
    "今天天气很好, 我们去公园",
    "call parse_config() of HttpServerError here",
    "naïve café, e\u0301lan",
    "the fox is brown and slow",
    "javascript and JavaScript Object",
    "Die Straße nach Wien, ΟΔΟΣ",
    "ສະບາຍດີ",
]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (["fox"], [0, 5]),
        (["brown", "fox"], [0, 5]),
        (['"brown fox"'], [0]),
        (["jum*"], [0]),
        (["UBER"], [1]),
        (["天"], [2]),
        (["天气"], [2]),
        (["气天"], []),
        (["parse_conf"], [3]),
        (["server"], [3]),
        (["HttpServ"], [3]),
        (["httpservererror"], [3]),
        (["naive"], [4]),
        (["élan"], [4]),
        (["cafe", "fox"], []),
        (['"the fox'], [5]),
        (["fox", "AND", "NOT"], []),
        (["JavaScript"], [6]),
        (["javascript"], [6]),
        (["JavaScr"], [6]),
        (['"JavaScript Object"'], [6]),
        (["JavaScript", "object"], [6]),
        (["STRASSE"], [7]),
        (["strasse", "οδος"], [7]),
        (["ບາຍ"], [8]),
    ],
)
def test_words_phrases_beginnings_and_parts_are_found(said, words, places):
    home = said(*TEXTS)
    code = 0 if places else 1
    assert sorted(found(home, *words, code=code)) == sorted(TEXTS[place] for place in places)


@pytest.mark.parametrize("words", ["*", '"', "()", "th*", "\x01", '"" *'])
def test_what_holds_no_word_is_a_wrong_command_line(said, words):
    home = said("One")
    assert "WORDS" in home.run("threads", "search", "--", words, code=2)[1]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=40), st.text(max_size=60))
def test_no_input_is_an_error_of_the_database(asked, text):
    with closing(Store(None)) as store:
        store.index.put(Thread("local_1", "local", "", "local"))
        store.messages.append(("local_1", ""), [Message("", "user", (Text(text),))])
        list(store.search.build())
        try:
            wanted = terms(asked)
        except ValueError:
            return
        store.search.find(wanted, Where(), 5)
        for start, end in spans(text, wanted):
            assert 0 <= start < end <= len(text)
        piece = passage(text, wanted, 20)
        assert all(0 <= start < end <= len(piece.text) for start, end in piece.marks)
        store.messages.forget(store.messages.number(("local_1", "")))
        assert not store.search.find(wanted, Where(), 5).hits


def test_who_said_it_when_and_in_which_thread_narrow_a_search(home, server):
    home.use_server(server)
    server.replies.append(Reply("An apple"))
    home.run("ask", "What is red?")
    server.replies.append(Reply("A rose"))
    home.run("ask", "Is an apple red?")
    assert len(found(home, "apple")) == 2
    assert found(home, "apple", "--role", "assistant") == ["An apple"]
    assert found(home, "apple", "-t", "@last") == ["Is an apple red?"]
    assert len(found(home, "apple", "--since", "1h")) == 2
    home.run("threads", "search", "apple", "--since", "2199-01-01", code=1)


def test_a_time_or_a_role_is_judged_of_messages_before_the_best_are_taken():
    with closing(Store(None)) as store:
        store.index.put(Thread("local_1", "local", "", "local", said_at=50.0))
        messages = [
            Message("", role, (Text("apple " * (n < 30)),), 100.0 + n)
            for n, role in enumerate(["user"] * 30 + ["assistant"] * 5)
        ]
        messages += [Message("", "system", (Text("an apple"),), 90.0)]
        messages += [Message("", "user", (Text("an apple among " + "pears " * 50),), 200.0)]
        store.messages.append(("local_1", ""), messages)
        list(store.search.build())
        find = store.search.find
        assert [hit.role for hit in find(terms("apple"), Where("system"), 5).hits] == ["system"]
        assert [h.created_at for h in find(terms("apple"), Where(since=150.0), 5).hits] == [200.0]


def test_an_index_of_an_older_version_is_made_anew(said, home):
    said("An apple")
    assert found(home, "apple")
    with closing(sqlite3.connect(home.data / "threads.db")) as database, database:
        database.execute("UPDATE searching SET version = 1")
    home.run("threads", "delete", "@last", "--yes")
    said("Another apple")
    assert found(home, "apple") == ["Another apple"]


def test_what_changes_or_goes_is_found_as_it_is_now(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "A pear")
    assert found(home, "pear")
    threads.threads["thread_1"][0]["content"][0]["text"]["value"] = "A plum"
    home.run("threads", "fetch", "@last")
    assert found(home, "plum") == ["A plum"]
    assert [p for p in found(home, "pear") if p == "A pear"] == []
    home.run("ask", "-c", "A fig")
    assert "A fig" in found(home, "fig")
    home.run("threads", "delete", "@last", "-y")
    found(home, "plum", code=1)
    with closing(sqlite3.connect(home.data / "threads.db")) as database:
        sql = "INSERT INTO found (found, rank) VALUES ('integrity-check', 0)"
        database.execute(sql)
        assert database.execute("SELECT count(*) FROM found_docsize").fetchone() == (0,)


def test_fetch_brings_what_is_searched_up_to_date_and_says_what_it_can_not(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    threads.say("thread_1", "user", "A melon")
    found(home, "melon", code=1)
    assert found(home, "melon", "--fetch") == ["A melon"]
    threads.before = lambda _: error(400, "closed")
    out, err = home.run("threads", "search", "melon", "--fetch")
    assert "A melon" in out
    assert "thread_1: closed" in err


def test_the_newest_matches_are_ranked_and_more_are_said(home, server):
    home.use_server(server)
    with closing(Store(home.data / "threads.db")) as store:
        store.index.put(Thread("local_1", "local", "", "default", created_at=1.0))
        texts = [f"word {n}" for n in range(NEWEST + 1)]
        store.messages.append(("local_1", ""), [Message("", "user", (Text(t),)) for t in texts])
    out, err = home.run("threads", "search", "word", "--limit", "3")
    assert len(out.splitlines()) == 3
    assert "more than 2,000 match" in err
    assert "word 0\n" not in out


def test_a_store_that_can_not_be_written_is_searched(said):
    home = said("An apple")
    found(home, "apple")
    home = said("Another apple")
    for path in home.data.glob("threads.db*"):
        path.chmod(0o400)
    home.data.chmod(0o500)
    try:
        assert sorted(found(home, "apple")) == ["An apple", "Another apple"]
    finally:
        home.data.chmod(0o700)


def test_on_a_terminal_the_words_are_bold_under_the_thread(said):
    home = said("The quick \x1b[31mbrown fox")
    with Screen(home, "threads", "search", "fox") as screen:
        assert screen.end() == 0
        rows = [line for line in screen.text().splitlines() if line.strip()]
    assert rows[0].startswith("local_")
    assert "The quick" in rows[1]
    assert "fox" in rows[1]


def test_identifiers_are_divided_and_whole():
    assert prepared("HttpServerError") == "Http Server Error HttpServerError"
    assert prepared("天气") == " 天  气 "
