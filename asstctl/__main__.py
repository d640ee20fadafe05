"""The way in; the only place where errors become exit codes."""

from __future__ import annotations  # what annotations name is not imported to run

import gc
import os
import sys

from asstctl import __version__

TYPE_CHECKING = False  # typing.TYPE_CHECKING, without the 6 ms that typing takes
if TYPE_CHECKING:
    from typing import Any, NoReturn, TextIO

    from asstctl.commands._options import Invocation


def main(arguments: list[str], out: TextIO, err: TextIO) -> int:
    """Run a command line and give its exit code."""
    if arguments in (["-V"], ["--version"]):  # answered before anything is imported
        out.write(f"{__version__}\n")
        return 0
    if len(arguments) == 2 and arguments[0] == "__complete":  # noqa: PLR2004 - the word and what
        from asstctl import completion

        completion.answer(arguments[1], os.environ, out)
        return 0
    import signal

    from asstctl.errors import StoppedError

    def stop(signum: int, _frame: object) -> NoReturn:
        raise StoppedError(signum)

    heed(signal, StoppedError)
    from asstctl.commands._options import Invocation

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(signum, stop)
    invocation = Invocation(os.environ)
    try:
        return command(arguments, invocation)
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except (KeyboardInterrupt, StoppedError) as left:
        from asstctl.render._terminal import one_line

        err.writelines(f"asstctl: {one_line(note)}\n" for note in getattr(left, "__notes__", ()))
        return left.exit_code if isinstance(left, StoppedError) else 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - here all become exit codes
        from asstctl.render import failure

        return failure.write(error, err, as_json=invocation.json, traceback=invocation.debug)


def heed(signal: Any, stopped: type[BaseException]) -> None:
    """See that a signal is heeded that falls where Python ignores what is raised.

    It does in callbacks of weak references, which importing is full of: then it is raised again,
    a moment later.
    """
    missed: list[BaseException] = []

    def again(_signum: int, _frame: object) -> NoReturn:
        raise missed.pop()

    def ignored(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt | stopped):
            missed.append(unraisable.exc_value)
            signal.setitimer(signal.ITIMER_REAL, 0.001)
        else:
            sys.__unraisablehook__(unraisable)

    signal.signal(signal.SIGALRM, again)
    sys.unraisablehook = ignored


def command(arguments: list[str], invocation: Invocation) -> int:
    """Run a command and give the exit code that it asks for; its errors pass through."""
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
    gc.set_threshold(50_000)  # modules make no garbage, and looking for it takes a tenth of a start
    code = 1
    try:
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            if getattr(sys, name) is None:  # closed by who called us
                setattr(
                    sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r+" if number else "r")
                )
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace", newline="")  # type: ignore[union-attr]
        code = main(sys.argv[1:], sys.stdout, sys.stderr)
    except KeyboardInterrupt:  # before there was anything to stop
        code = 130
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:  # noqa: SIM105 - contextlib takes as long as answering --version
                stream.flush()
            except OSError:  # nobody reads it any more
                pass
        os._exit(code)


if __name__ == "__main__":
    run()
