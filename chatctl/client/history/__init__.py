"""Backfill after a connection loss, history requests, read positions."""
