"""Accounts: who makes one, who is logged in to which (ircv3.net: sasl-3.1, account-notify, account-registration).

One code for the commands of clients, for NickServ and for the control socket: they differ in how the answer is written
(:func:`_answer`), in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chatctl.chat.apply import marks, members, replay_positions
from chatctl.chat.apply.account_switch import move_session
from chatctl.chat.apply.operators import make_operator, unmake_operator
from chatctl.chat.apply.redo import LoginRedo, OperatorRedo, show_operator
from chatctl.chat.apply.removed_accounts import clear_missing_founder
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import InForms, LoggedIn, SendFail, ToSession, ToUsers
from chatctl.chat.entries.outcome import ChangedIdentity, Outcome, UserIdentity
from chatctl.chat.model.accounts import Account, Invitation, Record, record_key
from chatctl.chat.model.ids import NO_SESSION, NO_USER
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.reserved_names import NICKSERV, reserved_problem
from chatctl.chat.model.state import State
from chatctl.chat.model.user import SERVICE_USER, User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message

COMMAND = "REGISTER"
SASL = "SASL"
CONTROL = "control"
"""The forms of an answer."""

_CHOICES: Mapping[str, tuple[bool | None, str]] = {
    "on": (True, "stays in the chat while no device is connected"),
    "off": (False, "leaves the chat with its last device"),
    "default": (None, "stays in the chat if the server's setting says so"),
}
"""The choices of an account ([members-durable] in members.py): the value, and the sentence after the account's name."""

MAX_ACCOUNTS = 100_000
"""Made by people themselves: some 100 MB of memory."""


def add_account(state: State, proposal: p.AddAccount, outcome: Outcome) -> None:
    """Add an account for a free name, and log its user in."""
    outcome.command = COMMAND
    now = outcome.entry.time
    user = outcome.source
    problem = _account_problem(state, proposal, user, now)
    if problem is not None:
        _answer(state, outcome, proposal, problem[0], proposal.name, problem[1])
        return
    id, since = outcome.entry.message_id(), outcome.entry.seq
    account = Account(names.fold(proposal.name), proposal.name, proposal.verifier, now, id, since, proposal.operator)
    _put(state, outcome, account)
    invite = state.accounts.invite(proposal.invite, now)
    if state.rules.registration == "invite" and invite is not None and proposal.form != CONTROL:
        _put(state, outcome, replace(invite, uses=invite.uses - 1))
    _answer(state, outcome, proposal, "", account.name, f"The account {account.name} is yours")
    outcome.log_with_cause("account added", account=account.name)
    if proposal.form != CONTROL:
        _log_user_in(state, outcome, account)
    else:
        _notify_name_holder(state, outcome, account)


def _account_problem(state: State, proposal: p.AddAccount, user: User | None, now: int) -> tuple[str, str] | None:
    """Return the code and sentence of why an account is refused (account-registration, "Responses"); None if it is
    not."""
    name, rules = proposal.name, state.rules
    control = proposal.form == CONTROL
    if not control and rules.registration == "closed":
        return "ACCESS_DENIED", "Only the operator of this server makes accounts; please ask for one"
    if not control and rules.registration == "invite" and state.accounts.invite(proposal.invite, now) is None:
        why = "This invitation is used up or has expired" if proposal.invite else "An account needs an invitation here"
        return "ACCESS_DENIED", f"{why}; please ask the operator of this server for an account"
    if not control and state.accounts.count >= MAX_ACCOUNTS:
        return "TEMPORARILY_UNAVAILABLE", "The account limit of this server is reached; please ask its operator"
    if user is not None and user.account:
        return "ALREADY_AUTHENTICATED", f"You are logged in to {user.account} already"
    problem = names.problem(name)
    if problem is not None:
        return "BAD_ACCOUNT_NAME", f"That name cannot be used: {problem}"
    if state.accounts.named(name) is not None:
        return "ACCOUNT_EXISTS", f"The account {name} exists already"
    own = reserved_problem(name, rules.server_name)
    if own is not None:
        return "BAD_ACCOUNT_NAME", f"{own}; please choose another"
    alike = state.accounts.alike(name) or state.lookalike(name, user.id if user is not None else NO_USER)
    if alike is not None:
        other = alike.name if isinstance(alike, Account) else alike.nick
        return "BAD_ACCOUNT_NAME", f"The name {name} looks too much like {other}; please choose another"
    holder = state.user_named(name)
    if not control and holder is not None and holder is not user:
        return "ACCOUNT_EXISTS", f"The name {holder.nick} is in use; please choose another name"
    return None


