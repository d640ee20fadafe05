"""Keys that this process knows, struck out of whatever asstctl itself says.

Servers say keys back: in headers, in errors, escaped as JSON, in percent, as HTML, in base64. What
a message of a thread says is never changed.
"""

from __future__ import annotations  # every command waits for this module

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

SHORTEST = 8
"""Characters below which a word is struck out nowhere: it would stand in other words too."""

STRUCK = "***"

ESCAPES = "\\%&"
"""Signs of which one stands in every escaped spelling."""

_known: list[_Key] = []


class _Key:
    """One key; its patterns are made when they are first needed, the long one rarely is."""

    def __init__(self, key: str) -> None:
        self.text = key
        self._plain: re.Pattern[str] | None = None
        self._escaped: re.Pattern[str] | None = None

    def struck(self, text: str) -> str:
        """Return a text without this key."""
        self._plain = self._plain or _plain(self.text)
        text = self._plain.sub(STRUCK, text)
        if not any(sign in text for sign in ESCAPES):
            return text
        self._escaped = self._escaped or _escaped(self.text)
        return self._escaped.sub(STRUCK, text)


def learn(key: str | None) -> None:
    """Strike out a key from now on."""
    if key and len(key) >= SHORTEST and all(key != known.text for known in _known):
        _known.append(_Key(key))
        _known.sort(key=lambda known: -len(known.text))  # one key may hold another


def struck(text: str) -> str:
    """Return a text with every known key struck out, however it is spelled."""
    for key in _known:
        text = key.struck(text)
    return text


BACKSLASH = r"(?:\\|%5c|&\#92;)"
PERCENT = r"(?:%|&\#37;)(?:25)*"
ENTITY, HASH, END = r"(?:&|%26)(?:amp;|amp%3b)*", r"(?:\#|%23)", r"(?:;|%3b)"
"""The signs of each way of escaping, which another way may have escaped in turn."""


def _plain(key: str) -> re.Pattern[str]:
    """Return the pattern of a key as it is, and in base64."""
    import re

    encoded = map(re.escape, _in_base64(key.encode(errors="surrogatepass")))
    return re.compile("|".join([f"(?i:{re.escape(key)})", *encoded]))


def _escaped(key: str) -> re.Pattern[str]:
    """Return the pattern of a key in every spelling, each letter in its own."""
    import re

    return re.compile(f"(?i:{''.join(map(_letter, key))})")


def _letter(letter: str) -> str:
    """Return the pattern of one letter: as it is, or escaped once or several times."""
    import re
    from html.entities import codepoint2name

    code = ord(letter)
    units = letter.encode("utf-16-be", "surrogatepass")
    octets = letter.encode(errors="surrogatepass")
    names = ["apos"] if letter == "'" else [codepoint2name[code]] if code in codepoint2name else []
    numbers = [f"{HASH}0*{code}", f"{HASH}x0*{code:x}"]
    ways = [
        re.escape(letter),
        "".join(f"{BACKSLASH}+u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)),
        "".join(f"{BACKSLASH}+x{octet:02x}" for octet in octets),
        f"{BACKSLASH}+x{code:02x}",
        "".join(f"{PERCENT}{octet:02x}" for octet in octets),
        f"{ENTITY}(?:{'|'.join(names + numbers)}){END}",
    ]
    return f"{BACKSLASH}*(?:{'|'.join(ways)})"


def _in_base64(key: bytes) -> set[str]:
    """Return what stands in any base64 of a text that holds the key, at its three offsets."""
    from base64 import b64encode

    found = set()
    for offset in range(3):
        # Letters that lie half in a neighbour's bytes differ from text to text.
        first, last = (0, 2, 3)[offset], (len(key) + offset) * 8 // 6
        plain = b64encode(bytes(offset) + key).decode()[first:last]
        found |= {plain, plain.replace("+", "-").replace("/", "_")}
    return found
