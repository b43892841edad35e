"""Data about servers that is remembered between runs."""
