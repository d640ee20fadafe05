"""The commands that hints name, and following them."""

import re
import shlex
from contextlib import suppress

VERBS = (
    "shows|forgets|fetches|ends|makes|keeps|declines|answers|asks|carries|chooses|is|for|and|or"
    "|sets|reads"
)
COMMAND = re.compile(
    rf"\basstctl (?!knows\b|to use|>)((?!: )[^;,()\n]*?)(?= (?:{VERBS})\b| \.\.\.|[;,()\n]|$)"
)
"""A command in a hint: up to the verb that says what it does."""

VALUES = {"VALUE": "asst_1", "NAME": "test", "PROFILE": "r", "...": "Hello", "KEY": "model"}
"""What a user puts in place of a word in capitals."""


def commands(text):
    """The commands that a text names, as words."""
    for found in COMMAND.findall(text.replace(": asstctl", "; asstctl")):
        with suppress(ValueError):  # a quotation mark of the text itself
            if words := [VALUES.get(word, word) for word in shlex.split(found)]:
                yield words


def follow(home, said, *extra):
    """Run each command that a text names: it is one, and has what it needs to be run."""
    found = list(commands(said))
    assert found, said
    for words in found:
        err = home.run(*words, *extra, code=None)[1]
        assert not re.search("no such (command|option)|missing argument|unexpected", err), err
        assert "is not set" not in err, err
    return found
