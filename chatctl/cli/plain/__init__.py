"""The line client: `chatctl join --plain`, or without a terminal.

`entering` logs a user in (name, password); `words` puts events into words; `screen` writes them and carries out typed
lines; `terminal` and `plain` read: with prompt_toolkit on a terminal, by lines elsewhere.
"""
