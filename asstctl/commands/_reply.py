"""One prompt and its reply: what `ask` does once and `chat` again and again."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asstctl._record import record
from asstctl.commands import options
from asstctl.commands._input import Said
from asstctl.commands._stats import Stats
from asstctl.commands.app import taking
from asstctl.config.settings import described
from asstctl.errors import AsstctlError, UnavailableError
from asstctl.events import IfBusy, Prompt
from asstctl.model import Thread
from asstctl.parts import File, Image
from asstctl.render import Output, Render, confirmed, paced, renderer, unechoed, waited
from asstctl.session import Session
from asstctl.tools import Consent

if TYPE_CHECKING:
    from asstctl.commands._files import Sent

Instructions = Annotated[
    str | None,
    typer.Option(
        "-s",
        "--instructions",
        "--system",
        metavar="TEXT",
        help=described("instructions"),
        callback=options.remember_flag,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        metavar="NAME",
        help=described("model"),
        callback=options.remember_flag,
    ),
]
Schema = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Ask for JSON of this schema, and write it plainly.",
        callback=options.remember_flag,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(metavar="S", help=described("timeout"), callback=options.remember_flag),
]
ReplyOutput = Annotated[
    Output | None,
    typer.Option(
        "-o",
        "--output",
        help="The reply's form; on a terminal markdown, else plain.",
        callback=options.remember_json,
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "-t", "--thread", metavar="REF", help=f"The thread to say it to. {options.REFERENCE}"
    ),
]
Continue = Annotated[
    bool, typer.Option("-c", "--continue", help="Say it to the last thread: -t @last.")
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "-f", "--file", metavar="FILE", help="Bring a text, image or document; may be repeated."
    ),
]
PrintId = Annotated[
    bool, typer.Option("--print-id", help="Print the thread's id on stderr at the end.")
]
TypingDelay = Annotated[
    int, typer.Option(metavar="MS", min=0, max=10_000, help="Pause after each word, as if typed.")
]
ShowStats = Annotated[
    bool, typer.Option("--stats", help="Print times and tokens on stderr at the end.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Where the thread has an active run, wait for its end.")
]
CancelActive = Annotated[
    bool, typer.Option("--cancel-active", help="Where the thread has an active run, cancel it.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Run the profile's tools without asking.")]
Extract = Annotated[
    bool, typer.Option("-x", "--extract", help="Write the last fenced code of the reply alone.")
]
SaveFiles = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write files and images that the reply made to a folder."),
]
ShowReasoning = Annotated[
    bool, typer.Option("--show-reasoning", help="Show the model's reasoning on stderr.")
]


LOOKED_INTO = (401, 403, 404, 405)
"""Statuses of refusals that a setting may be the reason of."""


@record
class Talk:
    """The shared options of `ask` and `chat`: to which thread, with which files, in which form."""

    reference: str | None
    files: list[Path]
    print_id: bool
    output: Output | None
    delay_ms: int
    stats: bool
    reasoning: bool
    extract: bool
    save_files: Path | None
    if_busy: IfBusy
    consent: Consent

    def renderer(self, invocation: options.Invocation) -> Render:
        """Load the renderer of the replies, once: on a terminal that takes a while."""
        invocation.notes.reasoning = self.reasoning
        if self.extract:
            return renderer(Output.CODE, invocation.out, invocation.environment)
        output = self.output or (Output.PLAIN if "schema" in invocation.flags else None)
        return renderer(output, invocation.out, invocation.environment)

    def write(
        self,
        invocation: options.Invocation,
        session: Session,
        render: Render,
        thread: Thread | None,
        said: Said,
    ) -> None:
        """Send a prompt to a thread and write the reply as it comes."""
        stats = Stats()
        sent = uploaded(session, thread, said.files) if said.files else []
        prompt = Prompt(said.text, self.if_busy, tuple(part for part, _ in sent))
        with (
            unechoed(sys.stdin),
            closing(stats.of(session.say(thread, prompt, self.consent))) as reply,
        ):
            shown = waited(reply, invocation.notes, invocation.environment)
            try:
                render(paced(shown, self.delay_ms / 1000) if self.delay_ms else shown, invocation)
            except AsstctlError as error:
                if error.status in LOOKED_INTO and not error.hint:
                    command = session.settings(session.chosen).command
                    error.hint = f"{command} doctor looks at the settings and the server"
                if sent and not (thread or session.current or isinstance(error, UnavailableError)):
                    from asstctl.commands._files import withdraw  # few prompts bring any

                    withdraw(session, sent)
                raise
            finally:
                keep_sent(session, thread or session.current, sent)
                keep_made(invocation, session)
                if self.save_files:
                    from asstctl.commands._files import save  # few ask for it

                    save(invocation, session, self.save_files)
                if self.stats:
                    from asstctl.render import listing  # the first byte does not wait for it

                    listing.note(stats.line(session.request_id), sys.stderr)

    def last_words(self, session: Session) -> None:
        """Print the thread's id where that was asked for."""
        if self.print_id and session.current:
            from asstctl.render.terminal import said  # few ask for it

            sys.stderr.write(f"{said(session.current.id)}\n")


