"""The commands as data: the use of each, and the words that may follow it."""

from dataclasses import field

from asstctl._record import record


@record
class Option:
    """An option: its spellings, its use, and the value that follows it, if any."""

    names: list[str]
    about: str
    takes: bool
    asked: str = ""
    choices: list[str] = field(default_factory=list)


@record
class Word:
    """A command: its words from the left, its use, and what may follow."""

    path: tuple[str, ...]
    about: str
    options: list[Option]
    argument: Option | None
    below: list[str]


def quoted(text: str) -> str:
    """Return text as one word of a shell."""
    return "'" + text.replace("'", "") + "'"
