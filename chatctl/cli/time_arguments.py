"""Moments as people write them, and times as they read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from chatctl.errors import ConfigError

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d|w|mo|m)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 30 * 86400}


def moment(option: str, text: str | None, now: datetime) -> int:
    """``2026-11-22``, ``2026-11-22T15:41``, with or without an offset (local time without), or ``2h`` for two hours
    ago: ms since 1970 UTC; 0 for None. A month (``mo``) has 30 days. Raises ConfigError that names `option`."""
    if text is None:
        return 0
    ago = _AGO.fullmatch(text.strip().lower())
    if ago:
        try:
            return round((now - timedelta(seconds=_seconds(option, text, ago))).timestamp() * 1000)
        except OverflowError:
            raise ConfigError(f'{option} is "{text}", but that is before the year 1') from None
    try:
        return round(datetime.fromisoformat(text.strip()).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigError(
            f'{option} is "{text}", but a time is written like 2026-11-22, 2026-11-22T15:41, or 2h for two hours ago'
        ) from None


def length(option: str, text: str) -> int:
    """``90s``, ``30min``, ``2h``, ``7d``, ``2w``, ``3mo``: seconds. Raises ConfigError that names `option`."""
    found = _AGO.fullmatch(text.strip().lower())
    if not found:
        raise ConfigError(f'{option} is "{text}", but a length of time is written like 30min, 2h or 7d')
    return _seconds(option, text, found)


def _seconds(option: str, text: str, found: re.Match[str]) -> int:
    """Return a number with a unit in seconds. `m` alone is refused: a month too many cannot be brought back."""
    number, unit = found.groups()
    if unit == "m":
        raise ConfigError(
            f'{option} is "{text}", which is ambiguous: write {number}min for minutes or {number}mo for months'
        )
    return int(number) * _SECONDS[unit]


def local(time: int) -> str:
    """Return a time in ms as ``2026-11-22 15:41:13``, in local time."""
    return datetime.fromtimestamp(time / 1000).strftime("%Y-%m-%d %H:%M:%S")


def iso(time: int) -> str:
    """Return a time in ms as ISO 8601 with the local offset."""
    return datetime.fromtimestamp(time / 1000).astimezone().isoformat(timespec="milliseconds")
