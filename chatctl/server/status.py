"""What the running server says of itself, through the control socket."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chatctl.chat.hub import Hub
from chatctl.chat.ports import Journal
from chatctl.server.control import Answer, Handler
from chatctl.server.loop import Loop


def status_handlers(hub: Hub, loop: Loop, journal: Journal) -> Mapping[str, Handler]:
    """The request ``status``: counts, rates and the journal's state, as plain numbers and texts."""

    def status(request: Mapping[str, object], answer: Answer) -> None:
        now = hub.now()
        rules, state, keeper = hub.rules, hub.state, hub.keeper
        seconds = max(1, (now - rules.created) // 1000)
        answer(
            {
                "ok": True,
                "pid": os.getpid(),
                "version": rules.version,
                "uptime_seconds": seconds,
                "users": len(state.users),
                "listener_limit": rules.listener_limit,
                "connections": loop.connections,
                "rooms": sum(bool(room.members) for room in state.rooms.values()),
                "messages": keeper.messages,
                "messages_per_second": keeper.rate(now),
                "failed_sessions": hub.failures,
                "journal_lag_ms": keeper.lag_ms,
                "journal_trouble": keeper.trouble,
                "facts_lost": keeper.lost,
                "journal": journal.status(),
            }
        )

    return {"status": status}
