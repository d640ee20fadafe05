"""A chat as far as it went: its thread, what waits for the next prompt, the last turn."""

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from asstctl import _signals
from asstctl.commands import options
from asstctl.commands._input import Said, brought, with_files
from asstctl.commands._reply import Talk
from asstctl.config.settings import Settings
from asstctl.errors import AsstctlError
from asstctl.model import Role, Thread, count
from asstctl.reading import contents
from asstctl.render import failure, listing, transcript
from asstctl.session import Session

LOOKED_AT = 20
"""Messages among which the last of a role is looked for."""


class Chat:
    """One chat; `said` is what was said last, None before that."""

    def __init__(self, invocation: options.Invocation, talk: Talk, session: Session) -> None:
        self.invocation = invocation
        self.session = session
        self.said: Said | None = None
        self.ended = False
        self._talk = talk
        self._files = [brought(path) for path in talk.files]
        self._render = talk.renderer(invocation)

    @property
    def interactive(self) -> bool:
        """Whether a person types: then no error ends the chat."""
        return sys.stdin.isatty()

    @property
    def reply(self) -> str:
        """The words of the last reply, "" before there is one."""
        if self.session.turn:
            replies = self.session.turn.replies
            return "\n\n".join(message.text for message in replies if message.text)
        return self._last("assistant")

    @property
    def prompt(self) -> Said | None:
        """The prompt that was said last in this thread, None where there is none."""
        text = "" if self.said else self._last("user")
        return self.said or (Said(text) if text else None)

    def _last(self, role: Role) -> str:
        """Return the words of a role's last message in this thread."""
        thread = self.session.current
        if thread is None:
            return ""
        messages = self.session.holder(thread).history(thread.id, LOOKED_AT)
        return ([""] + [m.text for m in messages if m.role == role and m.text])[-1]

    def say(self, prompt: str) -> None:
        """Send a prompt with what was attached, and write the reply.

        On a terminal neither Ctrl-C nor an error ends the chat.
        """
        said = with_files(prompt, self._files)
        self._files.clear()
        self.again(said)

    def again(self, said: Said) -> None:
        """Send a prompt, and write the reply; see `say`."""
        self.said = said
        try:
            session = self.session
            self._talk.write(self.invocation, session, self._render, session.current, said)
        except KeyboardInterrupt as stopped:
            if not self.interactive:
                raise
            for note in getattr(stopped, "__notes__", None) or ["what came is kept"]:
                listing.note(f"stopped; {note}", sys.stderr)
            _signals.dealt_with()
        except AsstctlError as error:
            if not self.interactive:
                raise
            self.tell(error)
        if self.interactive and (thread := self.session.current):
            with suppress(AsstctlError):  # its row has the title and the name
                self.session.current = self.session.store.index.get(*thread.key)

    def tell(self, error: AsstctlError) -> None:
        """Write an error that does not end the chat."""
        where = self.invocation
        failure.write(error, sys.stderr, as_json=where.json, file=where.file)

    def attach(self, path: Path) -> None:
        """Add a file to the next prompt; raises AsstctlError where it can't be read."""
        self._files.append(brought(path))

    def save_files(self, folder: Path) -> bool:
        """Write the files that the last reply made to a folder; return False where it made none."""
        from asstctl.commands import _files  # few chats save any

        return _files.save(self.invocation, self.session, folder)

    def open(self, thread: Thread | None, history: int) -> None:
        """Go on in a thread, None: in a new one; its last messages are shown."""
        self.session.check(thread)
        profile = self.settings.profile
        self.session.current, self.session.turn, self.said = thread, None, None
        if self.settings.profile != profile and self.session.config.flags.get("model"):
            self.session.change("model", None)  # of the other server
            listing.note(f"the model is the profile's own again, {self.who}", sys.stderr)
        if self._files:
            listing.note(f"{count(len(self._files), 'file')} go along to it", sys.stderr)
        if thread and history:
            self.recall(thread, history)

    def recall(self, thread: Thread, count: int) -> None:
        """Show the last messages of a thread."""
        messages = list(self.session.holder(thread).history(thread.id, count))
        if messages:
            files = contents(self.session, thread)
            environment = self.session.environment
            transcript.write(thread, messages, None, sys.stderr, environment, files)
            sys.stderr.write("\n")

    def toggle_stats(self) -> bool:
        """Show figures after each reply, or do so no more; return which."""
        self._talk = replace(self._talk, stats=not self._talk.stats)
        return self._talk.stats

    @property
    def who(self) -> str:
        """The profile, and who replies in it, in words."""
        settings = self.settings
        return f"{settings.profile}: {settings.speaker or 'the model of its server'}"

    @property
    def settings(self) -> Settings:
        """The settings that the next prompt is said with."""
        thread = self.session.current
        return self.session.settings(self.session.chosen or (thread.profile if thread else None))

    @property
    def where(self) -> str:
        """The thread, in words."""
        thread = self.session.current
        if thread is None:
            return "a new thread"
        return f"{thread.name or thread.id}{f' ({thread.title})' if thread.title else ''}"
