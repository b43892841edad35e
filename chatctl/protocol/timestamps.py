"""Times as the server-time specification writes them."""

from __future__ import annotations

from datetime import UTC, datetime

_second = -1
_second_text = ""


def timestamp(time: int) -> str:
    """Return `time` (ms since 1970 UTC) in the form of server-time: ``2026-11-22T15:41:13.123Z``."""
    global _second, _second_text  # noqa: PLW0603  # a cache of one: most messages share their second with the last
    second, ms = divmod(time, 1000)
    if second != _second:
        _second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second = second
    return f"{_second_text}.{ms:03d}Z"
