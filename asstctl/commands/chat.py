"""`asstctl chat`: prompt and streamed reply, again and again."""

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from asstctl.commands import _options as options
from asstctl.commands._app import App
from asstctl.commands._input import LARGEST_PROMPT, attached, decoded
from asstctl.commands._reply import Form, consent, if_busy
from asstctl.errors import AsstctlError, AuthError, ConfigError
from asstctl.events import Thread
from asstctl.render import Output, Render, failure, listing, transcript
from asstctl.session import Session, open_session

app = App()

FAREWELL = "exit"
"""What ends a chat, beside an empty line."""


@app.command()
def chat(
    ctx: typer.Context,
    thread: options.Reference = None,
    last: options.Continue = False,
    history: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=10_000, help="Messages to show of a thread that is opened."
        ),
    ] = 20,
    file: options.Files = None,
    output: options.ReplyOutput = None,
    instructions: options.Instructions = None,  # noqa: ARG001 - its callback makes it a setting
    print_id: options.PrintId = False,
    timeout: options.Timeout = None,  # noqa: ARG001 - the same
    typing_delay: options.TypingDelay = 0,
    stats: options.Stats = False,
    wait: options.Wait = False,
    cancel_active: options.CancelActive = False,
    yes: options.Yes = False,
    show_reasoning: options.ShowReasoning = False,
    profile: options.Profile = None,  # noqa: ARG001 - the same
) -> None:
    """Talk: a prompt, a streamed reply, until `exit`, an empty line or Ctrl-D.

    Ctrl-C ends a reply, not the chat.
    """
    reference = options.chosen(thread, last)
    form = Form(
        output, typing_delay, stats, show_reasoning, if_busy(wait, cancel_active), consent(yes)
    )
    attachments = [attached(path) for path in file or []]
    with open_session(options.invocation(ctx).load()) as session:
        session.current = session.thread(reference)
        session.check(session.current)  # before anything is typed that would be lost
        if session.current and history:
            recall(session, session.current, history)
        render = form.renderer(session)
        read = keyboard(session) if sys.stdin.isatty() else piped_lines()
        try:
            for line in lines(read):
                text = "\n\n".join([line, *attachments])
                attachments = []
                answer(form, session, render, text)
        finally:
            where = f" (thread: {session.current.id})" if session.current else ""
            sys.stderr.write(f"Bye!{where}\n")
            if print_id and session.current:
                sys.stderr.write(f"{session.current.id}\n")


def recall(session: Session, thread: Thread, count: int) -> None:
    """Show the last messages of a thread that is opened again."""
    messages = list(session.history(thread, count))
    if messages:
        transcript.write(thread, messages, None, sys.stderr, session.environment)
        sys.stderr.write("\n")


def answer(form: Form, session: Session, render: Render, prompt: str) -> None:
    """Say one prompt; on a terminal neither Ctrl-C nor an error ends the chat."""
    try:
        form.write(session, render, session.current, prompt)
    except KeyboardInterrupt as stopped:
        if not sys.stdin.isatty():
            raise
        notes = getattr(stopped, "__notes__", None) or ["what came is kept"]
        for note in notes:
            listing.note(f"stopped; {note}", sys.stderr)
    except AsstctlError as error:
        if not sys.stdin.isatty() or isinstance(error, ConfigError | AuthError):
            raise
        failure.write(error, sys.stderr, as_json=form.output is Output.JSON)


def lines(read: Callable[[], str | None]) -> Iterator[str]:
    """Give what is typed, until `exit`, an empty line or the end."""
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

    history = session.private_file("prompts")
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
