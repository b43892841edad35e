"""MODE of a room: flags, parameters, lists, standing (modern.ircdocs.horse, "MODE message", "Channel Modes").

Members are told what changed, and only that. A list mode without a parameter asks for the list.
"""

from __future__ import annotations

from chatctl.chat.apply import members
from chatctl.chat.apply.room_settings import room_for
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.outcome import ChangedStanding, Outcome
from chatctl.chat.model.line_lengths import KEY
from chatctl.chat.model.mask_lists import MAX_MASK_BYTES, ListEntry, Lists, canonical
from chatctl.chat.model.modes import OPERATOR, ROOM_MODES, ModeClass
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message

_LIST_NUMERICS = {
    "b": (n.RPL_BANLIST, n.RPL_ENDOFBANLIST),
    "e": (n.RPL_EXCEPTLIST, n.RPL_ENDOFEXCEPTLIST),
    "I": (n.RPL_INVEXLIST, n.RPL_ENDOFINVEXLIST),
}
_FOR_OPERATORS = frozenset("eI")
"""Lists that only operators of the room may read: they tell who is trusted."""


def set_room_modes(state: State, proposal: p.SetRoomModes, outcome: Outcome) -> None:
    """MODE #room with changes, which only operators of the room make; list queries beside them are answered."""
    user = outcome.source
    if user is None:
        return
    room = room_for(state, user, proposal.room, outcome)
    if room is None:
        return
    if not room.members[user.id] & OPERATOR:
        outcome.send_numeric(user.id, n.ERR_CHANOPRIVSNEEDED, room.name)
        return
    for letter in dict.fromkeys(change.letter for change in proposal.changes if is_list_query(change)):
        for numeric, params in mask_list(user, room, letter):
            outcome.send_numeric(user.id, numeric, *params)
    wanted = (_change(state, room, user, change, outcome) for change in proposal.changes if not is_list_query(change))
    _show_changes(room, user, [change for change in wanted if change is not None], outcome)
    for letter in proposal.unknown:
        outcome.send_numeric(user.id, n.ERR_UNKNOWNMODE, letter)


def _show_changes(room: Room, user: User, done: list[p.ModeChange], outcome: Outcome) -> None:
    for words in _lines(room, user, done):
        outcome.to_room(room, Message("MODE", (room.name, *words), user.prefix))
        outcome.add_room_fact(room, "MODE", user, " ".join(words))
    if done:
        outcome.changed += (room.key,)


def is_list_query(change: p.ModeChange) -> bool:
    """Return whether this is a list mode without a parameter, which asks for the list."""
    return ROOM_MODES[change.letter].kind is ModeClass.LIST and not change.parameter


