"""Lists, pages and helps: what is not shown is said, what is long goes through the pager."""

import json
import re
import shlex
import signal
import threading

import pytest

from asstctl.commands import WORDS
from tests.terminal import Screen


@pytest.fixture
def talked(home, server):
    """Three local threads; the newest is named sky."""
    home.use_server(server)
    for prompt in ("One", "Two two", "Why is the sky blue?"):
        home.run("ask", prompt)
    home.run("threads", "rename", "@last", "sky")
    return home


def titles(home, *words):
    return [
        row["title"]
        for row in json.loads(home.run("threads", "list", "-o", "json", *words)[0])["threads"]
    ]


def test_a_list_says_what_it_does_not_show_and_is_narrowed(talked):
    out, err = talked.run("threads", "list", "--limit", "2")
    assert len(out.splitlines()) == 2
    assert err == "asstctl: 1 thread more: --limit N shows them\n"
    assert talked.run("threads", "list", "--limit", "3")[1] == ""
    assert titles(talked, "--name", "TWO") == ["Two two"]
    assert titles(talked, "--name", "sky") == ["Why is the sky blue?"]
    assert titles(talked, "--backend", "responses") == []
    assert titles(talked, "--since", "2199-01-01") == []
    assert len(titles(talked, "--since", "1h", "--backend", "local")) == 3
    talked.run("threads", "list", "--remote", "--name", "x", code=2)


def test_the_size_of_what_is_kept_is_shown(talked):
    rows = json.loads(talked.run("threads", "list", "--size", "-o", "json")[0])["threads"]
    assert [row["kept"]["messages"] for row in rows] == [2, 2, 2]
    assert all(row["kept"]["bytes"] > 40 for row in rows)
    assert talked.run("threads", "list", "--size")[0].splitlines()[0].split("\t")[5] == "2"


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_titles_are_shown_down_to_40_columns_and_ids_whole(talked, columns):
    with Screen(talked, "threads", "list", columns=columns) as screen:
        assert screen.end() == 0
        text = screen.text()
    assert "Two two" in text
    assert "sky: Why is the" in text
    for thread in talked.run("threads", "list", "-q")[0].split():
        assert thread in text


def test_the_names_that_shells_have_work_too(talked):
    assert talked.run("threads", "ls", "-q")[0] == talked.run("threads", "list", "-q")[0]
    talked.run("threads", "mv", "sky", "heaven")
    talked.run("threads", "rm", "heaven", "--yes")
    assert len(talked.run("threads", "ls", "-q")[0].split()) == 2


def test_facts_on_a_terminal_stand_in_columns(talked):
    with Screen(talked, "threads", "show", "sky", columns=100) as screen:
        assert screen.end() == 0
    starts = {re.match(r"\w+ +", line).end() for line in screen.lines()}
    assert len(starts) == 1


def test_a_long_history_goes_through_the_pager_and_a_short_one_does_not(talked, server):
    pager = talked.path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED; cat; echo LEFT\n")
    pager.chmod(0o755)
    with Screen(talked, "threads", "history", PAGER=str(pager)) as screen:
        assert screen.end() == 0
        assert "PAGED" not in screen.text()
        assert "You said" in screen.text()
    for _ in range(12):
        talked.run("ask", "-c", "More")
    with Screen(talked, "threads", "history", PAGER=str(pager)) as screen:
        assert screen.end() == 0
        assert screen.lines()[0] == "PAGED"
        assert screen.lines()[-1] == "LEFT"
        assert screen.text().count("More") == 24
    for words, env in ((["--no-pager"], {}), ([], {"PAGER": "cat"}), ([], {"PAGER": "/none"})):
        with Screen(talked, "threads", "history", *words, **{"PAGER": str(pager), **env}) as screen:
            assert screen.end() == 0
            assert "PAGED" not in screen.text()
            assert screen.text().count("More") == 24
    assert "PAGED" not in talked.run("threads", "history", PAGER=str(pager))[0]


