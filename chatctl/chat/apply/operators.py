"""Operators of the server: who becomes one (modern.ircdocs.horse, "OPER message")."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.deliveries import Outcome, ToUsers
from chatctl.chat.modes import SERVER_OPERATOR
from chatctl.chat.state import State, User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def become_operator(state: State, proposal: p.BecomeOperator, outcome: Outcome) -> None:
    """The password was right."""
    user = state.users.get(proposal.session)
    if user is not None:
        make_operator(user, proposal.operator, outcome)


def make_operator(user: User, name: str, outcome: Outcome) -> None:
    """Mode +o, and the name of the operator in `User.operator`."""
    user.operator = name
    outcome.tell(user.id, n.RPL_YOUREOPER)
    if SERVER_OPERATOR not in user.modes:
        user.modes = "".join(sorted(user.modes + SERVER_OPERATOR))
        _show(user, f"+{SERVER_OPERATOR}", outcome)
    outcome.note("operator", session=user.id, operator=name, nick=user.nick)


def unmake_operator(user: User, outcome: Outcome) -> None:
    """Mode -o, for one who is."""
    if user.operator:
        user.operator = ""
        user.modes = user.modes.replace(SERVER_OPERATOR, "")
        _show(user, f"-{SERVER_OPERATOR}", outcome)


def _show(user: User, change: str, outcome: Outcome) -> None:
    outcome.deliveries.append(ToUsers((user.id,), Message("MODE", (user.nick, change), user.prefix), outcome.stamp()))
