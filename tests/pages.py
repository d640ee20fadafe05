"""The pages that people read: README and docs/, in the order in which their examples are run."""

from pathlib import Path

ROOT = Path(__file__).parent.parent

NAMES = (
    "README.md",
    "docs/guide.md",
    "docs/scripting.md",
    "docs/keeping.md",
    "docs/moving.md",
    "docs/backends.md",
    "docs/settings.md",
    "docs/exit-codes.md",
    "docs/foundry-classic.md",
    "docs/faq.md",
    "docs/how-it-works.md",
)

PAGES = {name: (ROOT / name).read_text("utf-8") for name in NAMES}

ALL = "\n\n".join(PAGES.values())
