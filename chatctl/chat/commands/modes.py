"""MODE of a room or of oneself (modern.ircdocs.horse, "MODE message")."""

from __future__ import annotations

from collections.abc import Sequence

from chatctl.chat.apply.modes import is_list_query, mask_list
from chatctl.chat.commands.base import Command, CommandContext, Result, label_of, line
from chatctl.chat.commands.isupport import MAX_MODE_CHANGES
from chatctl.chat.commands.rooms import shown_room
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.modes import ROOM_MODES, USER_MODES, ModeClass
from chatctl.chat.model.room import Room
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.message import Message


def mode(context: CommandContext, session: Session, message: Message) -> Result:
    """MODE of a room or of oneself: without changes it asks."""
    target = message.params[0]
    if target[:1] == "#":
        room = shown_room(context, session, target)
        if room is None:
            return [line(n.ERR_NOSUCHCHANNEL, target)]
        if len(message.params) == 1:
            return [
                line(n.RPL_CHANNELMODEIS, room.name, *room.mode_words(inside=context.user(session).id in room.members)),
                line(n.RPL_CREATIONTIME, room.name, text=str(room.created // 1000)),
            ]
        return _room_changes(context, session, room, message)
    me = context.user(session)
    other = context.state.user_or_service(target)
    if other is None:
        return [line(n.ERR_NOSUCHNICK, target)]
    if other is not me:
        return [line(n.ERR_USERSDONTMATCH)]
    return _user_changes(session, me, message)


def _letters(words: Sequence[str]) -> list[tuple[bool, str]]:
    """``+o-v`` as ``[(True, "o"), (False, "v")]``."""
    add = True
    letters: list[tuple[bool, str]] = []
    for letter in words:
        if letter in "+-":
            add = letter == "+"
        else:
            letters.append((add, letter))
    return letters


def _takes_parameter(letter: str, *, add: bool) -> bool:
    kind = ROOM_MODES[letter].kind
    return kind in (ModeClass.PREFIX, ModeClass.ALWAYS, ModeClass.LIST) or (kind is ModeClass.SETTING and add)


def _room_changes(context: CommandContext, session: Session, room: Room, message: Message) -> Result:
    letters = _letters(message.params[1])
    # Known letters are applied and unknown ones reported, as for users: after ``+sp`` a room is secret at least.
    unknown = tuple(dict.fromkeys(letter for _, letter in letters if letter not in ROOM_MODES))[:MAX_MODE_CHANGES]
    letters = [(add, letter) for add, letter in letters if letter in ROOM_MODES]
    if not letters:
        return [line(n.ERR_UNKNOWNMODE, letter) for letter in unknown]
    if len(letters) > MAX_MODE_CHANGES:
        text = f"At most {MAX_MODE_CHANGES} modes may be changed at once; none was"
        return [line(n.ERR_UNKNOWNERROR, "MODE", text=text)]
    parameters = iter(message.params[2:])
    changes: list[p.ModeChange] = []
    for add, letter in letters:
        parameter = next(parameters, "") if _takes_parameter(letter, add=add) else ""
        changes.append(p.ModeChange(add, letter, parameter))
    if all(map(is_list_query, changes)):
        letters_asked = dict.fromkeys(change.letter for change in changes)
        lists = (mask_list(context.user(session), room, letter) for letter in letters_asked)
        replies = [line(numeric, *params) for numerics in lists for numeric, params in numerics]
        return [*replies, *(line(n.ERR_UNKNOWNMODE, letter) for letter in unknown)]
    return p.SetRoomModes(session.id, label_of(message), room.name, tuple(changes), unknown)


def _user_changes(session: Session, me: User, message: Message) -> Result:
    if len(message.params) == 1:
        return [line(n.RPL_UMODEIS, text=f"+{me.modes}")]
    letters = _letters(message.params[1])
    # Known letters are applied and unknown ones reported: "the server MUST apply the modes that are implemented". The
    # last occurrence of each counts, so there are never more changes than modes.
    wanted = {letter: add for add, letter in letters}
    changes = tuple(p.ModeChange(add, letter, "") for letter, add in wanted.items() if letter in USER_MODES)
    unknown = len(changes) < len(wanted)
    if not changes:
        return [line(n.ERR_UMODEUNKNOWNFLAG)] if unknown else None
    return p.SetUserModes(session.id, label_of(message), changes, unknown)


COMMANDS = (Command("MODE", mode, least=1, shows_state=True),)