def mask_list(user: User, room: Room, letter: str) -> list[tuple[n.Numeric, tuple[str, ...]]]:
    """Return the numerics with which a list of `room` is shown to `user`."""
    if letter in _FOR_OPERATORS and not room.members.get(user.id, 0) & OPERATOR:
        return [(n.ERR_CHANOPRIVSNEEDED, (room.name,))]
    item, end = _LIST_NUMERICS[letter]
    entries = room.lists.entries[letter].values() if room.lists is not None else ()
    shown = [(item, (room.name, entry.mask, entry.by, str(entry.time // 1000))) for entry in entries]
    return [*shown, (end, (room.name,))]


def _lines(room: Room, user: User, done: list[p.ModeChange]) -> list[list[str]]:
    """Return the changes in as many lines as they need: names are long in some scripts."""
    lines: list[list[str]] = []
    first = 0
    for last in range(1, len(done) + 1):
        following = written(done[first : last + 1])
        if last == len(done) or len(Message("MODE", (room.name, *following), user.prefix).line) > MAX_LINE_BYTES:
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
    """Make one change and return it as it is shown; None if nothing changed or it is not possible."""
    match ROOM_MODES[change.letter].kind:
        case ModeClass.PREFIX:
            return _change_standing(state, room, user, change, outcome)
        case ModeClass.LIST:
            return _change_list(room, user, change, outcome)
        case ModeClass.FLAG:
            flag = frozenset(change.letter)
            modes = room.modes | flag if change.add else room.modes - flag
            if modes == room.modes:
                return None
            room.modes = modes
            if change.letter == "i":
                room.insiders = None
                for id in room.members:
                    room.add_insider(state.users[id])
            return change
        case _:
            return (
                _change_limit(room, user, change, outcome)
                if change.letter == "l"
                else _change_key(room, user, change, outcome)
            )


def _change_standing(
    state: State, room: Room, user: User, change: p.ModeChange, outcome: Outcome
) -> p.ModeChange | None:
    if not change.parameter:
        text = f"Mode {change.letter} needs a name"
        outcome.send_numeric(user.id, n.ERR_INVALIDMODEPARAM, room.name, change.letter, "*", text=text)
        return None
    other = state.user_or_service(change.parameter)
    if other is None:
        outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, change.parameter)
        return None
    if other.id not in room.members:
        outcome.send_numeric(user.id, n.ERR_USERNOTINCHANNEL, other.nick, room.name)
        return None
    bit = ROOM_MODES[change.letter].bit
    standing = room.members[other.id]
    wanted = standing | bit if change.add else standing & ~bit
    if wanted == standing:
        return None
    room.members[other.id] = wanted
    outcome.undo += (ChangedStanding(room, other.id, standing, wanted),)
    if isinstance(other, User):
        members.note_room(state, outcome, other, room)
    return p.ModeChange(change.add, change.letter, other.nick)


def _change_list(room: Room, user: User, change: p.ModeChange, outcome: Outcome) -> p.ModeChange | None:
    letter = change.letter
    mask = canonical(change.parameter)
    if len(mask.encode()) > MAX_MASK_BYTES or " " in mask or mask[0] == ":":
        text = f"That is not a valid mask: it is nick!user@host with * and ?, up to {MAX_MASK_BYTES} bytes long"
        outcome.send_numeric(user.id, n.ERR_INVALIDMODEPARAM, room.name, letter, "*", text=text)
        return None
    if not change.add:
        gone = room.lists.remove(letter, mask) if room.lists is not None else None
        return p.ModeChange(False, letter, gone.mask) if gone is not None else None
    lists = room.lists
    if lists is None:
        lists = room.lists = Lists()
    if lists.full(letter):
        outcome.send_numeric(user.id, n.ERR_BANLISTFULL, room.name, mask)
        return None
    if not lists.add(letter, ListEntry(mask, user.prefix, outcome.entry.time)):
        return None
    return p.ModeChange(True, letter, mask)


def _change_key(room: Room, user: User, change: p.ModeChange, outcome: Outcome) -> p.ModeChange | None:
    if not change.add:
        had, room.keyword = room.keyword, ""
        # Any parameter will do to take a key away; what it was is not told again.
        return p.ModeChange(False, "k", "*") if had else None
    key = change.parameter
    if not key or len(key.encode()) > KEY or key[0] == ":" or any(char in ", " for char in key):
        text = f"A key has 1 to {KEY} bytes, no space, no comma, and does not begin with a colon"
        outcome.send_numeric(user.id, n.ERR_INVALIDMODEPARAM, room.name, "k", "*", text=text)
        return None
    if key == room.keyword:
        return None
    room.keyword = key
    return change


def _change_limit(room: Room, user: User, change: p.ModeChange, outcome: Outcome) -> p.ModeChange | None:
    if not change.add:
        had, room.limit = room.limit, 0
        return p.ModeChange(False, "l", "") if had else None
    word = change.parameter
    limit = int(word) if word.isascii() and word.isdigit() and len(word) < len("1000000000") else 0
    if limit <= 0:
        text = "The limit of a room is a number from 1 on"
        outcome.send_numeric(user.id, n.ERR_INVALIDMODEPARAM, room.name, "l", word or "*", text=text)
        return None
    if limit == room.limit:
        return None
    room.limit = limit
    return p.ModeChange(True, "l", str(limit))
