"""Which sessions monitor which names (ircv3.net/specs/extensions/monitor): local to this machine."""

from __future__ import annotations

from chatctl.chat.delivery.session import Session
from chatctl.protocol import names

MAX_TARGETS = 100
"""Names of one session (MONITOR in ISUPPORT)."""


class MonitorList:
    """The lists of all sessions. `session.watching` maps a folded name to the spelling that was asked for."""

    def __init__(self) -> None:
        self._watchers: dict[str, dict[Session, None]] = {}

    def add(self, session: Session, nick: str) -> bool:
        """Watch a name; False where the session's list is full. Watching it already is fine."""
        key = names.fold(nick)
        watching = session.watching
        if watching is None:
            watching = session.watching = {}
        if key not in watching:
            if len(watching) >= MAX_TARGETS:
                return False
            watching[key] = nick
            self._watchers.setdefault(key, {})[session] = None
        return True

    def remove(self, session: Session, nick: str) -> None:
        """Watch a name no more."""
        key = names.fold(nick)
        if session.watching is not None and session.watching.pop(key, None) is not None:
            watchers = self._watchers[key]
            del watchers[session]
            if not watchers:
                del self._watchers[key]

    def clear(self, session: Session) -> None:
        """Remove all entries of a session: on request, or because it ended."""
        for nick in list((session.watching or {}).values()):
            self.remove(session, nick)
        session.watching = None

    def watchers(self, nick: str) -> tuple[Session, ...]:
        """Return the sessions that watch a name, in the order in which they began."""
        if not self._watchers:
            return ()
        return tuple(self._watchers.get(names.fold(nick), ()))
