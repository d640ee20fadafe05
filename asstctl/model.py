"""Threads and messages, and their one JSON form.

The form serves `threads history -o json`, exported files and the store alike.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from time import gmtime, strftime
from typing import Any, Literal, cast, get_args

from asstctl._record import record
from asstctl.errors import ConfigError
from asstctl.kind import Kind
from asstctl.parts import Part, Refusal, Text, part_from, part_json

Role = Literal["user", "assistant", "system", "developer"]

Status = Literal["completed", "cancelled", "cut", "failed", "gone"]
"""How a message ended: whole, stopped by the user, broken off, without any text, or no longer
held by the service."""

TITLE_LENGTH = 60
"""Characters of the first prompt that become a thread's title."""


@record
class Message:
    """One item said in a thread; times are in seconds since 1970 UTC, None if unknown.

    `raw` is the service's own object. `gone_at` is when a message was found to be no longer at its
    service; `was` are texts that it had before, or that were seen in its place. `run` is the
    service's id of the run that it belongs to, "" where none is known.
    """

    id: str
    role: Role
    parts: tuple[Part, ...]
    created_at: float | None = None
    status: Status = "completed"
    metadata: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] | None = None
    gone_at: float | None = None
    was: tuple[str, ...] = ()
    run: str = ""

    @property
    def text(self) -> str:
        """The words alone, the parts joined by blank lines."""
        return "\n\n".join(p.text for p in self.parts if isinstance(p, Text | Refusal))


@record
class Thread:
    """A row of the index: which thread, and where it lives; times in seconds since 1970 UTC."""

    id: str
    backend: str
    endpoint: str
    profile: str
    name: str | None = None
    title: str = ""
    created_at: float = 0.0
    said_at: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """The id and the endpoint: together they name one thread, whatever the profile."""
        return self.id, self.endpoint

    @property
    def kind(self) -> Kind:
        """The backend; raises ConfigError for one that this version does not have."""
        try:
            return Kind(self.backend)
        except ValueError:
            raise ConfigError(
                f"{self.id} is a thread of the backend {self.backend!r}, which is unknown here",
                hint="upgrade asstctl to use it",
            ) from None


@record
class ThreadFacts:
    """Facts that a backend has of a thread; `active_run` is the run that locks it now."""

    messages: int
    active_run: str | None = None
    created_at: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@record
class Assistant:
    """An assistant or agent that a server keeps; `facts` is the server's own object."""

    id: str
    name: str
    model: str
    facts: Mapping[str, Any]


def titled(prompt: str) -> str:
    """Return the title that a thread's first prompt makes: one line of TITLE_LENGTH."""
    title = " ".join(prompt[: TITLE_LENGTH * 20].split())
    return title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"


def count(number: int, what: str) -> str:
    """Return a number of things, in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def bounded(text: str, longest: int) -> str:
    """Return at most `longest` characters of a text, and how many more there are."""
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]} … and {more} more characters"


# Times and metadata

MILLISECONDS = 1e11
"""A time above this is in milliseconds: as seconds it would be in the year 5138."""

LATEST = 253402300800.0
"""Seconds since 1970 at which the year 10000 begins; no clock shows it."""


def instant(seconds: float) -> str:
    """Return a time as RFC 3339 in UTC, to the microsecond where it has any."""
    if seconds == int(seconds):  # as of nearly every message; a datetime takes twice as long
        return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds))
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def moment(value: Any) -> float | None:
    """Read a time: seconds, milliseconds, or ISO-8601.

    Return seconds since 1970 UTC, None for a value that is no time of our calendar.
    """
    if type(value) is int and 0 <= value < MILLISECONDS:
        return float(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError):
            try:
                value = float(value)
            except ValueError:
                return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if abs(value) > LATEST * 1000:  # an integer can be larger than any float
        return None
    seconds = value / 1000 if value > MILLISECONDS else float(value)
    return seconds if 0 <= seconds < LATEST else None


def texts(found: Any) -> dict[str, str]:
    """Read metadata, text to text; {} for anything else."""
    if not found:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


MARK = "asstctl_prompt"
"""The key of a prompt's mark in the metadata of its message and of its run."""


def mark_of(found: Mapping[str, Any] | None) -> str:
    """Return the mark that a service's message or run carries, "" where it has none."""
    return texts(found.get("metadata")).get(MARK, "") if found else ""


# The JSON form


def message_json(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object; what the service never said of it is left out."""
    found: dict[str, Any] = {
        "id": message.id,
        "role": message.role,
        "created_at": None if message.created_at is None else instant(message.created_at),
        "status": message.status,
        "parts": [part_json(part) for part in message.parts],
        "metadata": dict(message.metadata),
    }
    if message.gone_at is not None:
        found["gone_at"] = instant(message.gone_at)
    if message.was:
        found["was"] = list(message.was)
    if message.raw is not None:
        found["raw"] = message.raw
    return found


def message_from(found: Mapping[str, Any]) -> Message:
    """Read a message; raises ValueError and its like for an object that is none."""
    if found["role"] not in get_args(Role) or found["status"] not in get_args(Status):
        raise ValueError(f"role {found['role']!r}, status {found['status']!r}")
    raw = found.get("raw")
    return Message(
        id=str(found["id"]),
        role=cast("Role", found["role"]),
        parts=tuple(part_from(part) for part in found["parts"]),
        created_at=moment(found.get("created_at")),
        status=cast("Status", found["status"]),
        metadata=texts(found.get("metadata")),
        raw=raw if isinstance(raw, dict) else None,
        gone_at=moment(found.get("gone_at")),
        was=tuple(map(str, found.get("was") or ())),
    )


def thread_json(thread: Thread) -> dict[str, Any]:
    """Return the facts of a thread that hold on any machine, as a JSON object."""
    return {
        "id": thread.id,
        "name": thread.name,
        "title": thread.title,
        "backend": thread.backend,
        "endpoint": thread.endpoint or None,
        "created_at": instant(thread.created_at),
        "metadata": dict(thread.metadata),
    }


def thread_from(found: Mapping[str, Any]) -> Thread:
    """Read a thread; raises LookupError and its like for an object that is none."""
    return Thread(
        id=str(found["id"]),
        backend=str(found.get("backend") or ""),
        endpoint=str(found.get("endpoint") or ""),
        profile="",
        name=found.get("name") and str(found["name"]),
        title=str(found.get("title") or ""),
        created_at=moment(found.get("created_at")) or 0.0,
        metadata=texts(found.get("metadata")),
    )
