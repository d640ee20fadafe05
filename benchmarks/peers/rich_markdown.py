"""Markdown the usual ways: `live` draws it anew as it grows, `print` writes the whole once."""

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
drawn = Live(console=console, vertical_overflow="visible") if sys.argv[1] == "live" else None
with urllib.request.urlopen(request) as reply, drawn or nullcontext():
    for line in reply:
        if line.startswith(b"data: {"):
            text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            if drawn:
                drawn.update(Markdown(text))
if not drawn:
    console.print(Markdown(text))
