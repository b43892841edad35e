"""Tokens of the capability ``chatctl/resume``."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResumeTokens:
    """Tokens by which a chatctl server recognises this client: never shown, not even by repr."""

    secret: str = field(repr=False)
    instance: str = field(repr=False)
