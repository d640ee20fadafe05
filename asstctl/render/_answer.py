"""The words of a reply, from its events: messages apart, citations numbered, files named."""

import re

from asstctl.events import Event, MessageStarted, TextDelta
from asstctl.parts import Citation, File, Image, Part, Text, words

MARKER = re.compile(r"【\d+:\d+†[^【】]{0,60}】")
"""A citation's mark in a service's text; other 【】 are Chinese punctuation."""

LONGEST_MARKER = 80
"""Characters after an opening 【 beyond which it is no marker."""


class Answer:
    """Turns events into text to show; text that may begin a marker waits for the rest."""

    def __init__(self) -> None:
        self._held = ""
        self._numbers: dict[str, int] = {}
        self._sources: dict[str, str] = {}
        self._unmarked: dict[str, None] = {}  # sources without a mark in the text, in order
        self._written = False
        self._apart = False  # a message began: the next word stands below a blank line

    def feed(self, event: Event) -> str:
        """Return the text that an event adds; "" for one that is not part of the answer."""
        match event:
            case MessageStarted():
                self._apart = self._written
            case TextDelta(text):
                return self._below(self._numbered(text))
            case Image() | File():
                return self._below(words(event))
            case Citation():
                self._cite(event)
        return ""

    def part(self, part: Part) -> str:
        """Return a part of a message that is whole as text; its sources come at the end."""
        if not isinstance(part, Text):
            return words(part)
        for citation in part.citations:
            self._cite(citation)
        return MARKER.sub(self._number, part.text) if "【" in part.text else part.text

    def _cite(self, citation: Citation) -> None:
        if citation.marker:
            self._sources[citation.marker] = citation.source
        else:
            self._unmarked[citation.source] = None

    def end(self) -> str:
        """Return the text that was held back, and the sources."""
        held, self._held = self._held, ""
        lines = []
        for marker, number in self._numbers.items():
            named = marker.partition("†")[2].rstrip("】")
            source = self._sources.pop(marker, "" if named == "source" else named)
            if source:
                lines.append(f"[{number}] {source}")
        lines += [f"{marker}: {source}" for marker, source in self._sources.items()]
        first = len(self._numbers) + 1
        lines += [f"[{number}] {source}" for number, source in enumerate(self._unmarked, first)]
        self._sources.clear()
        self._unmarked.clear()
        return held + ("\n\n" + "\n".join(lines) if lines else "")

    def _below(self, text: str) -> str:
        if text and self._apart:
            text, self._apart = "\n\n" + text, False
        self._written = self._written or bool(text)
        return text

    def _numbered(self, text: str) -> str:
        """Replace whole markers by numbers; an open one at the end is held back."""
        if not self._held and "【" not in text:
            return text
        text = MARKER.sub(self._number, self._held + text)
        opening = text.rfind("【")
        closed = opening < 0 or "】" in text[opening:] or len(text) - opening > LONGEST_MARKER
        self._held = "" if closed else text[opening:]
        return text if closed else text[:opening]

    def _number(self, found: re.Match[str]) -> str:
        return f"[{self._numbers.setdefault(found[0], len(self._numbers) + 1)}]"
