"""The line client: what `chatctl join` is until there is a full screen, and without a terminal.

`entering` gets a person in (name, password); `words` puts events into words; `screen` writes them and answers what is
typed; `terminal` and `plain` read: with prompt_toolkit on a terminal, by lines elsewhere.
"""
