"""Bans and sessions by the control socket (control.py): for `chatctl ban`, `unban`, `kick` and `sessions`.

- ``ban``: ``target``, ``account`` (true: it is an account's name), ``reason``, ``seconds`` (0: for good).
- ``unban``: ``target``, ``account``. ``kick``: ``name``, ``reason``. The answer has ``text``, the sentence to show.
- ``bans``: the answer has ``bans``, ``sessions``: ``sessions``; lists of objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION, SessionId
from chatctl.chat.model.state import State
from chatctl.server.control.control import Answer, Handler

_Make = Callable[[Mapping[str, object]], p.Proposal]

_MAX_REASON_BYTES = 200  # characters: with names around it, it still fits on a line


def moderation_handlers(hub: Hub) -> Mapping[str, Handler]:
    """Return the handlers, by command."""

    def asking(make: _Make) -> Handler:
        def handle(request: Mapping[str, object], answer: Answer) -> None:
            def answered(done: bool, text: str) -> None:
                answer({"ok": True, "text": text} if done else {"ok": False, "error": text})

            hub.admin_requests.ask(make(request), answered)

        return handle

    def bans(request: Mapping[str, object], answer: Answer) -> None:
        answer({"ok": True, "bans": bans_listed(hub.state, hub.now())})

    def sessions(request: Mapping[str, object], answer: Answer) -> None:
        answer({"ok": True, "sessions": [_session(hub, id) for id in list(hub.sessions)]})

    return {"bans": bans, "sessions": sessions, **{command: asking(make) for command, make in PROPOSALS.items()}}


def bans_listed(state: State, now: int) -> list[dict[str, object]]:
    """Return all bans in force, the oldest first, as the answer to ``bans`` has them."""
    return [
        {
            "kind": ban.key.partition(" ")[0],
            "target": ban.target,
            "reason": ban.reason,
            "created": ban.created,
            "expires": ban.expires,
        }
        for ban in sorted(state.accounts.bans, key=lambda ban: (ban.created, ban.key))
        if ban.holds(now)
    ]


def proposal_for(request: Mapping[str, object]) -> p.Proposal:
    """Return the proposal of a request."""
    return PROPOSALS[str(request["command"])](request)


def _ban(request: Mapping[str, object]) -> p.AddBan:
    seconds = request.get("seconds")
    for_good = not isinstance(seconds, int) or seconds < 0
    return p.AddBan(
        NO_SESSION,
        "",
        _text(request, "target"),
        bool(request.get("account")),
        _text(request, "reason"),
        0 if for_good or not isinstance(seconds, int) else seconds,
    )


def _text(request: Mapping[str, object], key: str) -> str:
    """Return the text as one line, since it is relayed in one."""
    return " ".join(str(request.get(key) or "").split())[:_MAX_REASON_BYTES]


def _session(hub: Hub, id: SessionId) -> dict[str, object]:
    session = hub.sessions[id]
    user = hub.state.user_of(id)
    return {
        "id": id,
        "name": user.nick if user is not None else "",
        "account": user.account if user is not None else "",
        "operator": bool(user is not None and user.operator),
        "address": session.address,
        "encrypted": session.encrypted,
        "since": user.signed_on if user is not None else 0,
        "idle_seconds": max(0, (hub.now() - session.last_spoke) // 1000),
        "rooms": [room.name for room in user.rooms.values()] if user is not None else [],
    }


PROPOSALS: Mapping[str, _Make] = {
    "ban": _ban,
    "unban": lambda request: p.RemoveBan(NO_SESSION, "", _text(request, "target"), bool(request.get("account"))),
    "kick": lambda request: p.DisconnectUser(NO_SESSION, "", _text(request, "name"), _text(request, "reason")),
}
"""The proposals, by command."""
