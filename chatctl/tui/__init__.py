"""The full screen of `chatctl join`, on Textual. It uses chatctl.client only, never chatctl.chat.

Layers: `model` is the content of the screen without a screen: events in, items out. `render` makes rows of items.
`widgets` draw one thing each. `terminal` learns what the terminal can do and keeps Python's pauses away from keys.
`connect` logs in and brings events from the client's thread to the screen's. `commands` are keys and typed commands.
`app` composes them.
"""
