"""The shape of a reply: a JSON Schema from a file."""

import json
import re
from pathlib import Path
from typing import Any

from asstctl.errors import ConfigError

LARGEST = 1 << 20
"""Bytes of a schema; more is no schema."""


def shape(path: Path) -> dict[str, Any]:
    """Return the `json_schema` object in a file: a JSON Schema, or one with `name` and `schema`.

    Raises ConfigError.
    """
    found = _read(path)
    if isinstance(found.get("schema"), dict) and isinstance(found.get("name"), str):
        return found
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(found.get("title") or path.stem))[:64]
    return {"name": name or "reply", "schema": found, "strict": True}


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"can't read the schema {path}: {error.strerror}") from error
    if len(data) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST >> 20} MiB, which no schema is")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict) or not found:
        raise ConfigError(f"{path} is no JSON Schema: it is not an object with anything in it")
    return found
