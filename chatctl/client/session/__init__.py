"""The state of a registered connection and the handlers of what the server sends."""
