"""One module for each word after `asstctl`, named as it is typed."""

WORDS = {
    "ask": "Say something once and stream the reply.",
    "chat": "Talk: a prompt, a streamed reply, until `exit`, an empty line or Ctrl-D.",
    "threads": "Make, list, show, read, move, rename and delete threads.",
    "assistants": "Look at the assistants, or agents, that the server keeps.",
    "models": "Look at the models that the profile can have.",
    "config": "Write, show and change settings.",
    "help": "Show the help of a command, or of: exit-codes, references.",
    "doctor": "Check that all is well: settings, key, server, store; say what to do.",
}
"""Every word and its help."""
