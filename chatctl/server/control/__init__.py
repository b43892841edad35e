"""The control socket and the requests it answers."""
