"""What the screen shows, without Textual: buffers, messages, unread counts."""
