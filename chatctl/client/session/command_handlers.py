"""Commands that a server relays: messages, joins, parts, nick changes. One function each, and the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.errors import SentAwayError
from chatctl.client.login import account_registration
from chatctl.client.session import presence, tag_handlers, unstored_requests
from chatctl.protocol.message import Message

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort
    from chatctl.client.session.in_flight import SentMessage


def message(state: EnginePort, message: Message) -> None:
    """PRIVMSG and NOTICE. One whose source is us is an echo."""
    if len(message.params) < 2:
        return
    if not message.nick or (message.command == "NOTICE" and _from_server(state, message)):
        state.emit(e.ServerNotice(time=state.time_of(message), text=message.params[1], code=message.command))
        return
    own = state.is_me(message.nick)
    if own:
        state.prefix = message.source if "!" in message.source else state.prefix
        reference = message.tags.get("chatctl/ref", "")
        line = (message.command, message.params[0], message.params[1], reference)
        found = state.in_flight.confirmed(*line)
        if found is not None and not state.echoes:
            return  # told when it went out
        if found is None and state.in_flight.settled_late(*line):
            return
        if state.is_me(message.params[0]) and state.echoes:
            if found is not None:
                state.in_flight.expect_own_copy(found)
            elif state.in_flight.is_own_copy(message.command, message.params[1]):
                return
        if found is not None:
            state.in_flight.tickets[message.tags.get("msgid") or str(id(message))] = found.message.ticket
    state.backfill.on_live_message(message, own)


def _from_server(state: EnginePort, message: Message) -> bool:
    return "!" not in message.source and (message.source == state.server or "." in message.source)


def join(state: EnginePort, message: Message) -> None:
    """JOIN. Our own one shows what our prefix looks like to others."""
    nick = message.nick
    for name in message.param(0).split(","):
        if not nick or not name:
            continue
        own = state.is_me(nick)
        if own:
            state.prefix = message.source if "!" in message.source else state.prefix
            state.rooms.open(name)
            known = state.wanted.get(state.fold(name))
            state.want(name, known[1] if known else "")
            if state.unstored.joined(state.fold(name)):
                state.unwant(name)
                state.send("PART", name)
        state.rooms.enter(name, nick)
        if len(message.params) > 1:  # extended-join
            presence.learn_account(state, nick, message.params[1])
        room = state.rooms.get(name)
        where = room.name if room is not None else name
        state.emit(e.Joined(time=state.time_of(message), room=where, name=nick, own=own))
        if own:
            state.backfill.on_join(name, message)


def part(state: EnginePort, message: Message) -> None:
    """PART."""
    for name in message.param(0).split(","):
        _left_room(state, message, name, message.nick, "part", message.param(1), None)


def kick(state: EnginePort, message: Message) -> None:
    """KICK by `message.nick`. If the client itself was removed, the room is not joined again."""
    name, nick = message.param(0), message.param(1)
    if state.is_me(nick):
        state.unwant(name)
    _left_room(state, message, name, nick, "kick", message.param(2), message.nick)


def _left_room(
    state: EnginePort, message: Message, name: str, nick: str, how: e.How, reason: str, by: str | None
) -> None:
    if not name or not nick:
        return
    own = state.is_me(nick)
    room = state.rooms.get(name)
    where = room.name if room is not None else name
    state.rooms.leave(name, nick)
    if own:
        state.rooms.close(name)
        state.backfill.on_leave(name)
        if how == "part":
            state.unwant(name)
    time = state.time_of(message)
    state.emit(e.Parted(time=time, name=nick, rooms=(where,), how=how, reason=reason, by=by, own=own))


def quit_(state: EnginePort, message: Message) -> None:
    """QUIT of a member. Our own is reported as the end of the connection instead."""
    if not message.nick or state.is_me(message.nick):
        return
    rooms = state.rooms.vanish(message.nick)
    state.presence.gone(state.fold(message.nick))
    time = state.time_of(message)
    state.emit(e.Parted(time=time, name=message.nick, rooms=rooms, how="quit", reason=message.param(0)))


def nick(state: EnginePort, message: Message) -> None:
    """NICK. One that we asked for is our name on later connections as well; one that a server forced on us is not."""
    old, new = message.nick, message.param(0)
    if not old or not new:
        return
    own = state.is_me(old)
    if own:
        state.nick = new
        state.prefix = state.prefix.replace(old, new, 1) if state.prefix.startswith(f"{old}!") else ""
        if state.asked_name and state.fold(state.asked_name) == state.fold(new):
            state.name = new
    state.rooms.rename(old, new)
    state.presence.rename(state.fold(old), state.fold(new))
    state.emit(e.NickChanged(time=state.time_of(message), old=old, name=new, own=own))


def topic(state: EnginePort, message: Message) -> None:
    """TOPIC, set just now."""
    room = state.rooms.get(message.param(0))
    if room is not None:
        room.topic = message.param(1)
        state.emit(e.Topic(time=state.time_of(message), room=room.name, text=room.topic, name=message.nick))


def mode(state: EnginePort, message: Message) -> None:
    """MODE of a room (standings are kept) or of ourselves."""
    target, change = message.param(0), list(message.params[1:])
    if not change:
        return
    own = not state.isupport.is_room(target)
    for add, letter, parameter in state.isupport.changes(change):
        if letter in state.isupport.prefixes:
            state.rooms.standing(target, add, letter, parameter)
    time, text = state.time_of(message), " ".join(change).strip()
    state.emit(e.ModeChanged(time=time, target=target, change=text, name=message.nick, own=own))


def invite(state: EnginePort, message: Message) -> None:
    """INVITE."""
    if state.is_me(message.param(0)) and message.param(1):
        state.emit(e.Invited(time=state.time_of(message), room=message.param(1), name=message.nick))


def error(state: EnginePort, message: Message) -> None:
    """ERROR: the server says why it is about to close the connection."""
    state.farewell = message.param(0)


def kill(state: EnginePort, message: Message) -> None:
    """KILL of a user, perhaps ours ("KILL message"). Servers of other networks also send it by themselves if two have
    one name; then the client reconnects."""
    if state.is_me(message.param(0)) and (state.is_ours or "!" in message.source):
        by = f" by {message.nick}" if "!" in message.source else ""
        why = f": {message.param(1)}" if message.param(1) else ""
        state.sent_away = SentAwayError(f"You were sent away{by}{why}")


def chghost(state: EnginePort, message: Message) -> None:
    """CHGHOST of the own user: the length of our prefix changes."""
    if state.is_me(message.nick) and len(message.params) > 1:
        state.prefix = f"{state.nick}!{message.params[0]}@{message.params[1]}"


def standard_reply(state: EnginePort, message: Message) -> None:
    """FAIL, WARN, NOTE <command> <code> [context...] <description> (IRCv3 standard-replies)."""
    if len(message.params) < 3:
        return
    command, code, text = message.params[0], message.params[1], message.params[-1]
    context = message.params[2] if len(message.params) > 3 else None
    time = state.time_of(message)
    if message.command != "FAIL":
        state.emit(e.ServerNotice(time=time, text=text, code=code))
        return
    if code == unstored_requests.CODE and state.unstored.refused(state, command.upper(), context):
        return
    if command.upper() == "JOIN" and context is not None:
        state.unstored.join_refused(state, context, code)
    entry = None
    if command.upper() in ("PRIVMSG", "NOTICE"):
        in_flight = state.in_flight
        entry = in_flight.refused(context) if context is not None else in_flight.refused_command(command.upper())
    elif command.upper() == "BATCH":  # draft/multiline
        entry = state.in_flight.refused_whole()
    name = None if command == "*" else command.upper()
    ticket = ticket_of(entry)
    state.emit(
        e.Failed(time=time, text=text, code=code, command=name, about=context, said=resent_text(entry), ticket=ticket)
    )


def ticket_of(entry: SentMessage | None) -> int | None:
    """Return the number of a refused message, if it has one."""
    return entry.message.ticket or None if entry is not None else None


def resent_text(entry: SentMessage | None) -> str | None:
    """Return the text of a refused message, if it had been sent again."""
    return entry.message.text if entry is not None and entry.again else None


def ignore(state: EnginePort, message: Message) -> None:
    """Ignore the line."""


COMMANDS: dict[str, Callable[[EnginePort, Message], None]] = {
    "PRIVMSG": message,
    "NOTICE": message,
    "JOIN": join,
    "PART": part,
    "KICK": kick,
    "QUIT": quit_,
    "NICK": nick,
    "TOPIC": topic,
    "MODE": mode,
    "INVITE": invite,
    "ERROR": error,
    "KILL": kill,
    "CHGHOST": chghost,
    "FAIL": standard_reply,
    "WARN": standard_reply,
    "NOTE": standard_reply,
    "TAGMSG": tag_handlers.tagmsg,
    "REDACT": tag_handlers.redact,
    "MARKREAD": tag_handlers.markread,
    "AWAY": presence.away,
    "ACCOUNT": presence.account,
    "REGISTER": account_registration.answered,
    "BATCH": ignore,
    "SETNAME": ignore,
    "WALLOPS": ignore,
}
