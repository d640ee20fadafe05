"""`asstctl ask`: one prompt, one streamed reply."""

import sys
from typing import Annotated

import typer

from asstctl.commands import _options as options
from asstctl.commands._app import App
from asstctl.commands._input import prompt_text
from asstctl.commands._reply import Form, consent, if_busy
from asstctl.session import open_session

app = App()


@app.command()
def ask(
    ctx: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to say; - reads stdin.")
    ] = None,
    thread: options.Reference = None,
    last: options.Continue = False,
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
    """Say something once and stream the reply.

    Without -t or -c it is said to a new thread. What is piped in follows the PROMPT.
    """
    text = prompt_text(prompt, file or [])
    if not text:
        sys.stderr.write("asstctl: no prompt\n")
        options.usage(ctx)
    reference = options.chosen(thread, last)
    form = Form(
        output, typing_delay, stats, show_reasoning, if_busy(wait, cancel_active), consent(yes)
    )
    with open_session(options.invocation(ctx).load()) as session:
        chosen = session.thread(reference)
        try:
            form.write(session, form.renderer(session), chosen, text)
        finally:
            if print_id and session.current:
                sys.stderr.write(f"{session.current.id}\n")
