"""Try an installed asstctl: `python -m tests.smoke [PATH]`, on any system.

Says its version, asks a loopback server, lists, exports, completes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.servers import ChatServer

program = sys.argv[1] if len(sys.argv) > 1 else str(shutil.which("asstctl"))
FOLDERS = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
with tempfile.TemporaryDirectory() as home, ChatServer() as server:
    environment = {
        **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ},
        **dict.fromkeys(FOLDERS, home),
        "ASSTCTL_BACKEND": "local",
        "ASSTCTL_ENDPOINT": server.url,
    }

    def run(*words):
        return subprocess.run(
            [program, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
            cwd=home,
        ).stdout

    print(run("--version").strip())
    assert run("ask", "Hello") == "You said: Hello (1)\n"
    print("one ask, answered")
    run("threads", "rename", "@last", "sky")
    assert "sky" in run("threads", "list")
    run("threads", "export", "sky", "-d", "out")
    run("threads", "delete", "sky", "-y")
    run("threads", "import", "out")
    assert "You said: Hello (1)" in run("threads", "history")
    print("a thread, listed, exported, deleted and imported")
    run("--install-completion", "bash")
    script = Path(home) / ".local/share/bash-completion/completions/asstctl"
    assert "_asstctl" in script.read_text()
    print("completion, installed")

python = Path(program).parent / ("python.exe" if os.name == "nt" else "python")
code = "import asstctl, pathlib; print(pathlib.Path(asstctl.__file__).parent)"
package = Path(
    subprocess.run(
        [python, "-c", code], capture_output=True, text=True, cwd=tempfile.gettempdir()
    ).stdout.strip()
)
shipped = sorted(path.name for path in (package / "completions").iterdir())
assert shipped == ["_asstctl", "asstctl.bash", "asstctl.fish", "asstctl.ps1"], shipped
print("the four scripts, and nothing that makes them")
