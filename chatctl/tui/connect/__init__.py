"""Logging in from the full screen, and its event queue."""
