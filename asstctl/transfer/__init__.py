"""Threads that move: between the store and files, and from one server to another."""
