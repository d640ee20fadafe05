"""Completion in real shells: static words start no Python, threads and profiles are asked for."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from asstctl.completion import install
from asstctl.store import titles
from tests.terminal import Screen

FOLDER = Path(__file__).parent.parent / "completions"


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not on this machine")


@pytest.fixture
def asked(home, server):
    """A home with threads and a profile, and an `asstctl` that notes how it was called."""
    home.use_server(server)
    home.run("ask", "What is the capital of France?")
    home.run("ask", "Other")
    home.run("threads", "rename", "@last", "mine")
    home.config.write_text(home.config.read_text() + '\n[profiles.work]\nbackend = "local"\n')
    tools = home.path / "bin"
    tools.mkdir()
    (tools / "asstctl").write_text(
        f'#!/bin/sh\necho "$@" >> {home.path}/calls\nexec {sys.executable} -m asstctl "$@"\n'
    )
    (tools / "asstctl").chmod(0o755)
    home.environment["PATH"] = f"{tools}:{home.environment['PATH']}"
    return home


def calls(home):
    path = home.path / "calls"
    return path.read_text().splitlines() if path.exists() else []


def in_bash(home, line):
    words = line.split(" ")
    script = (
        f"source {FOLDER}/asstctl.bash; COMP_WORDS=({' '.join(repr(w) for w in words)});"
        f" COMP_CWORD={len(words) - 1}; compopt() {{ :; }}; _asstctl; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "-c", script], env=home.environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def in_fish(home, line):
    script = f"source {FOLDER}/asstctl.fish; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "-N", "-c", script], env=home.environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_scripts_are_what_the_commands_make_them():
    code = "import json, make; print(json.dumps(make.scripts()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": FOLDER}, capture_output=True, check=True
    )
    for name, text in json.loads(done.stdout).items():
        assert (FOLDER / name).read_text() == text, "stale: run python completions/make.py"


@needs("bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("asstctl thr", ["threads"]),
        ("asstctl threads h", ["history"]),
        ("asstctl -p work conf", ["config"]),
        ("asstctl ask --out", ["--output"]),
        ("asstctl ask -o m", ["markdown"]),
        ("asstctl threads history --format js", ["json", "jsonl"]),
        ("asstctl config get end", ["endpoint"]),
        ("asstctl threads list -o t", ["table", "tsv"]),
        ("asstctl ask --output = m", ["markdown"]),
        ("asstctl config set aut", ["auth"]),
        ("asstctl config set auth ", ["key", "entra"]),
        ("asstctl config set keep t", ["true"]),
        ("asstctl config set backend loc", ["local"]),
        ("asstctl help ex", ["exit-codes"]),
        ("asstctl help thr", ["threads"]),
        ("asstctl -p threads conf", ["config"]),
        ("asstctl config init --backend as", ["assistants"]),
        ("asstctl --install-completion z", ["zsh"]),
    ],
)
def test_bash_completes_words_without_starting_python(asked, line, offered):
    assert in_bash(asked, line) == offered
    assert calls(asked) == []


@needs("bash")
def test_bash_completes_threads_with_titles_and_profiles(asked):
    found = in_bash(asked, "asstctl ask -t ")
    assert found[0] == "mine  -- Other"
    assert found[1].endswith("  -- What is the capital of France?")
    assert in_bash(asked, "asstctl threads show mi") == ["mine"]
    assert in_bash(asked, "asstctl -p wo") == ["work"]
    assert in_bash(asked, "asstctl threads copy --to wo") == ["work"]
    assert (
        calls(asked)
        == ["__complete threads ", "__complete threads mi"] + ["__complete profiles"] * 2
    )


@needs("bash")
def test_bash_finds_threads_by_the_words_of_their_titles(asked):
    [found] = in_bash(asked, "asstctl threads show capi")
    assert found.startswith("local_")
    asked.run("ask", "The capital of Norway?")
    found = in_bash(asked, "asstctl threads show Capi")
    assert [line.partition("  -- ")[2] for line in found] == [
        "The capital of Norway?",
        "What is the capital of France?",
        "",  # what is typed stays: nothing that all offers begin with takes its place
    ]
    asked.run("threads", "rename", "@last", "my name")
    assert in_bash(asked, "asstctl threads show norw") == ["my\\ name"]


@needs("bash")
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("show wee\t", "show week\\ "),
        ("show week\\ t\t", "show week\\ two"),
        ('show "week t\t', 'show "week two"'),
        ("show zeta:t\t", "show zeta:two"),
        ("history zet\t", "history zeta:"),
    ],
)
def test_names_with_blanks_and_colons_are_completed_in_a_real_bash(asked, typed, line):
    for name in ("week one", "week two", "zeta:one", "zeta:two"):
        asked.run("threads", "new", "--name", name)
    (asked.path / "rc").write_text(f"PS1='% '\nsource {FOLDER}/asstctl.bash\n")
    asked.arguments = lambda *words: ["bash", *words]
    with Screen(asked, "--rcfile", str(asked.path / "rc"), "-i", columns=100) as screen:
        screen.wait_for("%")
        screen.type(f"asstctl threads {typed}")
        screen.wait_for(f"asstctl threads {line}".rstrip())
        screen.type("\x15exit\r")
        screen.end()


@needs("bash")
@pytest.mark.parametrize("command", ["fetch", "delete", "export", "copy"])
def test_bash_completes_the_threads_of_commands_that_take_several(asked, command):
    assert in_bash(asked, f"asstctl threads {command} mi") == ["mine"]


@needs("fish")
def test_fish_completes_words_threads_and_profiles(asked):
    assert in_fish(asked, "asstctl thr")[0].startswith("threads\t")
    assert in_fish(asked, "asstctl -p work threads hist")[0].startswith("history\t")
    assert [line.split("\t")[0] for line in in_fish(asked, "asstctl ask -o m")] == ["markdown"]
    assert [line.split("\t")[0] for line in in_fish(asked, "asstctl ask --out")] == ["--output"]
    assert [line.split("\t")[0] for line in in_fish(asked, "asstctl config get end")] == [
        "endpoint"
    ]
    assert calls(asked) == []
    assert in_fish(asked, "asstctl threads show mi") == ["mine\tOther"]
    assert in_fish(asked, "asstctl ask --conf") == []  # options of the root end with a command
    assert [line.split("\t")[0] for line in in_fish(asked, "asstctl config set auth ")] == [
        "entra",
        "key",
    ]
    assert in_fish(asked, "asstctl ask -p wo") == ["work\tlocal"]


@needs("zsh")
def test_zsh_completes_words_threads_and_profiles(asked):
    zshrc = (
        f"fpath+=({FOLDER}); autoload -Uz compinit; compinit -u -d {asked.path}/dump; PS1='%% '\n"
    )
    (asked.path / ".zshrc").write_text(zshrc)
    asked.arguments = lambda *words: ["zsh", *words]
    with Screen(asked, "-i", columns=120, rows=40, ZDOTDIR=str(asked.path)) as screen:
        screen.wait_for("%")
        for typed, shown in [
            ("asstctl thr\t", "asstctl threads"),
            ("hist\t", "asstctl threads history"),
            ("--form\t", "threads history --format"),
            ("jsonl\x15asstctl ask -o mark\t", "asstctl ask -o markdown"),
        ]:
            screen.type(typed)
            screen.wait_for(shown)
        assert calls(asked) == []
        screen.type("\x15asstctl ask -t mi\t")
        screen.wait_for("asstctl ask -t mine")
        screen.type("\x15asstctl -p wo\t")
        screen.wait_for("asstctl -p work")
        screen.type("\x15asstctl threads show \t")
        screen.wait_for("What is the capital of France?")
        screen.type("\x03\x15exit\r")
        screen.end()


def test_the_question_never_fails(home):
    assert home.run("__complete", "threads") == ("", "")
    home.configure("x = [")
    assert home.run("__complete", "profiles") == ("", "")


def test_a_hostile_title_is_harmless_in_a_completion(home, server):
    home.use_server(server)
    home.run("ask", "a\x1b[2J\tb")
    assert "\x1b" not in home.run("__complete", "threads")[0]


PLACES = {
    "bash": ".local/share/bash-completion/completions/asstctl",
    "zsh": ".local/share/zsh/site-functions/_asstctl",
    "fish": ".config/fish/completions/asstctl.fish",
    "powershell": ".local/share/asstctl/asstctl.ps1",
}


@pytest.mark.parametrize("shell", PLACES)
def test_install_completion_puts_the_script_where_the_shell_looks_and_says_how_to_see(home, shell):
    err = home.run("--install-completion", shell)[1]
    assert f"wrote {home.path / PLACES[shell]}" in err
    assert err.endswith(f"open a new {shell} and type: asstctl thr<TAB>\n")
    script = (FOLDER / install.SCRIPTS[shell]).read_text()
    assert (home.path / PLACES[shell]).read_text() == script
    assert home.run("--show-completion", shell)[0] == script


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_new_shell_completes_once_it_is_installed_and_its_file_is_changed_once(asked, shell):
    home = asked
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    own = {"bash": ".bashrc", "zsh": ".zshrc"}.get(shell, "none")
    (home.path / own).write_text("# mine")
    for _ in range(2):
        home.run("--install-completion", shell)
    assert install.loaded(shell, home.environment)
    lines = (home.path / own).read_text().splitlines()
    assert lines[0] == "# mine"
    assert len(lines) <= 2
    said = home.run("doctor", SHELL=f"/bin/{shell}", code=None)[0]
    assert "ok  completion: " in said or "completion: not installed" in said  # of another shell


def test_the_shell_is_the_one_that_the_user_has(home):
    assert home.run("--install-completion", "pwsh")[1].endswith("asstctl thr<TAB>\n")
    assert install.shell_of({"SHELL": "/usr/bin/zsh"}) in install.SCRIPTS


def test_a_shell_without_a_script_is_said_so(home):
    err = home.run("--install-completion", "tcsh", code=3)[1]
    assert err == (
        "asstctl: no completion for the shell tcsh\n"
        "hint: there is one for: bash, zsh, fish, powershell\n"
    )
    assert os.listdir(home.path) == []


def test_tab_waits_for_no_locked_store(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    with closing(sqlite3.connect(home.data / "threads.db", isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        home.run("__complete", "threads")
        assert time.monotonic() - began < 5


def test_every_thread_is_found_however_many_there_are(home):
    home.run("threads", "new", "-p", "local")
    with closing(sqlite3.connect(home.data / "threads.db")) as db:
        sql = (
            "INSERT INTO threads (id, backend, endpoint, profile, name, title, created_at, said_at,"
            " turn) VALUES (?, 'assistants', 'x', 'default', ?, ?, 1, 1, ?)"
        )
        rows = [
            (f"thread_{n:05}", f"proj-{n}" if n % 2 else None, f"Matter {n:05} of many", n + 1)
            for n in range(3000)
        ]
        db.executemany(sql, rows)
        db.execute(titles.EVERY)
        db.commit()
    for typed, first in [("proj-9", "proj-2999"), ("0001", "proj-19"), ("matt", "proj-2999")]:
        found = home.run("__complete", "threads", typed)[0].splitlines()
        assert found[0].startswith(first) or typed == "proj-9"
    assert home.run("__complete", "threads", "proj-9")[0].startswith("proj-99")
    assert home.run("__complete", "threads", "00012")[0] == "thread_00012\tMatter 00012 of many\n"
    assert home.run("__complete", "threads", "thread_0000")[0].count("\n") == 10
    home.run("threads", "delete", "proj-9", "--keep-remote")
    assert "proj-9\t" not in home.run("__complete", "threads", "00009")[0]


def test_tab_leaves_a_damaged_store_alone(home, server):
    home.use_server(server)
    home.run("ask", "Hello")
    path = home.data / "threads.db"
    path.write_bytes(b"no database" * 1000)
    assert home.run("__complete", "threads") == ("", "")
    assert path.read_bytes() == b"no database" * 1000
    assert not list(home.data.glob("*.damaged-*"))
