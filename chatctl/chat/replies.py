"""Replies to one session, as bytes."""

from __future__ import annotations

from chatctl.chat.commands.kinds import Line
from chatctl.protocol.message import MAX_LINE, Message, encode


def reply_line(server: str, called: str, reply: Line | Message) -> bytes:
    """`reply` as the session that is `called` so reads it, CR LF included. What names no source is the server's."""
    if isinstance(reply, Line):
        return _numeric(server, called, reply)
    if not reply.source:
        reply.source = server
    return encode(reply.command, reply.params, reply.source, reply.tags) if reply.tags else reply.line


def _numeric(server: str, called: str, reply: Line) -> bytes:
    """What a user sent and cannot stand in a reply (spaces, a colon, too long) becomes ``*``."""
    numeric, params = reply.numeric, reply.params
    text = numeric.text if reply.text is None else reply.text
    if reply.text is None and params and "{" in text:
        text = text.format(*params)
    words = [called, *(_safe(param) for param in params)]
    if text or reply.text is not None:
        words.append(text)
    built = Message(numeric.code, words, server).line
    if len(built) <= MAX_LINE:
        return built
    short = [called, *("*" for _ in params), numeric.text.format(*("it" for _ in params))]
    return Message(numeric.code, short, server).line


def _safe(param: str) -> str:
    return "*" if not param or param[0] == ":" or " " in param else param
