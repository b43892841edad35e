"""Commands of operators: KILL, WALLOPS, and reading settings again (modern.ircdocs.horse, "Operator Messages")."""

from __future__ import annotations

from dataclasses import replace

from chatctl.chat.apply.membership import disconnect_user
from chatctl.chat.apply.operators import acting_operator, dismiss_operators
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import RulesChanged, ToUsers
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.modes import WALLOPS
from chatctl.chat.model.state import State
from chatctl.chat.model.user import SERVICE_USER
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message


def kill(state: State, proposal: p.Kill, outcome: Outcome) -> None:
    """KILL: the one who goes reads who did it and why, then the QUIT that the others see."""
    user = acting_operator(outcome)
    if user is None:
        return
    other = state.user_or_service(proposal.nick)
    if other is SERVICE_USER:
        outcome.send_numeric(
            user.id, n.ERR_CANTKILLSERVER, text=f"{other.nick} is part of the server and cannot be killed"
        )
        return
    if other is None or other.offline:
        outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, proposal.nick)
        return
    message = Message("KILL", (other.nick, proposal.comment), user.prefix)
    if len(message.line) > MAX_LINE_BYTES:
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG)
        return
    outcome.deliveries.append(ToUsers((other.id,), message, outcome.untagged()))
    outcome.log("killed", nick=other.nick, by=user.nick, operator=user.operator)
    disconnect_user(state, other, f"Killed ({user.nick} ({proposal.comment}))", outcome, show=True)


def wallops(state: State, proposal: p.Wallops, outcome: Outcome) -> None:
    """WALLOPS: to all who set mode ``w``."""
    user = acting_operator(outcome)
    if user is None:
        return
    message = Message("WALLOPS", (proposal.text,), user.prefix)
    if len(message.line) > MAX_LINE_BYTES:
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG)
        return
    audience = tuple(other.id for other in state.users.values() if WALLOPS in other.modes)
    outcome.deliveries.append(ToUsers(audience, message, outcome.stamp()))


def change_rules(state: State, proposal: p.ChangeRules, outcome: Outcome) -> None:
    """Apply settings that were read again, as far as a running server can. The session is NO_SESSION if a signal or
    `chatctl` asked for it."""
    if proposal.session and acting_operator(outcome) is None:
        return
    if proposal.changes:
        state.rules = replace(state.rules, **proposal.changes)
        outcome.deliveries.append(RulesChanged())
        if "operators" in proposal.changes:
            dismiss_operators(state, outcome)
    user = outcome.source
    if user is not None:
        outcome.send_numeric(user.id, n.RPL_REHASHING, proposal.file or "*")
        for text in proposal.report:
            notice = Message("NOTICE", (user.nick, text), state.rules.server_name)
            outcome.deliveries.append(ToUsers((user.id,), notice, outcome.untagged()))
    outcome.log_with_cause("settings read again", report=" ".join(proposal.report))
