"""Replies to one session, as messages."""

from __future__ import annotations

from chatctl.chat.commands.base import NumericReply
from chatctl.protocol.message import MAX_LINE_BYTES, Message, middle_parameter
from chatctl.protocol.names import MAX_NAME_CHARACTERS
from chatctl.protocol.standard_replies import COMMANDS as STANDARD_REPLY_COMMANDS
from chatctl.protocol.standard_replies import shorten

_ANY_NAME = 4 * MAX_NAME_CHARACTERS
_WITHOUT_SOURCE = frozenset({"AUTHENTICATE"})
"""The SASL specification shows these without a source, and clients that match whole lines (irc3) need it so."""


def reply_message(server: str, called: str, reply: NumericReply | Message) -> Message:
    """Build `reply` for the session that is `called` so. The source defaults to the server, if there is one."""
    if isinstance(reply, NumericReply):
        message = _numeric(server, called, reply)
        if reply.tags:
            message.tags = reply.tags
        return message
    if not reply.source and reply.command not in _WITHOUT_SOURCE:
        reply.source = server
    return shorten(reply) if reply.command in STANDARD_REPLY_COMMANDS else reply


def _numeric(server: str, called: str, reply: NumericReply) -> Message:
    """Replace user input that must not be in a middle parameter (spaces, a leading colon) by ``*``. If the line would
    be too long, so are parameters that are longer than any name, then the longest ones (WHOX can ask for more than
    fits)."""
    built = _built(server, called, reply, MAX_LINE_BYTES)
    if len(built.line) > MAX_LINE_BYTES:
        built = _built(server, called, reply, _ANY_NAME)
        while len(built.line) > MAX_LINE_BYTES:
            longest = max(range(1, len(built.params)), key=lambda at: len(built.params[at].encode()))
            words = [*built.params]
            words[longest] = "*"
            built = Message(built.command, words, server)
    return built


def _built(server: str, called: str, reply: NumericReply, most: int) -> Message:
    numeric, params = reply.numeric, reply.params
    text = numeric.text if reply.text is None else reply.text
    if reply.text is None and params and "{" in text:
        text = text.format(*(param if len(param.encode()) <= most else "that" for param in params))
    words = [called, *(middle_parameter(param, most) for param in params)]
    if text or reply.text is not None:
        words.append(text)
    return Message(numeric.code, words, server)
