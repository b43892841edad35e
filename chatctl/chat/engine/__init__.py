"""The hub and its parts: scheduling, dispatch, the commit gate, replies."""
