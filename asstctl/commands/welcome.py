"""`asstctl` alone: the commands that matter, and what to type next."""

import sys

from asstctl.commands.options import Invocation
from asstctl.errors import AsstctlError
from asstctl.render.listing import explained
from asstctl.render.terminal import one_line

COMMANDS = (
    ('asstctl ask "Why is the sky blue?"', "one prompt, one reply; -c goes on"),
    ("asstctl chat", "talk; /help in it shows its commands"),
    ("asstctl threads list", "what is here; history, search, export, copy"),
    ("asstctl config init", "connect a server"),
    ("asstctl doctor", "is all well, and what to do"),
)
"""The commands that matter, and what they do."""


def welcome(invocation: Invocation) -> None:
    """Write the screen; its last lines depend on what is set."""
    sys.stdout.write("Your threads, whichever server holds them.\n\n")
    explained(COMMANDS, sys.stdout)
    sys.stdout.write(f"\n{next_step(invocation)}\nAll commands: asstctl --help\n")


def next_step(invocation: Invocation) -> str:
    """Return in one line what to type next."""
    try:
        config = invocation.load()
        settings = config.settings()
    except AsstctlError as error:
        return f"Next: asstctl config edit mends the settings: {one_line(error.message)}"
    if config.untouched:
        return 'Next: asstctl config init, or without any account: asstctl -p local ask "Hello"'
    who = settings.speaker or "the server's model"
    where = settings.host or "this machine"
    return f'Next: asstctl ask "Hello"    ({one_line(who)} at {where} replies)'
