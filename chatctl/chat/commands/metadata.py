"""METADATA of users and rooms (ircv3.net/specs/extensions/metadata).

Clients implement two revisions of the draft: ``draft/metadata-2`` gets changes as METADATA lines, ``draft/metadata-3``
as numerics 761 and 766. Subscriptions belong to a session.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from chatctl.chat.apply.metadata import owner_of_room, owner_of_user
from chatctl.chat.commands.base import (
    Command,
    CommandContext,
    NumericReply,
    Reply,
    Result,
    batched,
    fail,
    label_of,
    line,
    packed,
)
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.line_lengths import METADATA_KEY, metadata_length
from chatctl.chat.model.room import Room
from chatctl.chat.model.user import User
from chatctl.protocol import numerics as n
from chatctl.protocol.capabilities import BATCH, METADATA_2, METADATA_3
from chatctl.protocol.message import Message

METADATA = METADATA_2 | METADATA_3
MAX_SUBSCRIPTIONS = 50
MAX_SYNCED_MEMBERS = 200
"""Members of a room of whom all is told at once; of larger ones it must be asked for (RPL_METADATASYNCLATER)."""

_CHANGE_MS, _CHANGES = 1000, 20
"""One change per second, with this burst."""

_KEY = re.compile(r"[a-z0-9_./-]+")
_SUBS_LINE = 300


def metadata(context: CommandContext, session: Session, message: Message) -> Result:
    """METADATA target subcommand ..."""
    if not session.caps & METADATA:
        return [line(n.ERR_UNKNOWNCOMMAND, "METADATA")]
    handler = _SUBCOMMANDS.get(message.params[1].upper())
    if handler is None:
        return fail("METADATA", "SUBCOMMAND_INVALID", message.params[1], text="There is no such subcommand")
    target = _target(context, session, message.params[0])
    if target is None:
        return fail("METADATA", "INVALID_TARGET", message.params[0], text="There is nothing there that you may see")
    return handler(context, session, target, message)


def _target(context: CommandContext, session: Session, name: str) -> User | Room | None:
    """Return the owner of the metadata that `name` means; ``*`` is the sender."""
    if name == "*":
        return context.user(session)
    if name[:1] != "#":
        return context.state.user_or_service(name)
    room = context.state.room_named(name)
    return room if room is not None and room.shows_metadata_to(context.user(session)) else None


def values_of(context: CommandContext, target: User | Room) -> dict[str, str]:
    """Return all metadata of a user or room."""
    owner = owner_of_room(target.key) if isinstance(target, Room) else owner_of_user(target)
    return dict(context.state.accounts.metadata_of(owner))


def _name(target: User | Room) -> str:
    return target.name if isinstance(target, Room) else target.nick


def _in_batch(context: CommandContext, session: Session, target: User | Room, replies: Iterable[Reply]) -> list[Reply]:
    lines = [reply for reply in replies if isinstance(reply, (NumericReply, Message))]
    return batched(context, "metadata", (_name(target),), lines) if session.caps & BATCH else [*lines]


def _value(target: User | Room, key: str, value: str) -> Reply:
    return line(n.RPL_KEYVALUE, _name(target), key, "*", text=value)


def news(session: Session, target: str, key: str, value: str | None, server: str) -> Reply:
    """Return a changed or initial value in the form of the session's revision."""
    if session.caps & METADATA_3:
        if value is None:
            return line(n.RPL_KEYNOTSET, target, key)
        return line(n.RPL_KEYVALUE, target, key, "*", text=value)
    return Message("METADATA", (target, key, "*", *([] if value is None else [value])), server)


