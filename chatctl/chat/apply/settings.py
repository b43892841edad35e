"""What a room is set to: TOPIC and MODE (modern.ircdocs.horse, "TOPIC message", "MODE message")."""

from __future__ import annotations

from chatctl.chat import proposals as p
from chatctl.chat.deliveries import Outcome
from chatctl.chat.limits import topic_length
from chatctl.chat.modes import OPERATOR, ROOM_MODES, Kind
from chatctl.chat.state import Room, State, User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE, Message


def set_topic(state: State, proposal: p.SetTopic, outcome: Outcome) -> None:
    """TOPIC: by an operator where the room is ``+t``. The same topic again is no news."""
    user = state.users.get(proposal.session)
    room = _room_for(state, user, proposal.room, outcome)
    if user is None or room is None:
        return
    if "t" in room.modes and not room.members[user.id] & OPERATOR:
        outcome.tell(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        return
    limit = topic_length(state.rules)
    if len(proposal.topic.encode()) > limit:
        text = f"A topic has at most {limit} bytes; this one has {len(proposal.topic.encode())}. It was not set"
        outcome.tell(user.id, n.ERR_INPUTTOOLONG, text=text)
        return
    if proposal.topic == room.topic:
        return
    room.topic = proposal.topic
    room.topic_by = user.prefix
    room.topic_time = outcome.entry.time
    outcome.to_room(room, Message("TOPIC", (room.name, room.topic), user.prefix))
    outcome.keep_in(room, "TOPIC", user, room.topic)
    outcome.changed.append(room.key)


def set_room_modes(state: State, proposal: p.SetRoomModes, outcome: Outcome) -> None:
    """MODE of a room: what changed is told; what did not change is not."""
    user = state.users.get(proposal.session)
    room = _room_for(state, user, proposal.room, outcome)
    if user is None or room is None:
        return
    if not room.members[user.id] & OPERATOR:
        outcome.tell(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        return
    wanted = (_change(state, room, user, change, outcome) for change in proposal.changes)
    done = [change for change in wanted if change is not None]
    for words in _lines(room, user, done):
        outcome.to_room(room, Message("MODE", (room.name, *words), user.prefix))
        outcome.keep_in(room, "MODE", user, " ".join(words))
    if done:
        outcome.changed.append(room.key)


def _lines(room: Room, user: User, done: list[p.ModeChange]) -> list[list[str]]:
    """The changes in as many lines as they need: names are long in some scripts."""
    lines: list[list[str]] = []
    first = 0
    for last in range(1, len(done) + 1):
        following = written(done[first : last + 1])
        if last == len(done) or len(Message("MODE", (room.name, *following), user.prefix).line) > MAX_LINE:
            lines.append(written(done[first:last]))
            first = last
    return lines


def written(changes: list[p.ModeChange]) -> list[str]:
    """Changes as the parameters of a MODE line: ``["+n-t+o", "bob"]``."""
    letters = ""
    sign: bool | None = None
    for change in changes:
        if change.add is not sign:
            letters += "+" if change.add else "-"
            sign = change.add
        letters += change.letter
    return [letters, *(change.parameter for change in changes if change.parameter)]


def _change(state: State, room: Room, user: User, change: p.ModeChange, outcome: Outcome) -> p.ModeChange | None:
    """Make one change, and give it as it is told; None where it is none or cannot be."""
    row = ROOM_MODES[change.letter]
    if row.kind is Kind.PREFIX:
        other = state.user_named(change.parameter)
        if other is None:
            outcome.tell(user.id, n.ERR_NOSUCHNICK, change.parameter)
            return None
        if other.id not in room.members:
            outcome.tell(user.id, n.ERR_USERNOTINCHANNEL, other.nick, room.name)
            return None
        standing = room.members[other.id]
        wanted = standing | row.bit if change.add else standing & ~row.bit
        room.members[other.id] = wanted
        return p.ModeChange(change.add, change.letter, other.nick) if wanted != standing else None
    flag = frozenset(change.letter)
    modes = room.modes | flag if change.add else room.modes - flag
    if modes == room.modes:
        return None
    room.modes = modes
    return change


def _room_for(state: State, user: User | None, name: str, outcome: Outcome) -> Room | None:
    """The room, where there is one and `user` is in it; else the refusal."""
    if user is None:
        return None
    room = state.room_named(name)
    if room is None:
        outcome.tell(user.id, n.ERR_NOSUCHCHANNEL, name)
        return None
    if user.id not in room.members:
        outcome.tell(user.id, n.ERR_NOTONCHANNEL, room.name)
        return None
    return room
