"""Limits on connections, time and memory."""
