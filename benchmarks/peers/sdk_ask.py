"""A reply of a new thread, as the vendor's own examples stream it: what is left of the typed way."""

import sys

from openai import OpenAI

client = OpenAI(base_url=sys.argv[1], api_key="none")
thread = client.beta.threads.create()
client.beta.threads.messages.create(thread.id, role="user", content="Hello")
with client.beta.threads.runs.create(
    thread_id=thread.id, assistant_id="asst_1", stream=True
) as stream:
    for event in stream:
        if event.event == "thread.message.delta":
            for part in event.data.delta.content or ():
                sys.stdout.write(part.text.value)
                sys.stdout.flush()
