"""Applies entries to the state: every decision that depends on other users is made here.

Invariants:

- [pure] A function of the state and the entry. The same entries give the same state and outcomes on any machine.
- [decide-in-apply] Two users may want the same thing at once; the order of their entries decides, here and nowhere
  else.
- [refused-leaves-nothing] A refusal leaves no fact; it is a delivery to the session that asked.
- [never-truncate] Text is measured as it will be relayed, before it is stored.
- [distinct-times] Facts of a place have distinct times, up to 1,000 a second (:mod:`chatctl.chat.entries.outcome`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatctl.chat.apply import (
    accounts,
    bans,
    identity,
    kill_wallops,
    lines,
    marks,
    members,
    membership,
    messages,
    metadata,
    modes,
    operators,
    redaction,
    rename_room,
    room_settings,
)
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.outcome import MAX_AHEAD_MS, Outcome
from chatctl.chat.model.state import State

_TABLE: dict[type[p.Proposal], Callable[[State, Any, Outcome], None]] = {
    p.Register: identity.register,
    p.Rename: identity.rename,
    p.SetAway: identity.set_away,
    p.BecomeOperator: operators.become_operator,
    p.SetRealname: identity.set_realname,
    p.ChangeHost: identity.change_host,
    p.AddAccount: accounts.add_account,
    p.LogIn: accounts.log_in,
    p.LogOut: accounts.log_out,
    p.ChangeAccount: accounts.change_account,
    p.RemoveAccount: accounts.remove_account,
    p.AddInvitation: accounts.add_invitation,
    p.Redact: redaction.redact,
    p.RenameRoom: rename_room.rename_room,
    p.MarkRead: marks.mark_read,
    p.SetMetadata: metadata.set_metadata,
    p.SetUserModes: identity.set_user_modes,
    p.Quit: membership.quit_chat,
    p.RemoveOfflineUser: membership.remove_offline_user,
    p.ReturnNick: identity.return_nick,
    p.ExpireMembers: membership.expire_members,
    p.ExpireDeadlines: members.announce,
    p.Join: membership.join,
    p.Part: membership.part,
    p.Kick: membership.kick,
    p.Kill: kill_wallops.kill,
    p.AddBan: bans.add_ban,
    p.RemoveBan: bans.remove_ban,
    p.EnforceBan: bans.enforce_ban,
    p.DisconnectUser: bans.disconnect_user,
    p.Wallops: kill_wallops.wallops,
    p.ChangeRules: kill_wallops.change_rules,
    p.InviteUser: membership.invite,
    p.SendMessage: messages.send_message,
    p.SendMessageRun: lines.send_message_run,
    p.SetTopic: room_settings.set_topic,
    p.SetRoomModes: modes.set_room_modes,
}


def apply(state: State, entry: p.Entry) -> Outcome:
    """Change `state` as `entry` says, or refuse it. A session that has ended by now has no user, even if the user who
    proposed it is here with another session."""
    proposal = entry.proposal
    time, last = entry.time, state.last_time
    if time <= last:
        time = last + 1 if last - time < MAX_AHEAD_MS else last
    outcome = Outcome(entry, state.by_session.get(proposal.session), time)
    _TABLE[type(proposal)](state, proposal, outcome)
    if state.forgotten or state.dropped_rooms:
        outcome.collect(state)
    if outcome.facts:
        state.last_time = outcome.facts[-1].latest
    return outcome
