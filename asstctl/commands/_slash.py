"""The commands of a chat: a first word like /help."""

import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from asstctl._record import record
from asstctl.commands._clipboard import copy
from asstctl.commands._editor import edited
from asstctl.commands._searching import draw, hits_of, indexed
from asstctl.commands._talk import Chat
from asstctl.errors import ConfigError
from asstctl.fences import last_code
from asstctl.reading import contents
from asstctl.render import listing, noted, transcript
from asstctl.render.terminal import harmless

COMMAND = re.compile(r"/([a-z]+)(?:\s+(.*?))?\s*", re.DOTALL)
"""A line that is a command: its name, and what follows. A path has another slash, or none such."""

RECALLED = 20
"""Messages that /history shows, and threads that /threads lists."""

FORMS = {
    ".md": transcript.Format.MARKDOWN,
    ".txt": transcript.Format.TEXT,
    ".json": transcript.Format.JSON,
    ".jsonl": transcript.Format.JSONL,
    ".html": transcript.Format.HTML,
}
"""The form of a saved thread by its file's name."""


SAVED = f"/save FILE, which ends in {' '.join(FORMS)}"
"""How a thread is saved, in words."""


@record
class Slash:
    """One command: its name, what follows it, what it does in words, and the function."""

    name: str
    usage: str
    about: str
    run: Callable[[Chat, str], None]


def read(line: str) -> tuple[str, str] | None:
    """Return the name and the rest of a command, None for what is to be said.

    Two slashes at the beginning say one.
    """
    match = COMMAND.fullmatch(line)
    return (match[1], match[2] or "") if match else None


def obey(chat: Chat, name: str, rest: str) -> None:
    """Do a command; an unknown one is never sent. Raises AsstctlError."""
    command = BY_NAME.get("quit" if name == "exit" else name)
    if command is None:
        raise ConfigError(f"no command /{name}", hint=f"/help lists them; //{name} says it")
    if rest and not command.usage:
        raise ConfigError(f"/{command.name} takes nothing behind it")
    command.run(chat, rest)


def show_help(_: Chat, __: str) -> None:
    """Show the commands."""
    rows = [(f"/{command.name} {command.usage}", command.about) for command in COMMANDS]
    listing.explained(rows, sys.stderr)
    sys.stderr.write("  exit, quit, an empty line or Ctrl-D leave; // says a slash\n")


def new(chat: Chat, _: str) -> None:
    """Begin a new thread with the next prompt."""
    chat.open(None, 0)
    listing.note(f"the next prompt begins a new thread, {chat.who}", sys.stderr)


def threads(chat: Chat, _: str) -> None:
    """List the threads that were used last."""
    found = chat.session.threads(RECALLED)
    listing.as_table(found, sys.stderr, chat.session.environment, time.time())


def switch(chat: Chat, reference: str) -> None:
    """Go on in another thread."""
    if not reference:
        raise ConfigError("/switch wants a thread", hint="/threads lists them")
    chat.open(chat.session.known_thread(reference), RECALLED)
    listing.note(f"this is {chat.where}", sys.stderr)


def history(chat: Chat, count: str) -> None:
    """Show the last messages."""
    if count and not count.isdecimal():
        raise ConfigError("/history wants a number")
    if thread := chat.session.current:
        chat.recall(thread, int(count or RECALLED))
    else:
        listing.note("nothing was said yet", sys.stderr)


def search(chat: Chat, words: str) -> None:
    """Search in what is kept."""
    from asstctl.store.phrases import terms  # few chats search
    from asstctl.store.search import Where

    try:
        asked = terms(words)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    with closing(indexed(chat.session)) as work:
        noted(work, chat.invocation.notes)
    hits, _ = hits_of(chat.session, asked, 10, Where())
    draw(hits, sys.stderr, chat.session.environment)
    if not hits:
        listing.note("nothing that is kept here has these words", sys.stderr)


def retry(chat: Chat, _: str) -> None:
    """Ask the last prompt again."""
    if not (last := chat.prompt):
        raise ConfigError("nothing was said yet")
    listing.note("asked again; the thread keeps the first prompt and its reply too", sys.stderr)
    chat.again(last)


