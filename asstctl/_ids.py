"""How the ids of threads begin, by who makes them."""

THREAD = "thread_"
"""The threads wire's servers."""

CONVERSATION = "conv_"
"""The servers of Conversations."""

CHAIN = "chain_"
"""This machine, for a chain of responses."""

LOCAL = "local_"
"""This machine, for a thread of its own."""

PREFIXES = ("", THREAD, CONVERSATION, CHAIN, LOCAL)
"""Beginnings of ids that a reference may leave out."""
