"""Bytes to messages and back: no sockets, no threads, no clock. Used by both sides of the wire."""