def edit(chat: Chat, text: str) -> None:
    """Write a prompt in the editor, and say it."""
    prompt = edited(text, ".md", chat.session.environment).strip()
    if prompt:
        sys.stderr.write("".join(f"> {harmless(line)}\n" for line in prompt.splitlines()))
        chat.say(prompt)
    else:
        listing.note("nothing is said", sys.stderr)


def file(chat: Chat, path: str) -> None:
    """Attach a file to the next prompt."""
    if not path:
        raise ConfigError("/file wants a path")
    chat.attach(Path(path).expanduser())
    listing.note(f"the next prompt brings {path}", sys.stderr)


def copy_(chat: Chat, what: str) -> None:
    """Put the last reply, or the code in it, on the clipboard."""
    text: str | None = chat.reply
    if what == "code":
        text = last_code(chat.reply)
    elif what:
        raise ConfigError("/copy takes nothing, or: code")
    if not text:
        raise ConfigError(f"there is no {what or 'reply'} to copy")
    listing.note(
        f"copied {len(text)} characters by {copy(text, chat.session.environment)}", sys.stderr
    )


def save(chat: Chat, name: str) -> None:
    """Write the thread to a file, in the form of its name; or the last reply's files to a folder.

    Without a name that is the current one.
    """
    thread, path = chat.session.current, Path(name or ".").expanduser()
    if thread is None:
        raise ConfigError("nothing was said yet")
    if not path.suffix or path.is_dir():
        if not chat.save_files(path):
            raise ConfigError("the last reply made no files", hint=f"for the thread: {SAVED}")
        return
    form = FORMS.get(path.suffix)
    if form is None:
        raise ConfigError(f"a thread can't be written as {path.suffix}", hint=SAVED)
    from asstctl.transfer.archive import write

    if path.exists():
        raise ConfigError(f"{path} is there already", hint="choose another name")
    messages = list(chat.session.holder(thread).history(thread.id))
    read = contents(chat.session, thread)
    write(path, transcript.pieces(thread, messages, form, read))
    listing.note(f"{len(messages)} messages are in {path}", sys.stderr)


def model(chat: Chat, name: str) -> None:
    """Show who replies, or choose another model for this chat."""
    if name:
        chat.session.change("model", name)
        chat.session.check(chat.session.current)
    listing.note(chat.who, sys.stderr)


def instructions(chat: Chat, text: str) -> None:
    """Show what the model is told first, or tell it something else in this chat."""
    if text:
        chat.session.change("instructions", None if text == "-" else text)
    listing.note(chat.settings.instructions or "there are none", sys.stderr)


def stats(chat: Chat, _: str) -> None:
    """Show figures after each reply, or no more."""
    listing.note("figures: on" if chat.toggle_stats() else "figures: off", sys.stderr)


def leave(chat: Chat, _: str) -> None:
    """End the chat."""
    chat.ended = True


COMMANDS = (
    Slash("help", "", "these commands", show_help),
    Slash("new", "", "begin a new thread with the next prompt", new),
    Slash("threads", "", "the threads that were used last", threads),
    Slash("switch", "REF", "go on in another thread: id, beginning, name, @2", switch),
    Slash("history", "[N]", "the last messages of this thread", history),
    Slash("search", "WORDS", "find words in what is kept", search),
    Slash("retry", "", "say the last prompt again; the thread keeps both", retry),
    Slash("edit", "[TEXT]", "write a prompt in $EDITOR; Ctrl-X Ctrl-E does so with a line", edit),
    Slash("file", "PATH", "bring a file along with the next prompt", file),
    Slash("copy", "[code]", "put the last reply, or its last code, on the clipboard", copy_),
    Slash(
        "save",
        "[FILE|DIR]",
        f"the files of the last reply, to a folder; or the thread, to a file: {' '.join(FORMS)}",
        save,
    ),
    Slash("model", "[NAME]", "who replies; with a name, that model from now on", model),
    Slash(
        "instructions",
        "[TEXT]",
        "what the model is told before the thread; - is the profile's own",
        instructions,
    ),
    Slash("stats", "", "figures after each reply, or no more", stats),
    Slash("quit", "", "leave", leave),
)
"""Every command, in the order of the help."""

BY_NAME = {command.name: command for command in COMMANDS}
