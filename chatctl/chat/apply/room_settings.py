"""TOPIC of a room (modern.ircdocs.horse, "TOPIC message")."""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.line_lengths import topic_length
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def set_topic(state: State, proposal: p.SetTopic, outcome: Outcome) -> None:
    """TOPIC: by an operator if the room is ``+t``. The same topic again changes nothing."""
    user = outcome.source
    room = room_for(state, user, proposal.room, outcome)
    if user is None or room is None:
        return
    if "t" in room.modes and not room.members[user.id] & OPERATOR:
        outcome.send_numeric(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        return
    limit = topic_length(state.rules)
    if len(proposal.topic.encode()) > limit:
        text = f"A topic has at most {limit} bytes; this one has {len(proposal.topic.encode())}. It was not set"
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG, text=text)
        return
    if proposal.topic == room.topic:
        return
    room.topic = proposal.topic
    room.topic_by = user.prefix
    room.topic_time = outcome.entry.time
    outcome.to_room(room, Message("TOPIC", (room.name, room.topic), user.prefix))
    outcome.add_room_fact(room, "TOPIC", user, room.topic)
    outcome.changed += (room.key,)


def room_for(state: State, user: User | None, name: str, outcome: Outcome) -> Room | None:
    """Return the room if it exists and `user` is in it; otherwise refuse."""
    if user is None:
        return None
    room = state.known_room(name, user.id)
    if room is None:
        outcome.send_numeric(user.id, n.ERR_NOSUCHCHANNEL, name)
        return None
    if user.id not in room.members:
        outcome.send_numeric(user.id, n.ERR_NOTONCHANNEL, room.name)
        return None
    return room
