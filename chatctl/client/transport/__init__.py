"""Bytes to and from a server: framing, TLS, trust, timing."""
