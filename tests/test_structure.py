"""The house stands as it is drawn: rooms, levels, packages, names, the size of a start."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from asstctl.kind import Kind
from asstctl.render import Output

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "asstctl").rglob("*.py"))
MAKERS = sorted((ROOT / "completions").glob("*.py"))

LEVELS = [
    {"_ids"},
    {
        "_record",
        "_secrets",
        "_locks",
        "_folders",
        "_json",
        "_files",
        "_installed",
        "_mounts",
        "_pipes",
        "_windows",
        "errors",
        "kind",
        "endings",
        "fences",
        "__init__",
    },
    {"_signals", "parts"},
    {"model"},
    {"events", "config"},
    {"tools", "credentials", "heard"},
    {"wire", "store"},
    {"backends", "render", "completion", "offers"},
    {"turn", "uploading"},
    {"session"},
    {"reading", "diagnosis"},
    {"transfer", "standing"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
"""Rooms from the ground up; a room imports from levels below its own."""

DRAWN = {
    *("_record", "_secrets", "_signals", "endings", "errors", "events", "fences", "model", "parts"),
    "render",
}
"""The rooms that render/ shares with the rest."""


def name_of(path):
    relative = path.relative_to(ROOT).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


NAMES = {name_of(path): path for path in MODULES}


@cache
def parsed(path):
    return ast.parse(path.read_text())


def imports(path, *, typing=True):
    """Yield the modules that a file imports, by full name; `typing`: those for types alone too."""
    tree = parsed(path)
    left_out = set()
    for node in ast.walk(tree):
        if not typing and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            left_out |= set(ast.walk(node))
    for node in ast.walk(tree):
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else str(node.module)


def room_of(name):
    return name.split(".")[1] if "." in name else "__init__"


def level_of(room):
    return next(number for number, level in enumerate(LEVELS) if room in level)


@pytest.mark.parametrize(("room", "enum"), [("backends", Kind), ("render", Output)])
def test_a_members_value_is_its_modules_name(room, enum):
    for member in enum:
        assert f"asstctl.{room}.{member}" in NAMES


def test_every_room_has_its_level():
    assert {room_of(name) for name in NAMES} == set().union(*LEVELS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_down_only(path):
    room = room_of(name_of(path))
    for name in imports(path):
        if name.split(".")[0] != "asstctl":
            continue
        other = room_of(name)
        if room == "render":
            assert other in DRAWN
        elif other == "render":
            assert room in ("completion", "commands", "__main__")
        elif other != room:
            assert level_of(other) < level_of(room), f"{room} imports {other}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        name: {other for other in imports(path, typing=False) if other in NAMES and other != name}
        for name, path in NAMES.items()
    }
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_name_with_an_underscore_stays_in_its_folder(path):
    for name in imports(path):
        *folder, last = name.split(".")
        if name in NAMES and last.startswith("_") and last != "__init__":
            assert name_of(path.parent / "__init__.py").startswith(".".join(folder)), name


@pytest.mark.parametrize(
    ("package", "rooms"),
    [
        ("openai", {"backends"}),
        ("http", {"wire"}),
        ("httpx2", set()),
        ("xllamacpp", {"backends"}),
        ("rich", {"render"}),
        ("markdown_it", {"render"}),
        ("sqlite3", {"store"}),
        ("tomlkit", {"config"}),
        ("click", set()),
    ],
)
def test_a_package_is_used_in_its_room_alone(package, rooms):
    for name, path in NAMES.items():
        if package in {found.split(".")[0] for found in imports(path)}:
            assert room_of(name) in rooms, name


def test_the_vendors_package_gives_types_and_files_and_nothing_else():
    for path in MODULES:
        used = {name.split(".")[0] for name in imports(path, typing=False)}
        assert "openai" not in used or path.name == "vendor.py"  # files alone go through it


def test_the_linter_says_so_in_our_own_words():
    bad = '"""Bad."""\n\nimport http.client\n\nimport click\nimport httpx2\nimport sqlite3\n'
    name = str(ROOT / "asstctl" / "commands" / "bad.py")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", name, "-"],
        input=bad,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    for sentence in (
        "typer carries its own click",
        "only wire/ talks to a network",
        "all SQLite is in store/database.py",
    ):
        assert sentence in done.stdout


FORBIDDEN = (
    "Give ", "Gives ", "Say ", "Says ", "See that", "See whether", "Let go", "Lets go", "Demand ",
    "Get ready", "Put off", "Take in", "What ", "Who ", "Whose ", "Look whether", "Tell ", "Tells ",
)  # fmt: skip
"""Openings of docstrings that have to be read twice: plain field English says Return, Yield, Raise."""


def docstrings(path):
    """Yield a file's docstrings, those of constants too, each with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        body = getattr(node, "body", None)
        for inner in body if isinstance(body, list) else ():
            value = inner.value if isinstance(inner, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield inner.lineno, value.value.strip()


@pytest.mark.parametrize("path", [*MODULES, *MAKERS], ids=lambda p: str(p.relative_to(ROOT)))
def test_docstrings_are_plain_field_english(path):
    for line, text in docstrings(path):
        assert not text.startswith(FORBIDDEN), (line, text)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_on_three_screens(path):
    assert len(path.read_text().splitlines()) <= 300


def test_importing_does_nothing(home):
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", code, *(n if n != "asstctl.__init__" else "asstctl" for n in NAMES)],
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
    ("threads", "list", "-q"): 240,  # 3.13 has a few more of its own
    ("ask", "Hello"): 392,
    ("ask", "-o", "markdown", "Hello"): 542,
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
