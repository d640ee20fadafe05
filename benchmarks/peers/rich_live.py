"""Markdown the usual way: Rich's Live, drawn anew as the text grows."""

import json
import sys
import urllib.request

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown

text = ""
body = json.dumps({"model": "test", "messages": [], "stream": True}).encode()
request = urllib.request.Request(f"{sys.argv[1]}/chat/completions", body)
with (
    urllib.request.urlopen(request) as reply,
    Live(console=Console(force_terminal=True), vertical_overflow="visible") as live,
):
    for line in reply:
        if line.startswith(b"data: {"):
            text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
            live.update(Markdown(text))
