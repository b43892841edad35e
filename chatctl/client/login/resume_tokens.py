"""Tokens of the capability ``chatctl/resume``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResumeTokens:
    """Tokens by which a chatctl server recognises this client. Hidden from repr."""

    secret: str = field(repr=False)
    instance: str = field(repr=False)
