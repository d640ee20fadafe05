"""Your assistant threads in the terminal, whichever server holds them."""

__version__ = "0.1.0"