def keep_sent(session: Session, thread: Thread | None, sent: "list[Sent]") -> None:
    """Keep the files that were uploaded for a prompt, as far as there is a thread."""
    if sent and thread:
        from asstctl.commands._files import keep

        keep(session, thread, sent)


def uploaded(
    session: Session, thread: Thread | None, files: Sequence[Image | File]
) -> "list[Sent]":
    """Return files as the thread's server takes them, with their contents."""
    from asstctl.commands import _files  # most prompts bring none

    return _files.uploaded(session, thread, files)


def keep_made(invocation: options.Invocation, session: Session) -> None:
    """Keep the files that a reply made in a container, which ends some minutes later."""
    if session.current is None or session.turn is None or not session.turn.made:
        return
    from asstctl.commands._files import fetch  # few replies make any

    fetch(invocation, session, session.current, session.turn.made)


OPTIONS: dict[str, tuple[Any, Any]] = {
    "thread": (Reference, None),
    "last": (Continue, False),
    "file": (Files, None),
    "output": (ReplyOutput, None),
    "instructions": (Instructions, None),
    "model": (Model, None),
    "schema": (Schema, None),
    "print_id": (PrintId, False),
    "timeout": (Timeout, None),
    "typing_delay": (TypingDelay, 0),
    "stats": (ShowStats, False),
    "wait": (Wait, False),
    "cancel_active": (CancelActive, False),
    "yes": (Yes, False),
    "show_reasoning": (ShowReasoning, False),
    "extract": (Extract, False),
    "save_files": (SaveFiles, None),
}
"""The options that `ask` and `chat` share; --model and --timeout, say, override settings."""


def talking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that takes the shared options; they come as its argument `talk`."""
    return taking(command, OPTIONS, talk=_talk)


def _talk(**given: Any) -> Talk:
    """Return the options as a value; raises typer.BadParameter for two that exclude each other."""
    if given["wait"] and given["cancel_active"]:
        raise typer.BadParameter("--wait and --cancel-active exclude each other")
    if given["extract"] and given["output"]:
        raise typer.BadParameter("-x and -o exclude each other")
    return Talk(
        reference=options.chosen(given["thread"], given["last"]),
        files=given["file"] or [],
        print_id=given["print_id"],
        output=given["output"],
        delay_ms=given["typing_delay"],
        stats=given["stats"],
        reasoning=given["show_reasoning"],
        extract=given["extract"],
        save_files=given["save_files"],
        if_busy="wait" if given["wait"] else "cancel" if given["cancel_active"] else "refuse",
        consent=Consent(_ask, everything=given["yes"]),
    )


def _ask(question: str) -> bool | None:
    """Ask the user whether a tool may run; None where there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return confirmed(question, sys.stdin, sys.stderr)