def _get(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    values = values_of(context, target)

    def answer(key: str) -> Iterator[Reply]:
        if not _valid(key):
            yield from _bad_key(key)
        elif key in values:
            yield _value(target, key, values[key])
        else:
            yield line(n.RPL_KEYNOTSET, _name(target), key)

    return _in_batch(context, session, target, (reply for key in message.params[2:] for reply in answer(key)))


def _list(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    values = values_of(context, target)
    return _in_batch(context, session, target, (_value(target, key, value) for key, value in values.items()))


def _set(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    key = message.param(2)
    value = message.params[3] if len(message.params) > 3 else None
    if not _valid(key):
        return _bad_key(key)
    most = metadata_length(context.rules)
    if value is not None and len(value.encode()) > most:
        text = f"A value has at most {most} bytes"
        if session.caps & METADATA_3:
            return fail("METADATA", "INVALID_VALUE", key, text=text)
        return fail("METADATA", "VALUE_INVALID", text=text)
    wait = _wait(context, session)
    if wait:
        return _too_fast(message.params[0], key, wait)
    return p.SetMetadata(session.id, label_of(message), message.params[0], key, value)


def _clear(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    wait = _wait(context, session)
    if wait:
        return _too_fast(message.params[0], "*", wait)
    return p.SetMetadata(session.id, label_of(message), message.params[0], "", None)


def _wait(context: CommandContext, session: Session) -> int:
    """Return the seconds until this session may change metadata; if 0, count a change."""
    now = context.clock()
    due = max(session.metadata_due, now)
    if due - now > _CHANGE_MS * (_CHANGES - 1):
        return -(-(due - now - _CHANGE_MS * (_CHANGES - 1)) // 1000)
    session.metadata_due = due + _CHANGE_MS
    return 0


def _too_fast(target: str, key: str, wait: int) -> list[Reply]:
    text = f"Too many changes; please try again in {wait} seconds"
    return fail("METADATA", "RATE_LIMITED", target, key, str(wait), text=text)


def _valid(key: str) -> bool:
    return len(key) <= METADATA_KEY and _KEY.fullmatch(key) is not None


def _bad_key(key: str) -> list[Reply]:
    text = f"A key has small letters, digits and _ . / -, {METADATA_KEY} at the most"
    return fail("METADATA", "KEY_INVALID", key, text=text)


def _sub(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    subscribed = session.subscriptions
    done: list[str] = []
    new: dict[str, None] = {}
    failures: list[Reply] = []
    for key in message.params[2:]:
        if not _valid(key):
            failures += _bad_key(key)
            continue
        if key not in subscribed:
            if len(subscribed) >= MAX_SUBSCRIPTIONS:
                failures += fail("METADATA", "TOO_MANY_SUBS", key, text="That is more than one may subscribe to")
                break
            subscribed = session.subscriptions = {**subscribed, key: None}
            new[key] = None
        done.append(key)
    told = [*_keys(n.RPL_METADATASUBOK, done), *failures]
    for room in context.user(session).rooms.values():
        told += synced(context, session, room, new)
    return told


def _unsub(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    keys = [key for key in message.params[2:] if _valid(key)]
    failures = [reply for key in message.params[2:] if not _valid(key) for reply in _bad_key(key)]
    session.subscriptions = {key: None for key in session.subscriptions if key not in keys}
    return [*_keys(n.RPL_METADATAUNSUBOK, keys), *failures]


def _subs(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    lines = _keys(n.RPL_METADATASUBS, session.subscriptions)
    return batched(context, "metadata-subs", (), lines) if session.caps & BATCH else [*lines]


def _keys(numeric: n.Numeric, keys: Iterable[str]) -> list[NumericReply]:
    """Return keys as parameters, on as many lines as they need."""
    return [line(numeric, *text.split(" ")) for text in packed(dict.fromkeys(keys), _SUBS_LINE)]


def _sync(context: CommandContext, session: Session, target: User | Room, message: Message) -> Result:
    if isinstance(target, Room) and context.user(session).id not in target.members:
        return fail("METADATA", "INVALID_TARGET", message.params[0], text="You are not in that room")
    wait = _wait(context, session)
    if wait:
        return [line(n.RPL_METADATASYNCLATER, _name(target), str(wait))]
    return _in_batch(context, session, target, _known(context, session, target, session.subscriptions))


def _known(context: CommandContext, session: Session, target: User | Room, keys: Mapping[str, None]) -> Iterator[Reply]:
    """Yield the values of `keys` of a target, and of its members."""
    server = context.rules.server_name
    users = (context.state.users[id] for id in target.members) if isinstance(target, Room) else ()
    for each in (target, *users):
        for key, value in values_of(context, each).items():
            if key in keys:
                yield news(session, _name(each), key, value, server)


def synced(context: CommandContext, session: Session, room: Room, keys: Mapping[str, None]) -> list[Reply]:
    """Return the metadata of `room` and its members for a joining session; of a large room, later."""
    if not keys or not session.caps & METADATA:
        return []
    if len(room.members) > MAX_SYNCED_MEMBERS:
        return [line(n.RPL_METADATASYNCLATER, room.name, "1")]
    known = list(_known(context, session, room, keys))
    return _in_batch(context, session, room, known) if known else []


def own(context: CommandContext, session: Session) -> list[Reply]:
    """Somebody's own, when they are in: an empty batch where there is nothing."""
    if not (session.caps & METADATA and session.caps & BATCH):
        return []
    me, server = context.user(session), context.rules.server_name
    return _in_batch(
        context,
        session,
        me,
        (news(session, me.nick, key, value, server) for key, value in values_of(context, me).items()),
    )


def shown(context: CommandContext, session: Session, other: User) -> Sequence[Reply]:
    """Return the metadata lines of a WHOIS (RPL_WHOISKEYVALUE)."""
    if not session.caps & METADATA:
        return ()
    return [
        line(n.RPL_WHOISKEYVALUE, other.nick, key, "*", text=value) for key, value in values_of(context, other).items()
    ]


_SUBCOMMANDS: dict[str, Callable[[CommandContext, Session, User | Room, Message], Result]] = {
    "CLEAR": _clear,
    "GET": _get,
    "LIST": _list,
    "SET": _set,
    "SUB": _sub,
    "SUBS": _subs,
    "SYNC": _sync,
    "UNSUB": _unsub,
}

COMMANDS = (Command("METADATA", metadata, least=2, shows_state=True),)
