"""Sockets: listeners, connections, TLS, send queues."""
