"""Parsing JSON that others wrote: whatever it holds, the outcome is a value or a ValueError."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 64
"""Levels of nesting. Python's parser, `str` and `json.dumps` fail with RecursionError at some 1,000."""


def parse_json(data: str | bytes) -> Any:
    """Parse JSON text.

    Raises:
        ValueError: `data` is not JSON, not UTF-8, or nested deeper than MAX_DEPTH.
    """
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep") from None
    brackets = data.count("[") + data.count("{") if isinstance(data, str) else data.count(b"[") + data.count(b"{")
    if brackets > MAX_DEPTH and _is_too_deep(found):
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return found


def _is_too_deep(found: Any) -> bool:
    level = [found]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True
