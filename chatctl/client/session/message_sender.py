"""Sends messages: split to fit, numbered, tracked in flight.

Invariants:

- [never-truncate] A text that does not fit into a line is sent as several messages (`message_split`).
- [multiline] A text of several lines is one message if the server supports draft/multiline, or as many as its limits
  require; otherwise each non-blank line is a message.
- [safe-resend] A message to a chatctl server is numbered, and sent again, marked, if it is unconfirmed after a break
  (:mod:`chatctl.client.engine`). A multiline batch has its number on its first line, BATCH.
- [own-once] Without echoes, an own message is shown when it is sent. If the server echoes but not this message, it is
  shown when a later PING is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chatctl.client import events as e
from chatctl.client.session import message_events
from chatctl.client.session.batches import CONCAT, MULTILINE
from chatctl.client.session.in_flight import OutgoingLine, SentMessage
from chatctl.client.session.message_split import split
from chatctl.client.session.query_types import REFERENCE
from chatctl.errors import ChatctlError
from chatctl.protocol.message import MAX_LINE_BYTES, Message, encode

if TYPE_CHECKING:
    from chatctl.client.session.engine_port import EnginePort

_USER_AND_HOST = len("!~") + 10 + len("@") + 63
"""Bytes after our nick in our own prefix, while we have not seen it: the longest user and host that are common."""

_LONGEST_CHARACTER = 4
_LEAST_SPACE = 64
"""Bytes of text on a line, whatever a server says about our prefix."""

_RESENT = "chatctl/resend"
_COMMANDS: dict[e.Kind, str] = {"message": "PRIVMSG", "action": "PRIVMSG", "notice": "NOTICE"}
_ACTION = ("\x01ACTION ", "\x01")
_MAX_LINES = 100
"""Lines of one message, whatever a server would take."""


def say(state: EnginePort, message: e.Outgoing) -> None:
    """Say something to a room or a person, in as many messages as it takes."""
    try:
        room = state.rooms.get(message.target)
        target = room.name if room is not None else message.target
        for text in _multiline_parts(state, message):
            _send_multiline(state, target, text, message)
    except ChatctlError as error:  # a room whose name, as this server writes it, cannot stand on a line
        command, about = _COMMANDS[message.kind], message.target
        ticket = message.ticket or None
        state.emit(e.Failed(time=state.now(), text=str(error), code="", command=command, about=about, ticket=ticket))


def _multiline_parts(state: EnginePort, message: e.Outgoing) -> Iterator[str]:
    """Return the text in parts, each to be sent as one message ([multiline])."""
    lines = message.text.split("\n")
    limits = multiline_limits(state)
    if len(lines) == 1 or limits is None or message.kind == "action":
        yield from (line for line in lines if line.strip())
        return
    most_bytes, most_lines = limits
    space = _space(state, _COMMANDS[message.kind], message.target)
    gathered: list[str] = []
    count = size = 0
    for line in lines:
        parts = len(_parts(line, space))
        length = len(line.encode()) + 1
        if gathered and (count + parts > most_lines or size + length > most_bytes):
            yield "\n".join(gathered)
            gathered, count, size = [], 0, 0
        gathered.append(line)
        count += parts
        size += length
    yield "\n".join(gathered)


def multiline_limits(state: EnginePort) -> tuple[int, int] | None:
    """(bytes, lines) of one message of several lines at this server; None where it takes none."""
    if not state.enabled >= {MULTILINE, "batch", "message-tags"}:
        return None
    values = dict(item.partition("=")[::2] for item in state.capability(MULTILINE).split(","))
    most_bytes, most_lines = values.get("max-bytes", ""), values.get("max-lines", "")
    if not (most_bytes.isascii() and most_bytes.isdigit() and len(most_bytes) < len("1000000000")):
        return None
    lines = int(most_lines) if most_lines.isascii() and most_lines.isdigit() and len(most_lines) < 6 else _MAX_LINES
    return max(int(most_bytes), MAX_LINE_BYTES), max(1, min(lines, _MAX_LINES))


def _parts(line: str, space: int) -> list[str]:
    """Return a line of a multiline message in parts of at most `space` bytes; a space at a cut stays with the first
    part."""
    if len(line.encode()) <= space:
        return [line]
    parts = split(line, space - 1)
    found: list[str] = []
    at = 0
    for part in parts:
        start = line.index(part, at)
        if found and start > at:
            found[-1] += line[at:start]
        found.append(part)
        at = start + len(part)
    return found


def _send_multiline(state: EnginePort, target: str, text: str, message: e.Outgoing) -> None:
    command = _COMMANDS[message.kind]
    if "\n" in text:
        if text.strip():
            _send(state, SentMessage(command, text, _piece(message, target, text), _number(state)))
        return
    before, after = _ACTION if message.kind == "action" else ("", "")
    for part in split(text, _space(state, command, target) - len(before) - len(after)):
        _send(state, SentMessage(command, f"{before}{part}{after}", _piece(message, target, part), _number(state)))


def _piece(message: e.Outgoing, target: str, text: str) -> e.Outgoing:
    return e.Outgoing(target, text, message.kind, message.ticket, message.reply)


def _number(state: EnginePort) -> str:
    state.numbered += 1
    return f"{state.client_id}.{state.numbered}" if state.resends else ""


def _send(state: EnginePort, entry: SentMessage) -> None:
    _send_entry(state, entry)
    if not state.echoes:
        show_sent(state, entry)


def show_sent(state: EnginePort, entry: SentMessage) -> None:
    """Tell of a message of ours that has no echo."""
    tags = {message_events.REPLY[0]: entry.message.reply} if entry.message.reply else {}
    message = Message(entry.command, (entry.message.target, entry.payload), state.nick, tags)
    state.in_flight.tickets[str(id(message))] = entry.message.ticket
    message_events.emit_message(state, message, own=True)


def _send_entry(state: EnginePort, entry: SentMessage) -> None:
    tags = {REFERENCE: entry.reference} if entry.reference else {}
    if entry.again:
        tags[_RESENT] = ""
    if entry.message.reply and "message-tags" in state.enabled:
        tags.update(message_events.reply_tags(entry.message.reply))
    state.lines.append(OutgoingLine(_encoded(state, entry, tags), entry))
    state.in_flight.sent(entry)
    if state.in_flight.wants_barrier:
        state.barrier()


def _encoded(state: EnginePort, entry: SentMessage, tags: dict[str, str]) -> bytes:
    """Return the bytes of one message: a line, or a batch of lines."""
    target = entry.message.target
    if "\n" not in entry.payload:
        return encode(entry.command, (target, entry.payload), tags=tags)
    reference = f"c{state.numbered}"
    space = _space(state, entry.command, target)
    built = [encode("BATCH", (f"+{reference}", MULTILINE, target), tags=tags)]
    for line in entry.payload.split("\n"):
        for number, part in enumerate(_parts(line, space)):
            mark = {"batch": reference, CONCAT: ""} if number else {"batch": reference}
            built.append(encode(entry.command, (target, part), tags=mark))
    built.append(encode("BATCH", (f"-{reference}",)))
    return b"".join(built)


def send_again(state: EnginePort, doubt: list[SentMessage]) -> None:
    """Send unconfirmed messages again, to a server that recognises them ([safe-resend])."""
    for entry in doubt:
        entry.again = True
        if "\n" in entry.payload and multiline_limits(state) is None:  # it takes none any more: it cannot know this one
            state.emit(e.Unconfirmed(time=state.now(), messages=(entry.message,)))
            continue
        _send_entry(state, entry)


def _space(state: EnginePort, command: str, target: str) -> int:
    """Return the bytes of text that fit on the relayed line: ``:nick!user@host PRIVMSG target :text``."""
    prefix = len(state.prefix.encode()) or len(state.nick.encode()) + _USER_AND_HOST
    # A person's name is relayed as they write it, which may take more bytes than as we do.
    to = len(target.encode()) if state.isupport.is_room(target) else len(target) * _LONGEST_CHARACTER
    return max(MAX_LINE_BYTES - len(f":  {command} :\r\n") - prefix - to, _LEAST_SPACE)
