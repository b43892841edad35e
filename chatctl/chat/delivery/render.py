"""A delivery and a set of capabilities, to bytes. Done once for each set that is present, not once for each member."""

from __future__ import annotations

from collections.abc import Sequence

from chatctl.chat.entries.deliveries import Form, Stamp
from chatctl.protocol import capabilities as caps
from chatctl.protocol.message import Message, encode_tags
from chatctl.protocol.timestamps import timestamp


def render(message: Message, stamp: Stamp, mask: int) -> bytes:
    """Return `message` as bytes for recipients with the capabilities `mask`, CR LF included.

    The server's tags come first, then the client's (message-tags, "Client-only tags").
    """
    shape = mask & caps.SHAPING
    if not shape and not stamp.extra:
        return message.line
    return _tags(stamp, shape) + message.line


def render_lines(lines: list[bytes], stamps: Sequence[Stamp], shape: int) -> list[bytes]:
    """Return `lines`, bytes of messages without tags, rendered as by :func:`render`; `stamps` has an item per line."""
    return [_tags(stamp, shape) + line for stamp, line in zip(stamps, lines, strict=True)]


def in_form(form: Form, shape: int) -> bytes:
    """Return the lines of a form."""
    return b"".join(render(message, stamp, shape) for message, stamp in form.lines)


def in_forms(forms: Sequence[Form], shape: int) -> bytes:
    """Return the lines of the first form whose capabilities a client has, or nothing."""
    return next((in_form(form, shape) for form in forms if shape & form.needs == form.needs), b"")


def _tags(stamp: Stamp, shape: int) -> bytes:
    tags = stamp.encoded.get(shape)
    if tags is None:
        given = tags_of(stamp, shape)
        tags = stamp.encoded[shape] = f"@{encode_tags(given)} ".encode() if given else b""
    return tags


def tags_of(stamp: Stamp, mask: int) -> dict[str, str]:
    """Return the tags of `stamp` for recipients with the capabilities `mask`."""
    shape = mask & caps.SHAPING
    tags: dict[str, str] = dict(stamp.extra)
    if shape & caps.SERVER_TIME and stamp.time:
        tags["time"] = timestamp(stamp.time)
    if shape & caps.ACCOUNT_TAG and stamp.account:
        tags["account"] = stamp.account
    if shape & caps.MESSAGE_TAGS:
        if stamp.message_id:
            tags["msgid"] = stamp.message_id
        if stamp.bot:
            tags["bot"] = ""
        if stamp.client_tags:
            tags.update((key, value) for key, value in stamp.client_tags.items() if key[:1] == "+")
    return tags
