"""`python -m tests.pictures FOLDER`: pages of threads, and pictures of them for a person to look at.

At a phone's and a desk's width, light and dark, and as a printer gets them. Exit code 75 where there
is no Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from asstctl.model import Message, Thread
from asstctl.parts import (
    Citation,
    Code,
    FileRef,
    Image,
    Reasoning,
    Refusal,
    Search,
    Text,
    ToolCall,
    ToolResult,
)
from asstctl.transfer import archive

NOT_TRIED = 75

WIDTHS = {"phone": (390, 1600), "desk": (1100, 1600)}

SQUARE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF8F"
    "AAhKDveksOjmAAAAAElFTkSuQmCC"
)

PROSE = """## Why is the sky blue?

Light of **short** waves is scattered more than light of long ones【1†sky.pdf】.

| colour | nm | share |
|---|---:|---:|
| violet | 400 | 9.4 |
| red | 700 | 1.0 |

```python
def scattered(wavelength: float) -> float:
    return wavelength**-4  # a long line, so that it has to be scrolled on a phone: ----------------
```

1. first
2. second
   * inside

> quoted
"""

HOSTILE = '<script>document.body.innerHTML="HACKED"</script> <img src=x onerror=alert(1)> [a](javascript:x)'

MESSAGES = [
    Message("m1", "system", (Text("Be brief."),), 1_764_000_000.0),
    Message("m2", "user", (Text("Why is the sky blue?"), Image(FileRef(url=SQUARE)))),
    Message(
        "m3",
        "assistant",
        (
            Reasoning("The user asks for a cause."),
            Search("file_search", ("sky",), (Citation(id="file_1", title="sky.pdf"),)),
            Code("print(700**-4 / 400**-4)", (Text("0.1066"),)),
            ToolCall("c1", "weather", '{"in": "Oslo"}'),
            ToolResult("c1", "rain"),
            Text(PROSE, (Citation("【1†sky.pdf】", "file_1", "", "sky.pdf", "Rayleigh, 1871"),)),
        ),
        1_764_000_030.0,
    ),
    Message("m4", "user", (Text(HOSTILE + " " + "a-word-without-an-end" * 12),)),
    Message("m5", "assistant", (Refusal("I will not do that."),), status="cut"),
]


def main(folder: Path) -> int:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stdout.write("NOT TRIED: pictures of pages, no Chromium is installed\n")
        return NOT_TRIED
    folder.mkdir(parents=True, exist_ok=True)
    pages = exported(folder)
    for page in pages:
        for name, (width, height) in WIDTHS.items():
            for scheme, number in (("light", 1), ("dark", 0)):
                picture = folder / f"{page.stem}-{name}-{scheme}.png"
                run(
                    browser,
                    f"--window-size={width},{height}",
                    f"--blink-settings=preferredColorScheme={number}",
                    f"--screenshot={picture}",
                    page.as_uri(),
                )
                sys.stdout.write(f"{picture}\n")
        printed = folder / f"{page.stem}.pdf"
        run(browser, f"--print-to-pdf={printed}", page.as_uri())
        sys.stdout.write(f"{printed}\n")
    return 0


def exported(folder: Path) -> list[Path]:
    """Export a thread of every kind of part, and an index."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "thread.json"
        thread = Thread("local_sky", "local", "", "", title="Why is the sky blue?")
        archive.write(path, archive.document(archive.Archived(thread, MESSAGES)))
        asstctl = [sys.executable, "-m", "asstctl", "-p", "local", "threads"]
        environment = {"HOME": home, "PATH": "/usr/bin:/bin"}
        for words in (["import", path], ["export", "--all", "--format", "html", "-d", folder]):
            subprocess.run([*asstctl, *map(str, words)], env=environment, check=True)
    return sorted(folder.glob("*.html"))


def run(browser: str, *words: str) -> None:
    """Run the browser headless, without any network and with a profile of its own."""
    with tempfile.TemporaryDirectory() as profile:
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        quiet += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
        quiet += ["--disable-component-update", "--disable-quic", f"--user-data-dir={profile}"]
        command = [browser, *quiet, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
