"""The terminal itself: key sequences, background, capabilities."""
