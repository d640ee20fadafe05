"""Try an installed asstctl: `python smoke.py PATH`. Says its version, and asks a loopback server."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.servers import ChatServer

program = sys.argv[1]
with tempfile.TemporaryDirectory() as home, ChatServer() as server:
    environment = {
        "HOME": home,
        "PATH": os.environ["PATH"],
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
    environment["SHELL"] = "/bin/bash"
    run("--install-completion")
    script = Path(home) / ".local/share/bash-completion/completions/asstctl"
    assert "_asstctl" in script.read_text()
    print("completion, installed")

python = Path(program).parent / "python"
code = "import asstctl, pathlib; print(pathlib.Path(asstctl.__file__).parent)"
package = Path(subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip())
shipped = sorted(path.name for path in (package / "completions").iterdir())
assert shipped == ["_asstctl", "asstctl.bash", "asstctl.fish"], shipped
print("the three scripts, and nothing that makes them")
