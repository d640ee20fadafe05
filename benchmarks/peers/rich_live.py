"""Markdown the usual way: Rich's Live, which draws the whole anew; here at every eighth delta."""

import json
import sys
import urllib.request

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

text = ""
deltas = 0
body = json.dumps({"model": "test", "messages": [], "stream": True}).encode()
request = urllib.request.Request(f"{sys.argv[1]}/chat/completions", body)
live = Live(console=Console(force_terminal=True), auto_refresh=False, vertical_overflow="visible")
with urllib.request.urlopen(request) as reply, live:
    for line in reply:
        if line.startswith(b"data: {"):
            text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            deltas += 1
            if deltas % 8 == 0:
                live.update(Markdown(text), refresh=True)
