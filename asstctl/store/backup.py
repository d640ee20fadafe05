"""The store as one file: a zip of the database and of the contents of files."""

import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

from asstctl._locks import alone
from asstctl.errors import AsstctlError
from asstctl.store.database import BUSY_SECONDS
from asstctl.store.files import digest_of
from asstctl.store.salvage import held, set_in_place, sound
from asstctl.store.schema import MIGRATIONS
from asstctl.store.store import FILE


def back_up(path: Path, target: Path) -> int:
    """Write the store at `path` to a zip, whole or not at all; return how many files it has.

    Other processes go on writing meanwhile. Raises AsstctlError.
    """
    with _translated(target), TemporaryDirectory(dir=target.absolute().parent) as folder:
        copy, made = Path(folder) / FILE, Path(folder) / "zip"
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            db.execute("VACUUM INTO ?", (str(copy),))
        files = sorted(p for p in (path.parent / "files").glob("??/*") if p.is_file())
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(copy, FILE)
            for file in files:
                archive.write(file, f"files/{file.parent.name}/{file.name}", zipfile.ZIP_STORED)
        made.chmod(0o600)
        made.replace(target)
    return len(files)


def put_back(path: Path, source: Path) -> Path | None:
    """Put a backup into the place of the store at `path`; return the new name of the one before.

    None where there was none. Processes that have it open go over to it. Raises AsstctlError for
    what is no backup, and then nothing is changed.
    """
    with _translated(source), zipfile.ZipFile(source) as archive:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder, path = path.parent, Path(os.path.realpath(path))  # a link stays one
        fresh = path.with_name(path.name + ".restored")
        fresh.unlink(missing_ok=True)
        try:
            _extract(archive, FILE, fresh)
            _demand_store(fresh, source)
            for name in archive.namelist():
                if name.startswith("files/") and _is_file(name):
                    target = folder / name
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    if not (target.exists() and digest_of(target) == target.name):
                        _extract(archive, name, target)
            with alone(Path(f"{path}.lock"), BUSY_SECONDS):
                if path.exists():
                    with held(str(path), BUSY_SECONDS):
                        return Path(set_in_place(str(path), str(fresh), "before"))
                fresh.replace(path)
                return None
        finally:
            fresh.unlink(missing_ok=True)


def _is_file(name: str) -> bool:
    """Return whether a name in a zip is one that a backup gives: a hash under its beginning."""
    _, start, digest = [*name.split("/"), "", ""][:3]
    plain = len(digest) == 64 and all(sign in "0123456789abcdef" for sign in digest)  # noqa: PLR2004
    return plain and name == f"files/{start}/{digest}" and start == digest[:2]


def _extract(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    neighbour = target.with_name(f".{target.name}.new")
    descriptor = os.open(neighbour, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out, archive.open(name) as found:
        copyfileobj(found, out)
        out.flush()
        os.fsync(out.fileno())
    neighbour.replace(target)


def _demand_store(path: Path, source: Path) -> None:
    """Raise AsstctlError unless a file is a store of this version, or of an older one."""
    whole = sound(str(path), BUSY_SECONDS)
    version = 0
    if whole:
        with closing(sqlite3.connect(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
    if not whole or not version:
        raise AsstctlError(f"{source} holds no whole store")
    if version > len(MIGRATIONS):
        raise AsstctlError(f"{source} is of a newer asstctl", hint="upgrade asstctl to use it")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except zipfile.BadZipFile as error:
        raise AsstctlError(f"{path} is no backup: {error}") from error
    except KeyError as error:
        raise AsstctlError(f"{path} is no backup: it has no {FILE}") from error
    except OSError as error:
        raise AsstctlError(f"can't use {path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise AsstctlError(f"can't back the store up: {error}") from error
