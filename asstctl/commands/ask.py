"""`asstctl ask`: one prompt, one streamed reply."""

from typing import Annotated

import typer

from asstctl.commands import WORDS, options
from asstctl.commands._input import said
from asstctl.commands._reply import Talk, talking
from asstctl.commands.app import App

app = App()

HELP = f"""{WORDS["ask"]}

Without -t or -c it is said to a new thread. What is piped in follows the PROMPT.
"""


@app.command(
    help=HELP,
    examples=[
        'ask "Why is the sky blue?"',
        'ask -c "And at sunset?"',
        'ask -f notes.txt "Sum this up." > summary.txt',
    ],
)
@talking
def ask(
    ctx: typer.Context,
    talk: Talk,
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to say; - reads stdin.")
    ] = None,
) -> None:
    """Send one prompt and write its reply."""
    words = said(prompt, talk.files)
    if words is None:
        raise typer.BadParameter("there is none: give one, or pipe it in", param_hint="PROMPT")
    invocation = options.invocation(ctx)
    with invocation.session() as session:
        thread = session.thread(talk.reference)
        try:
            talk.write(invocation, session, talk.renderer(invocation), thread, words)
        finally:
            talk.last_words(session)
