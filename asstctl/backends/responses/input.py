"""A prompt as the input of a response."""

from typing import TYPE_CHECKING

from asstctl.events import Prompt

if TYPE_CHECKING:
    from openai.types.responses.response_input_param import ResponseInputParam


def asking(prompt: Prompt) -> "str | ResponseInputParam":
    """Return a prompt: its text, or an item where files come along."""
    if not prompt.files:
        return prompt.text
    from asstctl.backends.responses.writing import spoken  # most prompts bring none

    return [spoken(prompt.message)]
