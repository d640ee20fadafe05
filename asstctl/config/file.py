"""The settings file, changed: comments and order stay, and a change is whole or not at all.

Every change is checked as a whole before the old file gives way to it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asstctl import _files, _locks
from asstctl.config import read, tables_of
from asstctl.config.settings import DEFAULT_PROFILE, SETTINGS, command
from asstctl.config.values import check_key, checked, parsed, unset
from asstctl.errors import ConfigError

if TYPE_CHECKING:
    import tomlkit


def init(path: Path, profile: str, values: Mapping[str, Any], *, force: bool) -> None:
    """Write `values` as a profile; other profiles, comments and order stay.

    Raises ConfigError where the profile is there already and `force` is not given.
    """
    wanted = {key: value for key, value in values.items() if not unset(value)}
    with _alone(path):
        if not path.exists():
            import tomli_w  # 1.45x of bare Python, needed here alone

            document = wanted if profile == DEFAULT_PROFILE else {"profiles": {profile: wanted}}
            write(path, tomli_w.dumps(document))
            return
        if not force:
            check_absent(path, profile)
        with _editing(path):
            old = _table(document := _parsed(path), profile)
            for key in [key for key in old if key in SETTINGS]:
                del old[key]
            write(path, _with(document, profile, wanted).as_string())


def check_absent(path: Path, profile: str) -> None:
    """Raise ConfigError where a profile is in the file already."""
    if profile in tables_of(read(path), path):
        raise ConfigError(
            f"the profile {profile!r} is in {path} already", hint="--force overwrites it"
        )


def set_value(path: Path, profile: str, key: str, text: str) -> None:
    """Write one setting of a profile, keeping comments and order; raises ConfigError."""
    check_key(key)
    if unset(text):
        hint = f"{command(profile)} config unset {key}"
        raise ConfigError(f"{text!r} counts as unset", hint=hint)
    value = parsed(key, text, "the command line")
    with _alone(path), _editing(path):
        write(path, _with(_parsed(path), profile, {key: plain(value)}).as_string())


def replace(path: Path, text: str) -> None:
    """Write a whole settings file; raises ConfigError for a text that is none."""
    try:
        tables = tables_of(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"it is not TOML: {error}") from error
    for table in tables.values():
        for key, value in table.items():
            checked(key, value, str(path))
    with _alone(path):
        write(path, text)


def plain(value: Any) -> Any:
    """Return a value as TOML knows it."""
    return str(value) if isinstance(value, str) else value


def unset_value(path: Path, profile: str, key: str) -> None:
    """Remove one setting of a profile, keeping comments and order; raises ConfigError."""
    check_key(key)
    with _alone(path), _editing(path):
        table = _table(document := _parsed(path), profile)
        if key not in table:
            raise ConfigError(f"{key} is not set in the profile {profile!r} of {path}")
        del table[key]
        write(path, document.as_string())


def _parsed(path: Path) -> "tomlkit.TOMLDocument":
    """Read the file for changes; raises ConfigError where it is not a settings file."""
    import tomlkit  # 2x of bare Python, needed only to keep comments

    tables_of(read(path), path)
    return tomlkit.parse(text_of(path))


def text_of(path: Path) -> str:
    """Return the file's text, "" where there is none, without its mark and with plain line ends."""
    return path.read_text("utf-8-sig") if path.exists() else ""


def _as_it_was(path: Path, text: str) -> str:
    """Return a text with the byte-order mark and the line ends of the file that it replaces."""
    text = "\n".join(text.splitlines()) + ("\n" if text.endswith(("\n", "\r")) else "")
    head = path.read_bytes() if path.is_file() else b""
    if b"\r\n" in head:
        text = text.replace("\n", "\r\n")
    return "\ufeff" + text if head.startswith(b"\xef\xbb\xbf") else text


def _table(document: "tomlkit.TOMLDocument", profile: str) -> Any:
    """Return a profile's table, made where there is none."""
    import tomlkit

    if profile == DEFAULT_PROFILE:
        return document
    profiles: Any = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    return profiles.setdefault(profile, tomlkit.table())


LOCK_SECONDS = 10.0
"""How long a change waits for one that another process makes."""


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold off other processes that change the file; raises ConfigError."""
    real = path.resolve()
    try:
        with _locks.alone(real.with_name(f".{real.name}.lock"), LOCK_SECONDS):
            yield
    except _locks.BusyError as error:
        raise ConfigError(f"{path} is being changed by another process") from error
    except OSError as error:
        raise ConfigError(f"can't write {path}: {error.strerror}") from error


@contextmanager
def _editing(path: Path) -> Iterator[None]:
    """Raise ConfigError where a file is written in a way that can't be edited in place."""
    try:
        yield
    except (ValueError, TypeError, tomlkit_error()) as error:
        raise ConfigError(
            f"{path} can't be changed in place: {error}", hint="write each profile as a table"
        ) from error


def tomlkit_error() -> type[Exception]:
    """Return the class of all that tomlkit raises."""
    from tomlkit.exceptions import TOMLKitError

    return TOMLKitError


def _with(
    document: "tomlkit.TOMLDocument", profile: str, values: Mapping[str, Any]
) -> "tomlkit.TOMLDocument":
    """Return the document with `values` in a profile; new top keys follow the last top key."""
    import tomlkit

    table = _table(document, profile)
    values = {key: _item(value) for key, value in values.items()}
    if table is not document:
        table.update(values)
        return document
    document.update({key: value for key, value in values.items() if key in document})
    new = {key: value for key, value in values.items() if key not in document}
    tops = [
        n
        for n, (key, item) in enumerate(document.body)
        if key and not isinstance(item, dict | tomlkit.items.AoT)
    ]
    if not tops:
        return tomlkit.parse(
            tomlkit.dumps(new) + ("\n" if document.body else "") + document.as_string()
        )
    result = tomlkit.document()
    for number, (key, item) in enumerate(document.body):
        result.append(key, item)
        if number == tops[-1]:
            result.update(new)
    return result


def _item(value: Any) -> Any:
    """Return a list of objects as one line, so that no key after it falls into the last object."""
    import tomlkit

    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        return value
    array = tomlkit.array()
    for entry in value:
        table = tomlkit.inline_table()
        table.update(entry)
        array.append(table)
    return array


def write(path: Path, text: str) -> None:
    """Write the settings file, whole or not at all: 0600, in a folder of 0700.

    Raises ConfigError where the text is not a settings file or can't be written.
    """
    tables_of(tomllib.loads(text), path)
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is no file that settings can be written to")
    try:
        _files.replace(path.resolve(), [_as_it_was(path, text)])
    except OSError as error:
        raise ConfigError(f"can't write {path}: {error.strerror}") from error
