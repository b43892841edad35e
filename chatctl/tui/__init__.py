"""The full screen of `chatctl join`, on Textual. It talks to chatctl.client alone, never to chatctl.chat.

Who does what here: `items`, `log`, `places`, `desk` (with `hearing` and `pages`) know what is to be seen, without a
screen: events in, items out. `text`, `look` and `drawing` make rows of items. `feed` brings events from the client's
thread to the screen's, in slices; `tidy` keeps Python's own pauses away from keys. `ground`,
`forms` and `abilities`: what the terminal is asked about itself. The widgets (`messages`, `sidebar`,
`people`, `line`, `bars`, `overlays`) know one thing each; `app` composes them, and `keys` is the table of keys that it
and its help go by.
"""
