"""Prompts from a terminal: editing, history, completion, a line that says where one is."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import create_output

from asstctl.commands._slash import COMMANDS, RECALLED
from asstctl.commands._talk import Chat
from asstctl.errors import AsstctlError
from asstctl.render.terminal import one_line


class Words(Completer):
    """Completes the commands of a chat, and what follows some of them."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._paths = PathCompleter(expanduser=True)
        self._known: dict[str, list[str]] = {}  # models, by profile

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may follow the text before the cursor."""
        text = document.text_before_cursor
        name, blank, rest = text.partition(" ")
        if not text.startswith("/") or "\n" in text:
            return
        if not blank:
            for command in COMMANDS:
                if f"/{command.name}".startswith(text):
                    word = f"/{command.name}{' ' if command.usage else ''}"
                    yield Completion(word, -len(text), display_meta=command.about)
        elif name in ("/file", "/save"):
            yield from self._paths.get_completions(Document(rest, len(rest)), event)
        else:
            for word, about in self._offered(name):
                if word.startswith(rest):
                    yield Completion(word, -len(rest), display_meta=about)

    def _models(self) -> list[str]:
        """Return the models of the profile that replies, asked for once."""
        settings = self._chat.settings
        if settings.profile not in self._known:
            self._known[settings.profile] = self._chat.session.backend(settings).models()
        return self._known[settings.profile]

    def _offered(self, name: str) -> list[tuple[str, str]]:
        try:
            match name:
                case "/switch":
                    found = self._chat.session.threads(RECALLED)
                    return [(t.name or t.id, one_line(t.title)) for t in found]
                case "/model":
                    return [(model, "") for model in self._models()]
        except AsstctlError:
            pass  # there is nothing to offer
        return [("code", "the last code of the reply")] if name == "/copy" else []


def keyboard(chat: Chat) -> Callable[[], str | None]:
    """Return the function that reads a prompt, None at the end; Alt-Enter is a new line."""
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    history = private_file(chat.session.data / "prompts")
    prompts: PromptSession[str] = PromptSession(
        "> ",
        history=FileHistory(history) if history else None,
        key_bindings=keys,
        output=create_output(stdout=sys.stderr),
        prompt_continuation="  ",
        completer=Words(chat),
        complete_while_typing=False,
        enable_open_in_editor=True,
        bottom_toolbar=lambda: one_line(f"{chat.who} · {chat.where}"),
    )

    def read() -> str | None:
        warned = False
        while True:
            try:
                return prompts.prompt()
            except EOFError:
                return None
            except KeyboardInterrupt:
                if prompts.default_buffer.text:
                    continue
                if warned:
                    raise
                warned = True
                sys.stderr.write("Ctrl-D or an empty line ends the chat; so does Ctrl-C again\n")

    return read


def private_file(path: Path) -> str | None:
    """Make a file that the user alone can read; return its path, None where that can't be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return None
    return str(path)
