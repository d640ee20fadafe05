"""Markdown as Rich prints it when it has come whole."""

import json
import sys
import urllib.request

from rich.console import Console
from rich.markdown import Markdown

text = ""
body = json.dumps({"model": "test", "messages": [], "stream": True}).encode()
with urllib.request.urlopen(
    urllib.request.Request(f"{sys.argv[1]}/chat/completions", body)
) as reply:
    for line in reply:
        if line.startswith(b"data: {"):
            text += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
Console(force_terminal=True).print(Markdown(text))
