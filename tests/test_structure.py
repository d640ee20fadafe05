"""The house stands as it is drawn."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from asstctl.kind import Kind
from asstctl.render import Output

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "asstctl").rglob("*.py"))


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize(("room", "enum"), [("backends", Kind), ("render", Output)])
def test_a_members_value_is_its_modules_name(room, enum):
    for member in enum:
        assert (ROOT / "asstctl" / room / f"{member}.py").is_file()


LAYERS = [
    "errors",
    "events",
    "config",
    "settings_file",
    "credentials",
    "_database",
    "_links",
    "store",
    "tools",
    "backends",
    "destination",
    "session",
    "archive",
    "moving",
    "commands",
    "cli",
    "__main__",
]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_only(path):
    room = path.relative_to(ROOT / "asstctl").parts[0].removesuffix(".py")
    for name in imports(path):
        words = name.split(".")
        if words[0] != "asstctl" or len(words) < 2:
            continue
        other = words[1]
        if room == "render":
            assert other in ("_frozen", "_later", "events", "errors", "render")
        elif room in LAYERS and other in LAYERS:
            assert LAYERS.index(other) <= LAYERS.index(room) or path.name == "__main__.py"
        if room == "backends":
            assert other != "render"


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("openai", {"backends"}),
        ("httpx2", {"backends"}),
        ("xllamacpp", {"backends"}),
        ("rich", {"render"}),
        ("markdown_it", {"render"}),
        ("sqlite3", {"_database.py"}),
        ("tomlkit", {"settings_file.py"}),
        ("click", set()),
    ],
)
def test_a_package_is_used_in_its_room_alone(package, rooms):
    for path in MODULES:
        if package in {name.split(".")[0] for name in imports(path)}:
            assert path.relative_to(ROOT / "asstctl").parts[0] in rooms, path


def test_the_linter_says_so_in_our_own_words(tmp_path):
    bad = ROOT / "asstctl" / "commands" / "_bad_for_a_test.py"
    bad.write_text('"""Bad."""\n\nimport click\nimport httpx2\nimport sqlite3\n')
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "check", "--no-cache", str(bad)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
    finally:
        bad.unlink()
    for sentence in (
        "typer carries its own click",
        "only backends/ talks to a network",
        "all SQLite is in _database.py",
    ):
        assert sentence in done.stdout


def test_importing_does_nothing(home):
    names = [
        str(p.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
        for p in MODULES
    ]
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True,
        text=True,
        env=home.environment,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert list(home.path.iterdir()) == []


BUDGETS = {
    ("--version",): 44,
    ("__complete", "threads"): 68,
    ("--help",): 170,
    ("threads", "list", "-q"): 218,
    ("ask", "Hello"): 376,
    ("ask", "-o", "markdown", "Hello"): 526,
}
"""Modules that a command may have imported when it ends: a stable number where time is noisy."""


@pytest.mark.parametrize("words", BUDGETS, ids=" ".join)
def test_no_command_imports_more_than_it_needs(home, server, words):
    home.use_server(server)
    code = (
        "import sys; from asstctl.__main__ import main; code = main(sys.argv[1:], sys.stdout,"
        " sys.stderr); sys.stderr.write(f'{code} {len(sys.modules)}')"
    )
    home.arguments = lambda *words: [sys.executable, "-c", code, *words]
    code, modules = home.run(*words)[1].split()[-2:]
    assert code == "0"
    assert int(modules) <= BUDGETS[words]
