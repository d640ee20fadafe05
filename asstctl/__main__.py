"""The way in; the only place where errors become exit codes."""

from __future__ import annotations  # what annotations name is not imported to run

import gc
import os
import sys

from asstctl import __version__, _signals
from asstctl.errors import StoppedError

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without the 6 ms that typing takes
if TYPE_CHECKING:
    from typing import NoReturn, TextIO

    from asstctl.commands.options import Invocation

INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: list[str], out: TextIO, err: TextIO) -> int:
    """Run a command line and return its exit code."""
    if arguments in (["-V"], ["--version"]):  # answered before anything is imported
        out.write(f"{__version__}\n")
        return 0
    if len(arguments) > 1 and arguments[0] == "__complete":
        from asstctl import completion

        completion.answer(arguments[1], "".join(arguments[2:3]), os.environ, out)
        return 0
    try:
        with _signals.Held():
            from asstctl.commands.options import Invocation

        invocation = Invocation(os.environ)
        try:
            return command(arguments, invocation)
        except BrokenPipeError:
            return PIPE_CLOSED
        except Exception as error:  # noqa: BLE001 - here all become exit codes
            from asstctl.render import failure

            return failure.write(
                error,
                err,
                as_json=invocation.json,
                traceback=invocation.debug,
                file=invocation.file,
            )
    except (KeyboardInterrupt, StoppedError) as left:
        _signals.last_words()
        if notes := getattr(left, "__notes__", ()):
            from asstctl.render.terminal import said

            err.writelines(f"asstctl: {said(note)}\n" for note in notes)
        return left.exit_code if isinstance(left, StoppedError) else INTERRUPTED


def command(arguments: list[str], invocation: Invocation) -> int:
    """Run a command and return the exit code that it asks for; its errors pass through."""
    with _signals.Held():
        import typer

        from asstctl import cli
        from asstctl.errors import AsstctlError

    for word in arguments:
        if any("\ud800" <= letter <= "\udfff" for letter in word):  # so Python marks other bytes
            raise AsstctlError(f"the command line is not UTF-8: {word!a}")
    try:
        cli.run(arguments, invocation)
        sys.stdout.flush()
    except typer.Exit as left:
        return left.exit_code
    except typer.Abort as aborted:
        raise KeyboardInterrupt from aborted
    return 0


def run() -> NoReturn:
    """Run this process's command line and leave at once.

    What is worth keeping is written by then, and clearing the heap would take longer than many
    commands. A model that is still loading in its thread ends with the process.
    """
    code = 1
    try:
        _signals.heed()
        if os.name == "nt":
            from asstctl._windows import draw_colours

            draw_colours()
        gc.set_threshold(50_000)  # modules make no garbage: looking for it takes a tenth of a start
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if getattr(sys, name) is None:  # closed by the parent process
                setattr(
                    sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r+" if number else "r")
                )
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace", newline="")  # type: ignore[union-attr]
        code = main(sys.argv[1:], sys.stdout, sys.stderr)
    except KeyboardInterrupt:  # before there was anything to stop
        code = INTERRUPTED
    except StoppedError as stopped:
        code = stopped.exit_code
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:  # noqa: SIM105 - contextlib takes as long as answering --version
                stream.flush()
            except OSError:  # nobody reads it any more
                pass
        os._exit(code)


if __name__ == "__main__":
    run()
