"""Words as they are indexed and asked for, and where they stand in a text.

The index divides words as SQLite's `unicode61` does. Signs of writings without blanks, and the
parts of identifiers, are divided before.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from unicodedata import combining, normalize

from asstctl._json import sound
from asstctl._record import record

VERSION = 2
"""To be raised with every change of what `prepared` returns: the index is then built anew."""

MOST_TERMS = 32
SHORTEST_PREFIX = 3

ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003134f]"
)
"""Signs that are words by themselves: Thai, Lao, Burmese, Khmer, hangul, kana, CJK."""

FOLDED = str.maketrans({"ß": "ss", "ẞ": "ss", "\u03c2": "\u03c3"})
"""Signs that SQLite's `unicode61` does not fold as their capitals are."""

PARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Places within an identifier where a part begins."""

WORD = re.compile(r"[^\W_]+")

CAMEL = re.compile(r"\w*[a-z0-9][A-Z]\w*|\w*[A-Z][A-Z][a-z]\w*")
"""Identifiers that have such a place."""


def prepared(text: str) -> str:
    """Return a text as it is indexed: divided, with the identifiers whole at the end."""
    text = _normal(text)
    whole = CAMEL.findall(text)
    return " ".join([PARTS.sub(" ", text), *whole]) if whole else text


def _normal(text: str) -> str:
    text = sound(text).replace("\0", " ")
    if text.isascii():
        return text
    return ALONE.sub(r" \g<0> ", normalize("NFKC", text).translate(FOLDED))


@record
class Term:
    """A word or phrase that is searched for; `prefix`: longer last words are meant too.

    `whole` are its words with identifiers undivided, where it has any.
    """

    words: tuple[str, ...]
    prefix: bool
    whole: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The term as FTS5 reads it, every sign of its own a text."""
        forms = [" ".join(words) for words in (self.words, self.whole) if words]
        phrases = [f'"{form}"{"*" if self.prefix else ""}' for form in forms]
        return f"({' OR '.join(phrases)})"


def terms(asked: str) -> list[Term]:
    """Return the terms of a search; raises ValueError, with the reason, where nothing is left."""
    found = []
    for quoted, phrase, bare in re.findall(r'("([^"]*)"?\*?)|(\S+)', sound(asked)):
        term = _term(phrase if quoted else bare, starred=(quoted or bare).endswith("*"))
        if term and not quoted and len(term.words) > 1 and bare.isascii():
            term = replace(term, prefix=True)  # the beginning of an identifier
        if term:
            found.append(term)
    if not found:
        raise ValueError("there is no word to search for")
    return found[:MOST_TERMS]


def _term(text: str, *, starred: bool) -> Term | None:
    normal = _normal(text)
    words = tuple(WORD.findall(PARTS.sub(" ", normal)))
    whole = tuple(WORD.findall(normal))
    if not words:
        return None
    prefix = starred and not ALONE.fullmatch(words[-1])
    if prefix and len(words) == 1 and len(words[0]) < SHORTEST_PREFIX:
        raise ValueError(f"{words[0]}* begins too many words: give {SHORTEST_PREFIX} letters")
    return Term(words, prefix, whole if whole != words else ())


# Where terms stand


def folded(text: str) -> tuple[str, list[int]]:
    """Return a text without case and accents, and the place in `text` of each of its signs."""
    signs, places = [], []
    for place, sign in enumerate(text):
        plain = sign.lower() if sign.isascii() else _plain(sign)
        signs.append(plain)
        places += [place] * len(plain)
    return "".join(signs), places


def _plain(sign: str) -> str:
    return "".join(s for s in normalize("NFKD", sign).casefold() if not combining(s))


def spans(text: str, asked: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where terms stand in a text, in order, none over another."""
    plain, places = folded(text)
    found: list[tuple[int, int]] = []
    for term in asked:
        for start, end in _matches(plain, term):
            first, last = places[start], places[end - 1] + 1
            if _begins(text, first):
                found.append((first, last))
    found.sort()
    apart: list[tuple[int, int]] = []
    for start, end in found:
        if not apart or start >= apart[-1][1]:
            apart.append((start, end))
    return apart


def _matches(plain: str, term: Term) -> Iterator[tuple[int, int]]:
    words = [re.escape(folded(word)[0]) for word in term.words]
    ends = r"\w*" if term.prefix else "" if ALONE.fullmatch(term.words[-1]) else r"(?![^\W_])"
    for match in re.finditer(r"[\W_]*".join(words) + ends, plain):
        yield match.span()


def _begins(text: str, place: int) -> bool:
    """Return whether a word, or a part of one, begins at a place."""
    if place == 0 or not text[place - 1].isalnum() or ALONE.match(text[place]):
        return True
    return bool(ALONE.match(text[place - 1])) or (
        text[place].isupper() and text[place - 1].islower()
    )


BEFORE = 40
"""Characters of a passage before the first word that is marked."""


@record
class Passage:
    """A piece of a text on one line, and where in it the words stand that were searched for."""

    text: str
    marks: tuple[tuple[int, int], ...]


def passage(text: str, asked: Sequence[Term], length: int) -> Passage:
    """Return the piece of a text, `length` characters at most, that has most of the terms."""
    line = " ".join(text.split())
    found = spans(line, asked)
    best = max(found, key=lambda s: _held(found, s[0], length - BEFORE), default=(0, 0))
    start = max(0, min(best[0] - BEFORE, len(line) - length))
    piece = line[start : start + length]
    lead, tail = "…" if start else "", "…" if start + length < len(line) else ""
    moved = len(lead) - start
    marks = [(a + moved, b + moved) for a, b in found if a >= start and b <= start + length]
    return Passage(f"{lead}{piece}{tail}", tuple(marks))


def _held(found: list[tuple[int, int]], start: int, length: int) -> int:
    """Count the words that stand in a piece of a text."""
    return sum(start <= first and last <= start + length for first, last in found)
