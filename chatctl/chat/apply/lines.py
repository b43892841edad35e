"""Consecutive PRIVMSG of one session to one room: most of the work of a server.

Invariants:

- [plain-only] It decides nothing that :mod:`.messages` does not. Only plain messages are handled here: of a member, in
  a room without restrictions on speech. Others are passed on line by line.
- [once-per-run] Common parts of the lines are looked up and built once.
"""

from __future__ import annotations

from chatctl.chat.apply import messages
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import LinesToRoom
from chatctl.chat.entries.facts import MessageRun
from chatctl.chat.entries.outcome import MAX_AHEAD_MS, Outcome
from chatctl.chat.model.modes import BOT, SPEECH
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol.message import MAX_LINE_BYTES

_NO_TAGS: dict[str, str] = {}


def send_message_run(state: State, proposal: p.SendMessageRun, outcome: Outcome) -> None:
    """Send each line to the room, in order."""
    user = outcome.source
    if user is None:
        return
    room = state.room_named(proposal.room)
    if room is not None and _is_unrestricted(room, user):
        head = f":{user.prefix} PRIVMSG {room.name} :"
        lines = [f"{head}{text}\r\n".encode() for text in proposal.texts]
        if max(map(len, lines)) <= MAX_LINE_BYTES:
            entry, time, count = outcome.entry, outcome.time, len(lines)
            # If there are more lines than milliseconds, some share a time ([bounded-ahead] in outcome.py).
            step = 1 if time + count <= entry.time + MAX_AHEAD_MS else 0
            key, name, prefix, account = room.key, room.name, user.prefix, user.account
            said = MessageRun(entry.seq, entry.boot, time, step, key, name, prefix, account, proposal.texts, count)
            outcome.deliveries.append(LinesToRoom(room.key, lines, said, proposal.session))
            outcome.facts.append(said)
            return
    for text in proposal.texts:
        send_message = p.SendMessage(proposal.session, "", "PRIVMSG", (proposal.room,), text, _NO_TAGS)
        messages.send_message(state, send_message, outcome)


def _is_unrestricted(room: Room, user: User) -> bool:
    # A bot's messages are stored with a tag, which Lines cannot hold.
    return user.id in room.members and room.lists is None and room.modes.isdisjoint(SPEECH) and BOT not in user.modes
