"""Modules that take long to import, imported while a service thinks.

Who will need one says so; who waits for an answer loads them. A thread would gain nothing: two
imports at once take as long as one after the other.
"""

from importlib import import_module

_wanted: list[str] = []


def want(module: str) -> None:
    """Have a module imported in the next moment in which nothing else can be done."""
    _wanted.append(module)


def load() -> None:
    """Import what is wanted."""
    while _wanted:
        import_module(_wanted.pop())
