// What the JavaScript sample does: a thread, a message, a run, its text as it comes.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none" });
const thread = await client.beta.threads.create();
await client.beta.threads.messages.create(thread.id, { role: "user", content: "Hello" });
const stream = await client.beta.threads.runs.create(thread.id, { assistant_id: "asst_1", stream: true });
for await (const event of stream) {
  if (event.event === "thread.message.delta") {
    for (const part of event.data.delta.content ?? []) process.stdout.write(part.text.value);
  }
}
