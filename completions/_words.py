"""The commands as data: the use of each, and the words that may follow it."""

from dataclasses import field

from asstctl._record import record


@record
class Option:
    """An option or an argument: its spellings, its use, and the value that it takes, if any.

    `asked`: threads, profiles, files or folders; `choices`: words, each with its meaning or "".
    """

    names: list[str]
    about: str
    takes: bool
    asked: str = ""
    choices: list[tuple[str, str]] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The choices without their meanings."""
        return [word for word, _ in self.choices]


@record
class Word:
    """A command: its words from the left, its use, and what may follow.

    `many`: the last argument may come again. `after` are the values that follow an argument of
    this command, by that argument's word.
    """

    path: tuple[str, ...]
    about: str
    options: list[Option]
    arguments: list[Option]
    many: bool
    below: list[tuple[str, str]]
    after: dict[str, list[str]] = field(default_factory=dict)
