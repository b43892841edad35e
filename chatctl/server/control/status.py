"""The status of the running server, for the control socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatctl.chat.engine.hub import Hub
from chatctl.chat.ports import Journal
from chatctl.server.control.control import Answer, Handler

if TYPE_CHECKING:
    from chatctl.server.certificate import LoadedCertificate


def _damage(figures: Mapping[str, object]) -> str:
    damage = figures.get("damage")
    return f"the journal is damaged ({damage}): run chatctl check" if damage else ""


def status_handlers(
    hub: Hub, connections: Callable[[], int], journal: Journal, certificate: Callable[[], LoadedCertificate | None]
) -> Mapping[str, Handler]:
    """Answer the request ``status``: counts, rates, the journal's state and the certificate's end, as plain numbers and
    texts."""

    def status(request: Mapping[str, object], answer: Answer) -> None:
        now = hub.now()
        rules, state, commit_gate = hub.rules, hub.state, hub.commit_gate
        used = certificate()
        figures = journal.status()
        journal_state = str(figures.get("state", "ok"))
        seconds = max(1, (now - rules.created) // 1000)
        answer(
            {
                "ok": True,
                "pid": os.getpid(),
                "version": rules.version,
                "uptime_seconds": seconds,
                "users": state.places_taken,
                "listener_limit": rules.listener_limit,
                "connections": connections(),
                "rooms": sum(bool(room.members) for room in state.rooms.values()),
                "messages": commit_gate.messages,
                "messages_per_second": commit_gate.messages_per_second(now),
                "failed_sessions": hub.failures,
                "journal_lag_ms": commit_gate.lag_ms,
                "journal_trouble": commit_gate.failure_reason
                or (journal_state if journal_state != "ok" else _damage(figures)),
                "facts_lost": commit_gate.dropped_facts,
                "certificate_ends": used.ends.isoformat() if used is not None else None,
                "certificate_trouble": used.warning(datetime.now(UTC)) if used is not None else "",
                "journal": figures,
            }
        )

    return {"status": status}
