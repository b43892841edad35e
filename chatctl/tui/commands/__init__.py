"""Slash commands and keys of the full screen."""
