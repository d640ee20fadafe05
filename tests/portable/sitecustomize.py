"""Takes away from asstctl what only POSIX has, so that it runs as on a system without it.

Other packages have their own ways there, and keep what they use here.
"""

import _signal
import builtins
import os
import signal

MODULES = {"fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}

real = builtins.__import__


def without(name, globals=None, *words, **named):  # noqa: A002 - so Python calls it
    """Import a module, unless asstctl asks for one that only POSIX has."""
    if name in MODULES and str((globals or {}).get("__name__", "")).startswith("asstctl"):
        raise ImportError(f"no module named {name!r} on this system")
    return real(name, globals, *words, **named)


builtins.__import__ = without

for name in ("fork", "forkpty", "killpg", "setsid"):
    vars(os).pop(name, None)

for module in (signal, _signal):
    for name in ("SIGALRM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "setitimer", "alarm"):
        vars(module).pop(name, None)
