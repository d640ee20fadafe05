"""The SQLite file: the index, messages that are kept here, replies, copies, abilities."""
