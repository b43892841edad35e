"""Operators of the server: who becomes one (modern.ircdocs.horse, "OPER message")."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.deliveries import Outcome, Stamp, ToUsers
from chatctl.chat.modes import SERVER_OPERATOR
from chatctl.chat.state import State
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def become_operator(state: State, proposal: p.BecomeOperator, outcome: Outcome) -> None:
    """The password was right: mode +o, and the name of the operator in `User.operator`."""
    user = state.users.get(proposal.session)
    if user is None:
        return
    user.operator = proposal.operator
    outcome.tell(user.id, n.RPL_YOUREOPER)
    if SERVER_OPERATOR not in user.modes:
        user.modes = "".join(sorted(user.modes + SERVER_OPERATOR))
        message = Message("MODE", (user.nick, f"+{SERVER_OPERATOR}"), user.prefix)
        outcome.deliveries.append(ToUsers((user.id,), message, Stamp(outcome.entry.time)))
    outcome.note("operator", session=user.id, operator=proposal.operator, nick=user.nick)