def log_in(state: State, proposal: p.LogIn, outcome: Outcome) -> None:
    """Log in. The account may be gone by now, even if another one has its name, or have another password."""
    account = state.accounts.with_id(proposal.account_id)
    if account is None or account.verifier != proposal.verifier:
        _answer(state, outcome, proposal, "904", "*", n.ERR_SASLFAIL.text)
        return
    ban = state.accounts.bans.of_account(account.name, outcome.entry.time)
    if ban is not None:
        _answer(state, outcome, proposal, "904", account.name, ban.sentence)
        return
    own = state.user_of_account(account.id)
    if own is not None and outcome.source not in (None, own) and len(own.session_ids) >= members.MAX_SESSIONS:
        _answer(state, outcome, proposal, "904", account.name, f"{own.nick} has too many sessions; close one of them")
        return
    outcome.log_with_cause("logged in", account=account.name)
    _log_user_in(state, outcome, account)
    if proposal.form == SASL:
        outcome.send_numeric(proposal.session, n.RPL_SASLSUCCESS)
    else:
        _answer(state, outcome, proposal, "", account.name, f"You are logged in to {account.name}")


def log_out(state: State, proposal: p.LogOut, outcome: Outcome) -> None:
    """Log out: make the user a guest again."""
    user = outcome.source
    if user is not None and user.account:
        _log_user_out(state, outcome, user)
        _answer(state, outcome, proposal, "", "*", "You are logged out")


def change_account(state: State, proposal: p.ChangeAccount, outcome: Outcome) -> None:
    """Change the password or the role of an account."""
    outcome.command = "PASSWD"
    account = state.accounts.named(proposal.account)
    if account is None:
        _answer(state, outcome, proposal, "ACCOUNT_UNKNOWN", proposal.account, _unknown(proposal.account))
        return
    if proposal.checked is not None and proposal.checked != (account.id, account.verifier):
        text = "The account changed while the password was checked; please log in and try again"
        _answer(state, outcome, proposal, "INVALID_CREDENTIALS", account.name, text)
        return
    said = []
    if proposal.verifier:
        account = replace(account, verifier=proposal.verifier)
        said.append("has a new password")
    if proposal.operator is not None:
        account = replace(account, operator=proposal.operator)
        said.append("is an operator of this server now" if proposal.operator else "is not an operator any more")
    if proposal.always_on:
        account = replace(account, always_on=_CHOICES[proposal.always_on][0])
        said.append(_CHOICES[proposal.always_on][1])
    _put(state, outcome, account)
    for user in _users_of(state, account):
        members.note_member(state, outcome, user)
        if user.offline and not members.is_member(state, user):
            outcome.follow_ups += (p.RemoveOfflineUser(NO_SESSION, "", user.id),)
        before = UserIdentity.of(user)
        if proposal.operator is True:
            make_operator(state, user, account.name, outcome)
        elif proposal.operator is False:
            unmake_operator(state, user, outcome)
        outcome.undo += (ChangedIdentity(user.id, before, UserIdentity.of(user)),)
    what = " and ".join(said)
    outcome.log_with_cause("account changed", account=account.name, what=what)
    _answer(state, outcome, proposal, "", account.name, f"{account.name} {what}")


def remove_account(state: State, proposal: p.RemoveAccount, outcome: Outcome) -> None:
    """Remove an account: the name is free, and its rooms have no founder any more."""
    outcome.command = "UNREGISTER"
    account = state.accounts.named(proposal.account)
    if account is None:
        _answer(state, outcome, proposal, "ACCOUNT_UNKNOWN", proposal.account, _unknown(proposal.account))
        return
    for user in _users_of(state, account):
        _log_user_out(state, outcome, user)
        if user.offline:
            outcome.follow_ups += (p.RemoveOfflineUser(NO_SESSION, "", user.id),)
    marks.forget(state, outcome, account.identity)
    key = record_key(account)
    state.accounts.put(key, None)
    rooms = list(state.rooms.values())
    outcome.changed += tuple(room.key for room in rooms if room.remove_insiders(account.identity))
    outcome.changed += tuple(room.key for room in rooms if clear_missing_founder(state, room.key))
    outcome.records += (key,)
    outcome.log_with_cause("account removed", account=account.name)
    _answer(state, outcome, proposal, "", account.name, f"The account {account.name} is gone")


def add_invitation(state: State, proposal: p.AddInvitation, outcome: Outcome) -> None:
    """Add an invitation, and remove those that are used up or have expired."""
    outcome.command = "INVITATION"
    now = outcome.entry.time
    for key in state.accounts.spent(now):
        state.accounts.put(key, None)
        outcome.records += (key,)
    _put(state, outcome, Invitation(proposal.key, proposal.uses, proposal.expires, proposal.room, now))
    outcome.log_with_cause("invitation made", uses=proposal.uses, room=proposal.room)
    outcome.verdict = (True, "")


def _unknown(name: str) -> str:
    return f"The account {name} does not exist"


def _put(state: State, outcome: Outcome, record: Record) -> None:
    key = record_key(record)
    state.accounts.put(key, record)
    outcome.records += (key,)


def _users_of(state: State, account: Account) -> list[User]:
    return [user for user in state.users.values() if user.account_id == account.id]


