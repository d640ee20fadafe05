"""What a release holds: `python -m tests.release DIST` looks into the sdist and the wheel there.

`python -m tests.release --lowest` prints the lowest versions that pyproject.toml allows.
"""

import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from asstctl import __version__
from tests.pages import NAMES, PAGES, ROOT

SCRIPTS = ("asstctl.bash", "_asstctl", "asstctl.fish", "asstctl.ps1")


def lowest() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = (
        re.fullmatch(r"([\w-]+)>=([\w.]+)(;.*)?", line.replace("; ", ";"))
        for line in project["dependencies"]
    )
    return [f"{match[1]}=={match[2]}{match[3] or ''}" for match in found if match]


def linked() -> set[str]:
    """Every file that a page links or shows."""
    found = set()
    for name in NAMES:
        for target in re.findall(r"\]\(([^)#]+)", PAGES[name]):
            if not target.startswith("http"):
                found.add(str(((ROOT / name).parent / target).resolve().relative_to(ROOT)))
    return found | set(NAMES)


def main(folder: Path) -> int:
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    missing = linked() - held
    assert not missing, f"the sdist lacks {missing}"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for script in SCRIPTS:
        assert f"asstctl/completions/{script}" in names, script
    pages = {path.name for path in (ROOT / "docs/man").iterdir()}
    shipped = {name.rpartition("/")[2] for name in names if "/share/man/man1/" in name}
    assert shipped == pages, shipped
    assert "asstctl/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]
    assert f"asstctl-{__version__}" in sdist.name
    assert f"asstctl-{__version__}-" in wheel.name
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## (Unreleased|{re.escape(__version__)})", changes, re.MULTILINE)
    print(
        f"sdist: {len(held)} files, all that the pages link; wheel: {len(names)}, {len(pages)} man pages"
    )
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--lowest":
        print("\n".join(lowest()))
        sys.exit(0)
    sys.exit(main(Path(sys.argv[1])))