def test_a_pager_that_is_left_early_is_no_error(talked):
    pager = talked.path / "pager"
    pager.write_text("#!/bin/sh\nhead -1\n")
    pager.chmod(0o755)
    for _ in range(12):
        talked.run("ask", "-c", "More")
    with Screen(talked, "threads", "history", PAGER=str(pager)) as screen:
        assert screen.end() == 0
        assert "asstctl:" not in screen.text()


def test_history_follows_what_others_say(home, threads):
    threads.form = "project"
    home.use_threads(threads)
    home.run("ask", "One")
    process = home.start("threads", "history", "@last", "--follow", "-o", "jsonl")
    timer = threading.Timer(30, process.kill)
    timer.start()
    read = [json.loads(process.stdout.readline())["text"] for _ in range(2)]
    threads.say("thread_1", "user", "From elsewhere")
    read.append(json.loads(process.stdout.readline())["text"])
    assert read == ["One", "You said: One (1)", "From elsewhere"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    timer.cancel()
    assert process.returncode == 130
    home.run("threads", "history", "--follow", "-o", "html", code=2)


def test_the_settings_are_edited_and_never_broken(home):
    home.configure('backend = "local" # mine\n')
    editor = home.path / "editor"
    editor.write_text('#!/bin/sh\nprintf \'model = "m"\\n\' >> "$1"\n')
    editor.chmod(0o755)
    with Screen(home, "config", "edit", EDITOR=str(editor)) as screen:
        assert screen.end() == 0
    assert home.config.read_text() == 'backend = "local" # mine\nmodel = "m"\n'
    editor.write_text("#!/bin/sh\necho 'modle = 3' >> \"$1\"\n")
    with Screen(home, "config", "edit", EDITOR=str(editor)) as screen:
        screen.wait_for("no setting 'modle'")
        screen.wait_for("Edit it again?")
        screen.type("n\r")
        assert screen.end() == 3
    assert "modle" not in home.config.read_text()
    assert "needs a terminal" in home.run("config", "edit", code=3)[1]


# Helps


def test_help_leads_to_commands_and_matters(home):
    assert home.run("help", "threads", "list")[0].startswith("Usage: asstctl threads list")
    assert home.run("help", "threads", "ls")[0] == home.run("threads", "list", "--help")[0]
    assert "143  terminated" in home.run("help", "exit-codes")[0]
    assert "@last" in home.run("help", "references")[0]
    assert home.run("help")[0] == home.run("--help")[0]
    assert "there is no 'nothing'" in home.run("help", "nothing", code=2)[1]


def helps(home):
    """Yield every command's words and its help."""
    for word in WORDS:
        out = home.run(word, "--help", COLUMNS="80")[0]
        yield [word], out
        for name in re.findall(r"^  (\w+) {2,}", out.partition("Commands:")[2], re.MULTILINE):
            yield [word, name], home.run(word, name, "--help", COLUMNS="80")[0]


def test_helps_fit_80_columns_cut_nothing_and_name_no_types(home):
    for words, text in helps(home):
        for line in text.splitlines():
            assert len(line) <= 80, (words, line)
            assert not re.search(r"[a-z ]\.\.\.", line), (words, line)
        assert not re.search(r"<(str|path|list|int)\b", text), words


def test_every_example_of_a_help_is_a_command_line(talked):
    examples = [
        line.strip()
        for _, text in helps(talked)
        for line in text.partition("Examples:")[2].splitlines()
        if line.strip()
    ]
    assert len(examples) > 20
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])[1:]
        (talked.path / "notes.txt").write_text("A note")
        err = talked.run(*words, code=None, stdin=b"")[1]
        assert "try: asstctl" not in err, (example, err)
        assert "unexpected" not in err, (example, err)


@pytest.mark.parametrize(
    ("words", "path"),
    [(["ask", "-t"], "ask"), (["threads", "list", "--limt"], "threads list"), (["aks"], "")],
)
def test_a_wrong_command_line_leads_to_the_help_of_its_command(home, words, path):
    err = home.run(*words, code=2)[1]
    assert err.splitlines()[-1].startswith(f"hint: try: asstctl {path} --help".replace("  ", " "))
    assert len(err.splitlines()) == 2
