"""`asstctl chat`: prompt and streamed reply, again and again."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from asstctl import _signals
from asstctl.commands import WORDS, options
from asstctl.commands._input import LARGEST_PROMPT, attached, decoded
from asstctl.commands._reply import Talk, talking
from asstctl.commands.app import App
from asstctl.errors import AsstctlError, AuthError, ConfigError
from asstctl.model import Thread
from asstctl.reading import contents
from asstctl.render import Render, failure, listing, transcript
from asstctl.render.terminal import said
from asstctl.session import Session

app = App()

FAREWELL = "exit"
"""The word that ends a chat, beside an empty line."""

HELP = f"""{WORDS["chat"]}

Ctrl-C ends a reply, not the chat.
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
) -> None:
    """Send prompts and write their replies."""
    attachments = [attached(path) for path in talk.files]
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        session.current = session.thread(talk.reference)
        session.check(session.current)  # before anything is typed that would be lost
        if session.current and history:
            recall(session, session.current, history)
        render = talk.renderer(invocation)
        read = keyboard(session) if sys.stdin.isatty() else piped_lines()
        try:
            for line in lines(read):
                text = "\n\n".join([line, *attachments])
                attachments = []
                answer(invocation, talk, session, render, text)
        finally:
            where = f" (thread: {said(session.current.id)})" if session.current else ""
            sys.stderr.write(f"Bye!{where}\n")
            talk.last_words(session)


def recall(session: Session, thread: Thread, count: int) -> None:
    """Show the last messages of a thread that is opened again."""
    messages = list(session.holder(thread).history(thread.id, count))
    if messages:
        files = contents(session, thread)
        transcript.write(thread, messages, None, sys.stderr, session.environment, files)
        sys.stderr.write("\n")


def answer(
    invocation: options.Invocation, talk: Talk, session: Session, render: Render, prompt: str
) -> None:
    """Send one prompt; on a terminal neither Ctrl-C nor an error ends the chat."""
    try:
        talk.write(invocation, session, render, session.current, prompt)
    except KeyboardInterrupt as stopped:
        if not sys.stdin.isatty():
            raise
        notes = getattr(stopped, "__notes__", None) or ["what came is kept"]
        for note in notes:
            listing.note(f"stopped; {note}", sys.stderr)
        _signals.dealt_with()
    except AsstctlError as error:
        if not sys.stdin.isatty() or isinstance(error, ConfigError | AuthError):
            raise
        failure.write(error, sys.stderr, as_json=invocation.json)


def lines(read: Callable[[], str | None]) -> Iterator[str]:
    """Yield the lines that are typed, until `exit`, an empty line or the end."""
    while (line := read()) is not None and line.strip() not in ("", FAREWELL):
        yield line


def piped_lines() -> Callable[[], str | None]:
    """Read prompts from a pipe or a file, a line each."""

    def read() -> str | None:
        line = sys.stdin.buffer.readline(LARGEST_PROMPT + 1)
        return decoded(line, "stdin").rstrip("\r\n") if line else None

    return read


def keyboard(session: Session) -> Callable[[], str | None]:
    """Read prompts from the terminal: editing, history, pasted lines; Alt-Enter is a new line."""
    from prompt_toolkit import PromptSession  # takes long to load, and only a terminal needs it
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.output import create_output

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    history = private_file(session.data / "prompts")
    prompts: PromptSession[str] = PromptSession(
        "> ",
        history=FileHistory(history) if history else None,
        key_bindings=keys,
        output=create_output(stdout=sys.stderr),
        prompt_continuation="  ",
    )

    def read() -> str | None:
        while True:
            try:
                return prompts.prompt()
            except EOFError:
                return None
            except KeyboardInterrupt:
                if not prompts.default_buffer.text:
                    raise

    return read


def private_file(path: Path) -> str | None:
    """Make a file that the user alone can read; return its path, None where that can't be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return None
    return str(path)
