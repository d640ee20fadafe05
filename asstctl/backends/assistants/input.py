"""A prompt as a message of the threads wire."""

from typing import TYPE_CHECKING

from asstctl.events import Prompt

if TYPE_CHECKING:
    from openai.types.beta.threads.message_create_params import MessageCreateParams


def spoken(prompt: Prompt) -> "MessageCreateParams":
    """Return a prompt as a message, its images and attachments by their ids."""
    if not prompt.files:
        return {"role": "user", "content": prompt.text}
    from asstctl.backends.assistants.writing import body  # most prompts bring no files

    found = body(prompt.message)
    del found["metadata"]
    return found
