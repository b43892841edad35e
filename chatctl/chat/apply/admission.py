"""Which users may join a room, and which may speak in it (modern.ircdocs.horse, "Channel Modes").

An invitation by an operator of the room overrides all join restrictions; so does being an operator of the server, or
the founder. Room operators and voiced members may speak under any mode and ban; restrictions of content (+C, +c) apply
to them too.
"""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.modes import OPERATOR, SPEECH
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.numerics import Numeric

_COLOURS = ("\x03", "\x04")
_CTCP = "\x01"


def invited(room: Room, user: User) -> bool:
    """Return whether an operator of this very room (not of an earlier one of its name) invited `user`."""
    return user.invited is not None and user.invited.get(room.key) == room.created


def entry_refusal(state: State, room: Room, user: User, key: str) -> tuple[Numeric, str] | None:
    """Return why `user` may not join, as a numeric and its text; None if it may."""
    if invited(room, user) or user.operator or room.founded_by(user):
        return None
    lists = room.lists
    inside = room.insiders is not None and user.identity in room.insiders
    if "i" in room.modes and not (inside or (lists is not None and lists.invites(user))):
        return n.ERR_INVITEONLYCHAN, f"{room.name} is invite-only (+i)"
    if lists is not None and lists.bans(user):
        return n.ERR_BANNEDFROMCHAN, f"You are banned from {room.name}"
    if "R" in room.modes and not user.account:
        return n.ERR_NEEDREGGEDNICK, f"Only users with an account may join {room.name} (+R)"
    if room.keyword and key != room.keyword:
        text = f"{room.name} has a key: JOIN {room.name} <key>"
        return n.ERR_BADCHANNELKEY, f"That is not the key of {room.name}" if key else text
    if room.limit and sum(not state.users[id].offline for id in room.members) >= room.limit:
        return n.ERR_CHANNELISFULL, f"{room.name} is full: it has a limit of {room.limit}"
    return None


def speech_refusal(room: Room, user: User, proposal: p.SendMessage) -> str | None:
    """Return why `user` may not send this to `room`; None if it may. Most rooms need two checks only."""
    standing = room.members.get(user.id, -1)
    if standing < 0 and room.short_visits is not None and room.admits(user.id):
        standing = OPERATOR if room.founded_by(user) else 0  # as if they had joined
    if standing < 0 and "n" in room.modes:
        return f"Not sent to {room.name}: you are not in that room"
    if standing <= 0 and room.lists is not None and room.lists.mutes(user):
        return f"Not sent to {room.name}: an operator of the room has banned or silenced you there"
    if room.modes.isdisjoint(SPEECH):
        return None
    if standing <= 0 and "m" in room.modes:
        return f"Not sent to {room.name}: only operators and those with a voice may speak there (+m)"
    if standing <= 0 and "M" in room.modes and not user.account:
        return f"Not sent to {room.name}: only users with an account may speak there (+M)"
    return _unsuitable(room, proposal)


def _unsuitable(room: Room, proposal: p.SendMessage) -> str | None:
    text = proposal.text
    if "C" in room.modes and text.startswith(_CTCP) and not text.startswith("\x01ACTION"):
        return f"Not sent to {room.name}: CTCP is not allowed there (+C)"
    if "c" in room.modes and any(colour in text for colour in _COLOURS):
        return f"Not sent to {room.name}: colours are not allowed there (+c)"
    return None
