"""Every message of a thread, by the vendor's pagination."""

import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="none")
for message in client.beta.threads.messages.list("thread_bench_1", limit=100, order="asc"):
    sys.stdout.write(f"{message.role}:\n{message.content[0].text.value}\n\n")
