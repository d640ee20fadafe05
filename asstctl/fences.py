"""Fenced code in a text of Markdown."""

import re

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
"""A line that opens a fence, or closes one if nothing follows."""


def last_code(text: str) -> str | None:
    """Return the contents of the last fenced block of a text, None where it has none.

    One that nothing closes reaches to the end of the text.
    """
    found: str | None = None
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        match = FENCE.fullmatch(line)
        if fence:
            if match and match[1].startswith(fence) and not match[2].strip():
                found, fence = "".join(f"{one}\n" for one in lines), ""
            else:
                lines.append(line)
        elif match and not ("`" in match[1] and "`" in match[2]):
            fence, lines = match[1], []
    return "".join(f"{one}\n" for one in lines) if fence else found
