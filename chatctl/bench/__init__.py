"""The load generator (`chatctl bench`): it works against any IRC server, and knows nothing of ours."""
