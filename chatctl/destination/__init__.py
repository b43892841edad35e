"""The destination of a client: server, room, name and login, from typed, saved and remembered values and settings."""
