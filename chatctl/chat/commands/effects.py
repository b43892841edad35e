"""Effects of a command on its session: actions of the server that are not lines to the client.

A handler returns them among its replies, in the order in which they must happen. An effect carries itself out on an
EffectPort, which :class:`chatctl.chat.engine.reply_sender.ReplySender` implements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.ids import UserId


class EffectPort(Protocol):
    """The part of the engine that effects act on."""

    def end(self, session: Session, reason: str) -> None:
        """Send the session its last line, and end it."""

    def probe(self, users: Sequence[UserId]) -> None:
        """Probe the connections of users for being alive."""

    def log_event(self, session: Session, event: str, fields: Mapping[str, object]) -> None:
        """Write a log event with the session's id and address."""


class Effect:
    """Base of the effects. Not an ABC, whose isinstance would be slower, and every reply goes through one."""

    __slots__ = ()

    def carry_out(self, session: Session, port: EffectPort) -> None:
        """Do it, for the session whose handler returned it."""
        raise NotImplementedError


@dataclass(slots=True)
class CloseSession(Effect):
    """The connection ends; `reason` is the last line it reads."""

    reason: str

    def carry_out(self, session: Session, port: EffectPort) -> None:
        """See Effect."""
        port.end(session, self.reason)


@dataclass(slots=True)
class ProbeRequest(Effect):
    """Another client wants the nick or place of these users: their sessions are pinged, and end without an answer."""

    users: tuple[UserId, ...]

    def carry_out(self, session: Session, port: EffectPort) -> None:
        """See Effect."""
        port.probe(self.users)


@dataclass(slots=True)
class LogNote(Effect):
    """A log event. It must not hold text of users, nor secrets. The session and its address are added."""

    event: str
    fields: Mapping[str, object]

    def carry_out(self, session: Session, port: EffectPort) -> None:
        """See Effect."""
        port.log_event(session, self.event, self.fields)
