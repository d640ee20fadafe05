"""`asstctl chat`: prompt and streamed reply, again and again."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from asstctl.commands import WORDS, options
from asstctl.commands._input import LARGEST_PROMPT, decoded
from asstctl.commands._reply import Talk, talking
from asstctl.commands._talk import Chat
from asstctl.commands.app import App
from asstctl.errors import AsstctlError
from asstctl.render.terminal import one_line, said

app = App()

FAREWELLS = ("", "exit", "quit")
"""Lines that end a chat, in any case of letters."""

HELP = f"""{WORDS["chat"]}

Ctrl-C ends a reply, not the chat. /help in it shows its commands.
"""


@app.command(help=HELP, examples=["chat", "chat -c", "chat -t sky --history 4"])
@talking
def chat(
    ctx: typer.Context,
    talk: Talk,
    history: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=10_000, help="Messages to show of a thread that is opened."
        ),
    ] = 20,
    commands: Annotated[
        bool, typer.Option("--commands", help="Obey /commands that are piped in, too.")
    ] = False,
) -> None:
    """Send prompts and write their replies."""
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.thread(talk.reference)
        session.check(thread)  # before anything is typed that would be lost
        here = Chat(invocation, talk, session)
        here.open(thread, history)
        try:
            if here.interactive:
                from asstctl.commands._keyboard import keyboard  # takes long to load

                sys.stderr.write(f"{one_line(here.where)}, {one_line(here.who)}\n")
                sys.stderr.write("/help shows the commands; an empty line ends the chat\n")
                converse(here, keyboard(here), commands=True)
            else:
                converse(here, piped_lines(), commands=commands)
        finally:
            where = f" (thread: {said(session.current.id)})" if session.current else ""
            sys.stderr.write(f"Bye!{where}\n")
            talk.last_words(session)


def converse(here: Chat, read: Callable[[], str | None], *, commands: bool) -> None:
    """Send what is typed and obey commands, until a farewell, an empty line or the end."""
    while not here.ended and (line := read()) is not None:
        if line.strip().lower() in FAREWELLS:
            return
        if commands and line.startswith("/"):
            slash(here, line)
        else:
            here.say(line)


def slash(here: Chat, line: str) -> None:
    """Obey a line that begins with a slash, or say it where it is no command."""
    from asstctl.commands import _slash  # few lines are commands

    if line.startswith("//"):
        here.say(line[1:])
    elif command := _slash.read(line):
        try:
            _slash.obey(here, *command)
        except AsstctlError as error:
            if not here.interactive:
                raise
            here.tell(error)
    else:
        here.say(line)


def piped_lines() -> Callable[[], str | None]:
    """Read prompts from a pipe or a file, a line each."""

    def read() -> str | None:
        line = sys.stdin.buffer.readline(LARGEST_PROMPT + 1)
        return decoded(line, "stdin").rstrip("\r\n") if line else None

    return read
