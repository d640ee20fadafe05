"""Prompts (words, or lines of stdin) and their replies on one thread: the sample's loop in Python."""

import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="none")
thread = client.beta.threads.create()
for prompt in sys.argv[2:] or sys.stdin:
    client.beta.threads.messages.create(thread.id, role="user", content=prompt)
    with client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id="asst_1", stream=True
    ) as stream:
        for event in stream:
            if event.event == "thread.message.delta":
                for part in event.data.delta.content or ():
                    sys.stdout.write(part.text.value)
                    sys.stdout.flush()
