"""Operators of the server: who becomes one (modern.ircdocs.horse, "OPER message")."""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import ToUsers
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.modes import SERVER_OPERATOR
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def acting_operator(outcome: Outcome) -> User | None:
    """Return the operator whose proposal it is. MODE may have taken it away between the command and its entry: then the
    user is told (481), and the answer is None."""
    user = outcome.source
    if user is not None and not user.operator:
        outcome.send_numeric(user.id, n.ERR_NOPRIVILEGES)
        return None
    return user


def become_operator(state: State, proposal: p.BecomeOperator, outcome: Outcome) -> None:
    """Make a user an operator, after its password was right. The settings may have changed since."""
    user = outcome.source
    if user is None:
        return
    if state.rules.operators.get(proposal.operator) == proposal.verifier:
        make_operator(state, user, proposal.operator, outcome)
    else:
        outcome.send_numeric(user.id, n.ERR_NOOPERHOST)


def make_operator(state: State, user: User, name: str, outcome: Outcome) -> None:
    """Mode +o, and the name of the operator in `User.operator`."""
    user.operator = name
    outcome.send_numeric(user.id, n.RPL_YOUREOPER)
    if SERVER_OPERATOR not in user.modes:
        state.change_modes(user, "".join(sorted(user.modes + SERVER_OPERATOR)))
        _show(user, f"+{SERVER_OPERATOR}", outcome)
    outcome.log("operator", user=user.id, operator=name, nick=user.nick)


def unmake_operator(state: State, user: User, outcome: Outcome) -> None:
    """Mode -o, for one who is."""
    if user.operator:
        user.operator = ""
        state.change_modes(user, user.modes.replace(SERVER_OPERATOR, ""))
        _show(user, f"-{SERVER_OPERATOR}", outcome)


def dismiss_operators(state: State, outcome: Outcome) -> None:
    """Remove operators whose name is no longer in the settings. Operators by their account (`chatctl accounts`)
    stay."""
    for user in state.users.values():
        account = state.accounts.with_id(user.account_id)
        by_account = account is not None and account.operator and user.operator == account.name
        if user.operator not in state.rules.operators and not by_account:
            unmake_operator(state, user, outcome)


def _show(user: User, change: str, outcome: Outcome) -> None:
    outcome.deliveries.append(ToUsers((user.id,), Message("MODE", (user.nick, change), user.prefix), outcome.stamp()))