def _log_user_in(state: State, outcome: Outcome, account: Account) -> None:
    """Log the user of the entry in, or its session if that is not registered; others are told (account-notify)."""
    user = outcome.source
    other = state.user_of_account(account.id)
    if user is not None and other is not None and other is not user:
        move_session(state, outcome.entry.proposal.session, user, other, outcome)
        user = other
    outcome.deliveries.append(LoggedIn(user.id if user is not None else outcome.entry.proposal.session, account.id))
    mask = user.prefix if user is not None else "*!*@*"
    called = user.nick if user is not None else "*"
    text = f"You are now logged in as {account.name}"
    message = Message(n.RPL_LOGGEDIN.code, (called, mask, account.name, text), state.rules.server_name)
    # If this entry creates the account, the line is shown only if that is stored.
    _send(outcome, message)
    if user is not None and user.account_id != account.id:
        before, known = UserIdentity.of(user), user.identity
        if user.operator and user.operator == user.account:
            unmake_operator(state, user, outcome)  # an account's privileges do not follow to another account
        state.log_in(user, account)
        _update_insiders(outcome, user, known)
        replay_positions.note_entered(state, outcome, user, user.rooms)
        state.changed(user)
        _notify(state, outcome, user)
        founded = [
            room for room in user.rooms.values() if room.founded_by(user) and not room.members[user.id] & OPERATOR
        ]
        for room in founded:
            room.members[user.id] |= OPERATOR
            show_operator(state, outcome, room, user)
        members.welcome_member(state, outcome, user)
        outcome.redo += (LoginRedo(user, known, founded=founded),)
        if account.operator:
            make_operator(state, user, account.name, outcome)
        outcome.redo += (OperatorRedo(user, before.account),)
        outcome.undo += (ChangedIdentity(user.id, before, UserIdentity.of(user)),)


def _log_user_out(state: State, outcome: Outcome, user: User) -> None:
    before, known = UserIdentity.of(user), user.identity
    position = replay_positions.note_left(state, outcome, user, user.rooms)
    outcome.redo += (LoginRedo(user, known, tuple(user.rooms), position),)
    members.forget(state, outcome, known)
    state.log_in(user, None)
    _update_insiders(outcome, user, known)
    state.changed(user)
    unmake_operator(state, user, outcome)
    outcome.undo += (ChangedIdentity(user.id, before, UserIdentity.of(user)),)
    outcome.deliveries.append(LoggedIn(user.id, ""))
    outcome.send_numeric(user.id, n.RPL_LOGGEDOUT, user.prefix)
    _notify(state, outcome, user)


def _update_insiders(outcome: Outcome, user: User, before: str) -> None:
    """Rooms with +i must know `user` by one identity, not by two: a user who is removed must not return by the
    other."""
    for room in user.rooms.values():
        if room.remove_insiders(before) | room.add_insider(user):
            outcome.changed += (room.key,)


def _notify(state: State, outcome: Outcome, user: User) -> None:
    """Send ACCOUNT to users who share a room or monitor the name (ircv3.net/specs/extensions/account-notify,
    extended-monitor)."""
    message = Message("ACCOUNT", (user.account or "*",), user.prefix)
    audience = (user.id, *state.peers(user))
    forms = (outcome.form(caps.ACCOUNT_NOTIFY, message),)
    outcome.deliveries.append(InForms(forms, users=audience, watched=user.nick))


def _notify_name_holder(state: State, outcome: Outcome, account: Account) -> None:
    """Tell the user of a name that an account of this name was made for another: they keep it until they leave."""
    holder = state.user_named(account.name)
    if holder is not None and not holder.account:
        text = f"The name {account.name} belongs to an account now; log in if it is yours, or choose another with /nick"
        outcome.deliveries.append(ToUsers((holder.id,), _notice(holder.nick, text), outcome.untagged()))


def _send(outcome: Outcome, message: Message) -> None:
    """Send `message` to all sessions of the user of the entry, or to its session if that is not registered."""
    if outcome.source is not None:
        outcome.deliveries.append(ToUsers((outcome.source.id,), message, outcome.untagged()))
    else:
        outcome.deliveries.append(ToSession(outcome.entry.proposal.session, message, outcome.untagged()))


def _notice(nick: str, text: str) -> Message:
    return Message("NOTICE", (nick, text), SERVICE_USER.prefix)


def _answer(
    state: State,
    outcome: Outcome,
    proposal: p.AddAccount | p.LogIn | p.LogOut | p.ChangeAccount | p.RemoveAccount,
    code: str,
    about: str,
    text: str,
) -> None:
    """Say what became of it, in the proposal's form. `code` is ``""`` for success."""
    session = proposal.session
    if proposal.form == CONTROL:
        outcome.verdict = (not code, text)
    elif proposal.form == NICKSERV:
        if outcome.source is not None:
            _send(outcome, _notice(outcome.source.nick, text))
    elif proposal.form == SASL:
        if code:
            outcome.send_numeric(session, n.ERR_SASLFAIL, text=text)
    elif code:
        outcome.deliveries.append(SendFail(session, outcome.command, code, (about,), text))
    else:
        message = Message(outcome.command, ("SUCCESS", about, text), state.rules.server_name)
        _send(outcome, message)
