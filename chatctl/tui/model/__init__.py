"""The content of the screen, without Textual: buffers, messages, unread counts."""
