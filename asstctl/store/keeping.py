"""Turns and lists of a server, written to the kept messages of their thread."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from asstctl._json import sound
from asstctl.model import Message, Thread
from asstctl.parts import bare
from asstctl.store.database import Database
from asstctl.store.files import Known
from asstctl.store.messages import Facts, Key, Messages, new_id
from asstctl.store.objects import names, readable, unsigned
from asstctl.store.rows import text_of

if TYPE_CHECKING:
    from asstctl.store.merging import Entry, Listed


class Keeping:
    """Writes turns as they end, and lists as they were read, to the kept messages."""

    def __init__(
        self, database: Database, messages: Messages, clock: Callable[[], float] = time.time
    ) -> None:
        self._db = database
        self._messages = messages
        self._clock = clock

    def began(self) -> int:
        """Return the counter's value as a list begins to be read."""
        return self._db.tick()

    # Turns

    def of_turn(self, number: int, turn: str) -> list[tuple[int, int, str]]:
        """Return the row, the place and the id of each message of a turn, oldest first."""
        sql = (
            "SELECT number, place, coalesce(id, '') FROM messages"
            " WHERE turn = ? AND turn != '' AND number >> 24 = ? ORDER BY +place"
        )
        return [(row, place, identity) for row, place, identity in self._db.rows(sql, turn, number)]

    def begin_turn(
        self, number: int, said: Message, reply: Message, facts: Facts, *, own: bool
    ) -> None:
        """Add a prompt and its reply at the end of the thread with a number.

        `own`: no service gives them ids. A prompt that a list has said already, with its mark,
        stays where it stands.
        """
        sql = (
            "SELECT number, place FROM messages WHERE mark = ? AND mark != ''"
            " AND number >> 24 = ? AND role = 'user'"
        )
        with self._db.writing():
            if there := self._db.rows(sql, facts.mark, number):
                row, place = there[0]
                sql = "UPDATE messages SET turn = ?, run = ? WHERE number = ?"
                self._db.execute(sql, facts.turn, facts.run, row)
            else:
                place = self._messages.last_place(number) + 1
                identity = new_id("msg") if own else None
                self._messages.insert(number, place, said, identity, facts)
            if there:
                self._make_room(number, place + 1)
            identity = new_id("msg") if own else None
            self._messages.insert(number, place + 1, reply, identity, replace(facts, mark=""))

    def name_run(self, number: int, turn: str, runs: tuple[str, str], mark: str) -> None:
        """Note the first and the last run of a turn, and the mark that its prompt has."""
        sql = (
            "UPDATE messages SET run = iif(role = 'user', ?, ?), mark = iif(role = 'user', ?, '')"
            " WHERE turn = ? AND turn != '' AND number >> 24 = ?"
        )
        with self._db.writing():
            self._db.execute(sql, *runs, mark, turn, number)

    def end_turn(
        self,
        number: int,
        rows: Sequence[tuple[int, int, str]],
        replies: Sequence[Message],
        turn: str,
        run: str,
    ) -> None:
        """Write the replies of a turn; `rows` are those of its prompt, and of replies if any.

        Those that a list has said meanwhile stay as it said them; another text of ours is kept
        beside it.
        """
        with self._db.writing():
            place = rows[0][1]
            for position, message in enumerate(replies, 1):
                mine = rows[position] if position < len(rows) else None
                own = message.run or run
                if mine and message.id and mine[2] not in ("", message.id):
                    mine = None  # a list gave our row to another message
                there = self._with_id(number, message.id)
                if there and not (there[2] in ("", turn) and there[3] in ("", own)):
                    message = replace(message, id="")  # the service says an id twice  # noqa: PLW2901
                    there = None
                if there and there[0] != (mine and mine[0]):
                    self._finish(there[0], message, own)
                    if mine:
                        self._messages.delete(mine[0])
                    if position == 1 and not rows[0][2]:
                        self._fold(number, rows[0][0], there[1], turn)
                    place = max(place, there[1])
                elif mine:
                    self._finish(mine[0], message, own)
                    place = mine[1]
                else:
                    place += 1
                    self._make_room(number, place)
                    beside = Facts(turn=turn, run=own, born=self._db.tick())
                    self._messages.insert(number, place, message, message.id or None, beside)

    def _fold(self, number: int, ours: int, place: int, turn: str) -> None:
        """Fold our prompt into the equal one that stands before a listed reply to it."""
        sql = (
            "SELECT number, role, turn, CAST(parts AS BLOB) FROM messages"
            " WHERE number >> 24 = ? AND place < ? ORDER BY place DESC LIMIT 1"
        )
        before = self._db.rows(sql, number, place)
        if not before or before[0][0] == ours or before[0][1] != "user" or before[0][2]:
            return
        sql = "SELECT CAST(parts AS BLOB), run FROM messages WHERE number = ?"
        text, run = self._db.rows(sql, ours)[0]
        if bare(text_of(text)) == bare(text_of(before[0][3])):
            self._messages.delete(ours)
            sql = "UPDATE messages SET turn = ?, run = ? WHERE number = ?"
            self._db.execute(sql, turn, run, before[0][0])

    def _make_room(self, number: int, place: int) -> None:
        sql = "UPDATE messages SET place = place + 1 WHERE number >> 24 = ? AND place >= ?"
        self._db.execute(sql, number, place)

    def _with_id(self, number: int, identity: str) -> tuple[int, int, str, str] | None:
        """Return the row with an id, its place, and the turn and the run that it belongs to."""
        if not identity:
            return None
        sql = "SELECT number, place, turn, run FROM messages WHERE number >> 24 = ? AND id = ?"
        found = self._db.rows(sql, number, sound(identity))
        return tuple(found[0]) if found else None

    def _finish(self, row: int, message: Message, run: str) -> None:
        """Write a reply over its row; what a list has said whole is newer, and stays."""
        from asstctl.store.merging import is_half, said

        sql = (
            "SELECT learned, CAST(parts AS BLOB), object FROM messages LEFT JOIN raw USING (number)"
            " WHERE number = ?"
        )
        learned, parts, stored = self._db.rows(sql, row)[0]
        theirs, ours = text_of(parts), said(message)
        if not learned or is_half(readable(stored) if stored else {}, theirs, ours):
            self._messages.replace(row, message, run=run)
        elif ours and not theirs.startswith(ours):
            self.keep_old(row, ours)

    # Merging a server's list

    def merge(
        self, thread: Key, listed: "Sequence[Listed]", began: int, *, whole: bool
    ) -> tuple[int, int]:
        """Merge a server's list of a thread, read since the counter's value `began`.

        Return how many messages are new, and how many are kept here alone now.
        """
        from asstctl.store.merging import Order, merge  # most commands merge nothing

        with self._db.writing():
            number = self._messages.number(thread)
            sql = "SELECT order_at, whole_at FROM threads WHERE number = ?"
            order = Order(*self._db.rows(sql, number)[0])
            entries = self._entries(number)
            removed = self.removed(number)
            listed = [found for found in listed if found.message.id not in removed]
            before = {id(entry): (n, entry.gone) for n, entry in enumerate(entries, 1)}
            merged, order = merge(entries, listed, began, order, whole=whole)
            for place, entry in enumerate(merged, 1):
                self._write(number, place, entry, before.get(id(entry)))
            self._db.execute(
                "UPDATE threads SET order_at = ?, whole_at = ?, fetched_at = ? WHERE number = ?",
                order.order_at,
                order.whole_at,
                self._clock(),
                number,
            )
        new = sum(id(entry) not in before for entry in merged)
        return new, sum(entry.gone for entry in merged)

    def _entries(self, number: int) -> "list[Entry]":
        from asstctl.store.merging import Entry

        sql = (
            "SELECT number, coalesce(id, ''), role, CAST(parts AS BLOB), mark, born, learned,"
            " gone_at IS NOT NULL, run FROM messages WHERE number >> 24 = ? ORDER BY place"
        )
        return [
            Entry(row, name, role, unsigned(text_of(parts)), mark, born, learned, bool(gone), run)
            for row, name, role, parts, mark, born, learned, gone, run in self._db.rows(sql, number)
        ]

    def _write(
        self, thread: int, place: int, entry: "Entry", before: tuple[int, bool] | None
    ) -> None:
        """Write what merging changed of an entry."""
        if entry.number is None:
            assert entry.now is not None  # noqa: S101 - it came with the list
            beside = Facts(entry.mark, "", entry.now.run, entry.born, entry.learned)
            entry.number = self._messages.insert(thread, place, entry.now, entry.id, beside)
        elif entry.now is not None:
            self._messages.learn(entry.number, entry.now)
        elif before == (place, entry.gone) and not entry.was:
            return
        self._db.execute(
            "UPDATE messages SET place = ?, id = iif(? = '', id, ?), mark = ?, learned = ?,"
            " gone_at = iif(?, coalesce(gone_at, ?), NULL) WHERE number = ?",
            place,
            sound(entry.id),
            sound(entry.id),
            sound(entry.mark),
            entry.learned,
            entry.gone,
            self._clock(),
            entry.number,
        )
        for text in entry.was:
            self.keep_old(entry.number, text)

    # Taking out

    def removed(self, number: int) -> set[str]:
        """Return the ids of messages that the user took out of the thread with a number."""
        sql = "SELECT id FROM removed WHERE thread = ?"
        return {row[0] for row in self._db.rows(sql, number)}

    def named(self, thread: int, files: Mapping[str, Known]) -> set[str]:
        """Return the ids of those files that a thread's messages name, by id or by hash."""
        sql = (
            "SELECT object, CAST(parts AS BLOB) FROM messages LEFT JOIN raw USING (number)"
            " WHERE messages.number >> 24 = ?"
        )
        found = self._db.each(sql, thread)
        return {
            name
            for stored, parts in found
            for name in names(files, readable(stored) if stored else {}, parts.decode())
        }

    def removed_of(self, thread: Thread) -> set[str]:
        """Return the ids of messages that the user took out of a thread."""
        return self.removed(self._messages.number(thread.key))

    def remove(self, number: int, identity: str) -> bool:
        """Take a message out of what is kept, so that no list brings it back.

        Return whether it was there.
        """
        with self._db.writing():
            found = self._with_id(number, identity)
            if found:
                self._messages.delete(found[0])
                sql = "INSERT OR IGNORE INTO removed (thread, id) VALUES (?, ?)"
                self._db.execute(sql, number, identity)
        return found is not None

    def keep_old(self, row: int, text: str) -> None:
        """Keep a text that a message had before, or that was seen in its place."""
        try:
            was = json.loads(self._db.value("SELECT was FROM messages WHERE number = ?", row))
        except (TypeError, ValueError):
            was = []  # damaged
        if text not in was:
            sql = "UPDATE messages SET was = ? WHERE number = ?"
            self._db.execute(sql, sound(json.dumps([*was, text], ensure_ascii=False)), row)
