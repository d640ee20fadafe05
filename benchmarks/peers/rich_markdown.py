"""Markdown the usual ways: `live` draws it anew at every eighth delta, `print` once, whole."""

import json
import sys
import urllib.request
from contextlib import nullcontext

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

text = ""
console = Console(force_terminal=True)
body = json.dumps({"model": "test", "messages": [], "stream": True}).encode()
request = urllib.request.Request(f"{sys.argv[2]}/chat/completions", body)
live = Live(console=console, auto_refresh=False, vertical_overflow="visible")
drawn = live if sys.argv[1] == "live" else None
deltas = 0
with urllib.request.urlopen(request) as reply, drawn or nullcontext():
    for line in reply:
        if line.startswith(b"data: {"):
            text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            deltas += 1
            if drawn and deltas % 8 == 0:
                drawn.update(Markdown(text), refresh=True)
if not drawn:
    console.print(Markdown(text))
