"""Bans, and removing users: requests of the operator through the control socket (NO_SESSION)."""

from __future__ import annotations

from chatctl.chat.apply import membership
from chatctl.chat.apply.membership import leave_chat
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import BanApplied, Rejected, ToUsers
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import record_key
from chatctl.chat.model.ids import NO_SESSION, SessionId
from chatctl.chat.model.server_bans import MAX_BANS, Ban, ban_key
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def add_ban(state: State, proposal: p.AddBan, outcome: Outcome) -> None:
    """Add a ban. It has no effect until it is stored (:func:`enforce_ban`)."""
    outcome.command = "BAN"
    accounts, now = state.accounts, outcome.entry.time
    try:
        key, target = ban_key(proposal.target, account=proposal.account)
    except ValueError as error:
        outcome.verdict = (False, str(error))
        return
    for old in accounts.bans.expired(now):
        _forget(state, old, outcome)
    if accounts.ban_count >= MAX_BANS and accounts.get(("ban", key)) is None:
        outcome.verdict = (False, f"There are {MAX_BANS} bans already; take some back first")
        return
    expires = now + proposal.seconds * 1000 if proposal.seconds else 0
    ban = Ban(key, target, proposal.reason, now, expires)
    accounts.put(record_key(ban), ban)
    outcome.records += (record_key(ban),)
    outcome.follow_ups += (p.EnforceBan(NO_SESSION, "", key),)
    outcome.verdict = (True, f"{target} is banned")


def enforce_ban(state: State, proposal: p.EnforceBan, outcome: Outcome) -> None:
    """Let a stored ban count, or the removal of one; whom a ban is for has to go."""
    accounts, now = state.accounts, outcome.entry.time
    for old in accounts.bans.expired(now):
        accounts.enforce(old.key)
    ban = accounts.enforce(proposal.key)
    if ban is None or not ban.holds(now):
        return
    gone = [user for user in state.users.values() if _is_for(state, user, now)]
    for user in gone:
        told = Message(n.ERR_YOUREBANNEDCREEP.code, (user.nick, ban.sentence), state.rules.server_name)
        outcome.deliveries.append(ToUsers((user.id,), told, outcome.untagged()))
        leave_chat(state, user, ban.parting, outcome)
    if ban.key.startswith("address "):
        outcome.deliveries.append(BanApplied())  # each machine notes which of its sessions went
    outcome.log_with_cause("banned", target=ban.target, gone=" ".join(user.nick for user in gone))


def remove_ban(state: State, proposal: p.RemoveBan, outcome: Outcome) -> None:
    """Remove a ban. It stays in force until that is stored."""
    outcome.command = "UNBAN"
    try:
        key, target = ban_key(proposal.target, account=proposal.account)
    except ValueError as error:
        outcome.verdict = (False, str(error))
        return
    ban = state.accounts.get(("ban", key))
    if not isinstance(ban, Ban):
        outcome.verdict = (False, f"{target} is not banned")
        return
    _forget(state, ban, outcome)
    outcome.follow_ups += (p.EnforceBan(NO_SESSION, "", key),)
    outcome.verdict = (True, f"{target} is not banned any more")
    outcome.log_with_cause("ban taken back", target=target)


def disconnect_user(state: State, proposal: p.DisconnectUser, outcome: Outcome) -> None:
    """Disconnect a user, who may reconnect. KILL ("KILL message") tells a client not to do so by itself."""
    user = state.user_named(proposal.nick)
    if user is None:
        outcome.verdict = (False, f"No user has the name {proposal.nick}")
        return
    if user.offline:
        outcome.verdict = (False, f"{user.nick} is not connected")
        return
    told = Message("KILL", (user.nick, proposal.reason or "Sent away"), state.rules.server_name)
    outcome.deliveries.append(ToUsers((user.id,), told, outcome.untagged()))
    reason = f"Sent away: {proposal.reason}" if proposal.reason else "Sent away"
    membership.disconnect_user(state, user, reason, outcome)
    outcome.verdict = (True, f"{user.nick} is gone")
    outcome.log_with_cause("sent away", nick=user.nick)


def name_banned(state: State, nick: str, now: int) -> str | None:
    """Return why the name `nick` is banned; None if it is not."""
    ban = state.accounts.bans.of_name(nick, now)
    if ban is None:
        return None
    why = f" ({ban.reason})" if ban.reason else ""
    return f"The name {nick} may not be used here{ban.until}{why}; please choose another"


def account_banned(state: State, session: SessionId, account: str, outcome: Outcome) -> bool:
    """Return whether `account` is banned; if so, send the ban to its user."""
    ban = state.accounts.bans.of_account(account, outcome.entry.time)
    if ban is None:
        return False
    outcome.send_numeric(session, n.ERR_YOUREBANNEDCREEP, text=ban.sentence)
    outcome.deliveries.append(Rejected(session, ban.parting))
    return True


def _is_for(state: State, user: User, now: int) -> bool:
    bans = state.accounts.bans
    return bans.of_name(user.nick, now) is not None or bans.of_account(user.account, now) is not None


def _forget(state: State, ban: Ban, outcome: Outcome) -> None:
    state.accounts.put(record_key(ban), None)
    outcome.records += (record_key(ban),)
