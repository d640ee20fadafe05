"""The README tells the truth: its console blocks are run, its tables are compared with the code."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from asstctl import commands, errors, events, model, parts
from asstctl.config.settings import SETTINGS
from asstctl.transfer import archive
from tests.pages import ALL as README
from tests.pages import NAMES, PAGES, ROOT
from tests.responses_server import ResponsesServer
from tests.servers import ChatServer, Reply, ThreadsServer

ANSWERS = {
    "Why is the sky blue?": "Air scatters blue light more than red.",
    "And at sunset?": "The light takes a longer way, and only red is left.",
    "Write a commit message.\n\ndiff": "Fix the off-by-one in the parser",
    "Name a colour.": "Blue",
    "Why?": "Air scatters blue light more than red.",
    "Hello": "Hello! How can I help you?",
}


class ReadmeServer(ChatServer):
    def answer(self, request):
        return Reply(ANSWERS[request.body["messages"][-1]["content"]])


def steps():
    """Each command of the console blocks, and what stands under it."""
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = step.partition("\n")
            yield command, shown.splitlines()


def pattern(lines):
    """A regular expression for lines in which ... is anything."""
    return "".join(re.escape(line).replace(r"\.\.\.", ".*") + "\n" for line in lines)


def test_the_console_blocks_do_what_they_show(home):
    tools = home.path / "bin"
    tools.mkdir()
    (tools / "asstctl").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m asstctl "$@"\n'
    )
    (tools / "git").write_text("#!/bin/sh\necho diff\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    environment = home.environment | {"PATH": f"{tools}:{home.environment['PATH']}"}
    ran = 0
    with ReadmeServer() as server:
        for command, shown in steps():
            line = command.replace("http://localhost:11434/v1", server.url)
            done = subprocess.run(
                ["bash", "-c", line],
                capture_output=True,
                text=True,
                env=environment,
                cwd=home.path,
                stdin=subprocess.DEVNULL,
            )
            code = next((int(line[6:-1]) for line in shown if line.startswith("[exit ")), 0)
            out = [line for line in shown if not line.startswith(("! ", "[exit "))]
            err = [line[2:] for line in shown if line.startswith("! ")]
            stderr = done.stderr.replace(str(home.path), "~")
            flags = re.DOTALL if "..." in out else 0
            assert re.fullmatch(pattern(out), done.stdout, flags), (command, done.stdout, stderr)
            assert re.fullmatch(pattern(err), stderr), (command, stderr)
            assert done.returncode == code, command
            ran += 1
    assert ran > 10


def table(heading):
    rows = README.split(heading)[1].split("\n\n")
    first = next(part for part in rows if part.lstrip().startswith("|"))
    return [
        re.findall(r"`([^`]+)`", row.split("|")[1]) or [row.split("|")[1].strip()]
        for row in first.strip().splitlines()[2:]
    ]


def test_every_command_is_in_the_readme():
    words = {
        name
        for row in table("## Commands")
        for cell in row
        for name in cell.split(" [")[0].split()[:3]
    }
    for name in commands.WORDS:
        assert name in words
        module = __import__(f"asstctl.commands.{name}", fromlist=["app"])
        groups = [module.app, *(g.typer_instance for g in module.app.registered_groups)]
        for command in (command for group in groups for command in group.registered_commands):
            inner = command.name or command.callback.__name__
            assert inner in words, f"{name} {inner}"


def test_every_setting_is_in_the_readme():
    keys = {key for row in table("in the user's configuration folder") for key in row}
    assert keys == set(SETTINGS)


def test_the_exported_form_is_as_the_readme_says():
    thread = model.Thread("a", "local", "", "default")
    message = model.Message("m", "user", (parts.Text("x"),))
    found = json.loads("".join(archive.document(archive.Archived(thread, [message]))))
    keys = dict(zip((row[0] for row in table("An exported file is")), found, strict=True))
    assert all(key == name for key, name in keys.items())
    assert found["schema"] == archive.SCHEMA
    rows = README.split("An exported file is")[1].split("\n\n")[1]
    for name in (*found["thread"], *found["messages"][0]):
        assert f"`{name}`" in rows
    for kind in parts.KINDS:
        assert f"`{kind}`" in README


def test_every_exit_code_is_in_the_readme():
    codes = {
        int(code) for row in table("# Exit codes") for cell in row for code in cell.split(", ")
    }
    ours = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.AsstctlError)
    }
    assert ours | {0, 2, 129, 130, 141, 143} == codes


def test_every_event_is_in_the_readme():
    for kind in set(events.Event.__args__) - set(events.HIDDEN.__args__):
        assert f"`{kind.__name__}`" in README


@pytest.mark.parametrize(
    "words",
    [[], ["ask"], ["chat"], ["threads"], ["threads", "history"], ["config"], ["config", "init"]],
)
def test_help_says_what_every_command_and_option_does(home, words):
    out = home.run(*words, "--help")[0]
    assert out.startswith("Usage: asstctl")
    for line in re.findall(r"^  (?:-\w, )?--[\w-]+(?: [A-Z=]+)?\s*$", out, re.MULTILINE):
        following = out.split(line)[1].splitlines()
        assert following[1].startswith(" " * 20), line


def commands_in(text):
    """The command lines of a page's examples: of its blocks, and in backquotes."""
    for block in re.findall(r"```(?:console|sh)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.findall(r"(?:^|[$|;&] |\$\()(asstctl .*?)(?= [|>;]|$|\))", line)
    yield from re.findall(r"`(asstctl [^`]+)`", text)


def test_every_command_on_a_page_exists_with_its_options(home):
    seen = set()
    for text in PAGES.values():
        for line in commands_in(text):
            seen.add(line.partition("  #")[0])
    assert len(seen) > 40
    helps = {}
    for line in sorted(seen):
        words = shlex.split(line.replace("...", "x"))[1:]
        while words and words[0] in ("-p", "--config"):
            words = words[2:]
        path = [words[0]] if words and not words[0].startswith("-") else []
        if path and path[0] in ("threads", "config", "assistants", "models") and len(words) > 1:
            path += [w for w in words[1:2] if w.islower() and w.isalpha()]
            path += ["set"] if words[:2] == ["config", "key"] else []
        if path == ["help"] or "COMMAND" in words:
            continue
        key = tuple(path)
        helps[key] = helps.get(key) or home.run(*path, "--help")[0] + home.run("--help")[0]
        options = [w.partition("=")[0] for w in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", w)]
        assert all(re.search(rf"(^|[\s,]){re.escape(o)}\b", helps[key]) for o in options), line


@pytest.mark.parametrize("name", NAMES)
def test_every_link_inside_leads_somewhere(name):
    here = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[name]):
        if target.startswith("http"):
            continue
        path, _, place = target.partition("#")
        page = (here / path).resolve() if path else ROOT / name
        assert page.is_file(), target
        if place:
            headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
            assert place in slugs, target


def test_the_man_pages_are_what_the_commands_make_them():
    code = "import json, man; print(json.dumps(man.pages()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ROOT / "docs"},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert set(found) == {path.name for path in (ROOT / "docs/man").iterdir()}
    for name, text in found.items():
        assert (ROOT / "docs/man" / name).read_text() == text, "stale: run python docs/man.py"


def test_nothing_outside_is_linked_that_nobody_could_check():
    assert set(re.findall(r"\]\((http[^)]+)\)", README)) == set()


def test_every_page_is_named_in_the_readme_and_is_in_the_release():
    assert set(NAMES) == {
        "README.md",
        *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    }
    for name in NAMES[1:]:
        assert f"]({name})" in PAGES["README.md"]


class Project(ThreadsServer):
    form = "project"


class NewProject(ResponsesServer):
    form = "project"


def shell_lines(page):
    """The command lines of a page's shell blocks, a line each."""
    for block in re.findall(r"```sh\n(.*?)```", PAGES[page], re.DOTALL):
        yield from block.replace("\\\n", " ").strip().splitlines()


FOUNDRY = "https://NAME.services.ai.azure.com/api/projects/PROJECT"


def test_the_way_away_from_foundry_classic_can_be_gone_as_it_is_written(home):
    """With loopback servers in the place of the project, and a key in that of Entra."""
    home.environment["MY_KEY"] = "canary"
    with Project() as old, NewProject() as new:
        old.threads["thread_abc123"], old.runs["thread_abc123"] = [], []
        old.metadata["thread_abc123"] = {}
        old.say("thread_abc123", "user", "a word that you remember")
        old.say("thread_abc123", "assistant", "I do")
        new.agents["AGENT"] = {"name": "AGENT", "versions": {}}
        ran = 0
        for line in shell_lines("docs/foundry-classic.md"):
            server = new if " init new " in line else old
            typed = line.replace(FOUNDRY, server.url).replace(
                "--auth entra", "--api-key-env MY_KEY"
            )
            words = shlex.split(typed.replace("--assistant-id ID", "--assistant-id asst_1"))
            assert words[0] == "asstctl"
            home.run(*words[1:])
            ran += 1
        assert ran == 12
        [items] = new.conversations.values()
        assert [i["content"][0]["text"] for i in items] == ["a word that you remember", "I do"]


@pytest.mark.parametrize("page", ["README.md", "docs/backends.md"])
def test_the_other_servers_are_connected_as_it_is_written(home, page):
    home.environment |= {"OPENAI_API_KEY": "canary", "MY_KEY": "canary"}
    with Project() as threads, ResponsesServer() as responses:
        for line in shell_lines(page):
            if line.startswith("export") and "OPENAI_API_KEY=..." not in line:
                name, _, value = line.removeprefix("export ").partition("=")
                home.environment[name] = value  # looked at below
            if not line.startswith("asstctl"):
                continue
            more = "--api-key-env MY_KEY --endpoint"
            typed = line.replace("--model gpt-5", f"--model test {more} {responses.url}")
            typed = typed.replace("--endpoint URL", f"{more} {threads.url}")
            home.run(*shlex.split(typed.replace("assistant-id ID", "assistant-id asst_1"))[1:])
        assert home.run("-p", "gpt", "config", "get", "model")[0] == "test\n"
        assert len(responses.conversations) == 1


def test_the_settings_file_of_the_page_is_one(home):
    for block in re.findall(r"```toml\n(.*?)```", PAGES["docs/settings.md"], re.DOTALL):
        home.configure(block)
        home.run("config", "show")
        for profile in re.findall(r"\[profiles\.(\w+)\]", block):
            home.run("config", "show", "-p", profile)
