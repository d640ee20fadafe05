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

_known: set[str] = set()
_patterns: list[re.Pattern[str]] = []


def learn(key: str | None) -> None:
    """Strike out a key from now on."""
    if key and len(key) >= SHORTEST and key not in _known:
        _known.add(key)
        _patterns.clear()


def struck(text: str) -> str:
    """Return a text with every known key struck out, however it is spelled."""
    if not _known:
        return text
    if not _patterns:
        _patterns.extend(map(_pattern, sorted(_known, key=len, reverse=True)))
    for pattern in _patterns:
        text = pattern.sub(STRUCK, text)
    return text


def _pattern(key: str) -> re.Pattern[str]:
    """Return the pattern of a key in every spelling, each letter in its own."""
    import re

    spellings = [
        "".join(map(_letter, key)),
        *map(re.escape, _in_base64(key.encode(errors="surrogatepass"))),
    ]
    return re.compile("|".join(spellings))


def _letter(letter: str) -> str:
    """Return the pattern of one letter: as it is, or escaped once or several times."""
    import re
    from html.entities import codepoint2name

    code = ord(letter)
    units = letter.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in letter.encode(errors="surrogatepass"))
    octets = "".join(rf"\\+x{byte:02x}" for byte in letter.encode(errors="surrogatepass"))
    entities = [f"#0*{code}", f"#x0*{code:x}"]
    if code in codepoint2name:
        entities.append(codepoint2name[code])
    if letter == "'":
        entities.append("apos")
    html = rf"&(?:amp;)*(?:{'|'.join(entities)});"
    quoted = r"\\*" if not letter.isalnum() else ""
    return (
        rf"(?:{quoted}{re.escape(letter)}|(?i:{escaped}|{percent}|{octets}|\\+x{code:02x}|{html}))"
    )


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
