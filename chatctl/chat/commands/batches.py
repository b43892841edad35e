"""BATCH from a client: messages of several lines (ircv3.net/specs/extensions/client-batch, multiline)."""

from __future__ import annotations

import re

from chatctl.chat.commands.base import HELD, Command, CommandContext, Result, fail
from chatctl.chat.commands.dedup import relayed_tags, say_once
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries import multiline
from chatctl.chat.entries import proposals as p
from chatctl.protocol.capabilities import BATCH, MULTILINE
from chatctl.protocol.message import Message

_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")


def begin(context: CommandContext, session: Session, message: Message) -> Result:
    """BATCH +reference type target, while none is open."""
    sign, reference = message.params[0][:1], message.params[0][1:]
    if sign != "+" or not _REFERENCE.fullmatch(reference):
        text = "There is no such batch" if sign == "-" else "A reference is + and letters, digits and hyphens"
        return fail("BATCH", "INVALID_REFTAG", message.params[0], text=text)
    batch = session.batch = multiline.MultilineBatch(message, context.clock())
    context.batches[session.id] = session
    if message.param(1) != multiline.TYPE or session.caps & (BATCH | MULTILINE) != BATCH | MULTILINE:
        batch.failed = True
        text = "Batches of this type are not known here; nothing of it is handled"
        return fail("BATCH", "UNKNOWN_TYPE", reference, message.param(1), text=text)
    if not batch.target or "," in batch.target:
        return _failed(batch, multiline.BatchFailure("MULTILINE_INVALID", (), "A batch has one target"))
    return HELD


def concerns(session: Session, message: Message) -> bool:
    """Return whether this message (MESSAGES) or line with a batch tag belongs to a batch, or comes while one is open.
    If that batch was refused and the client went on without ending it, its later lines are handled normally."""
    if "batch" in message.tags:
        return True
    batch = session.batch
    return batch is not None and (not batch.failed or _ends(batch, message))


def _ends(batch: multiline.MultilineBatch, message: Message) -> bool:
    return message.command == "BATCH" and message.param(0) == f"-{batch.reference}"


def refuse_interleaved(batch: multiline.MultilineBatch) -> Result:
    """Refuse a message that came while `batch` was open."""
    return fail("BATCH", "MULTILINE_INVALID", text=f"The batch {batch.reference} was open; this was not sent either")


def collect(context: CommandContext, session: Session, message: Message) -> Result:
    """Any line while a batch is open, or one that says it is in one."""
    batch = session.batch
    reference = message.tags.get("batch")
    if batch is None:
        return fail("BATCH", "INVALID_REFTAG", reference or "*", text="No such batch is open; that was not handled")
    if reference is None and _ends(batch, message):
        return _end(context, session, batch)
    if batch.failed and reference == batch.reference:
        return HELD
    if reference != batch.reference:
        failure: multiline.BatchFailure | None = multiline.BatchFailure(
            "MULTILINE_INVALID", (), f"The batch {batch.reference} is open; finish it first. Nothing of it was sent"
        )
    else:
        rules = context.rules
        failure = batch.add(message, rules.multiline_bytes, rules.multiline_lines)
    return HELD if failure is None else _failed(batch, failure)


def _failed(batch: multiline.MultilineBatch, failure: multiline.BatchFailure) -> Result:
    if batch.failed:
        return HELD
    batch.failed = True
    batch.pieces.clear()
    return fail("BATCH", failure.code, *failure.context, text=failure.text)


def _end(context: CommandContext, session: Session, batch: multiline.MultilineBatch) -> Result:
    forget(context, session)
    if batch.failed:
        return HELD
    failure = batch.end()
    if failure is not None:
        return _failed(batch, failure)
    session.last_spoke = context.clock()
    text, joints = multiline.combined(batch.pieces)
    tags = relayed_tags(batch.opening)
    if joints:
        tags[multiline.JOINTS] = joints
    proposal = p.SendMessage(session.id, batch.label, batch.command, (batch.target,), text, tags)
    return say_once(context, session, proposal, batch.opening)


def forget(context: CommandContext, session: Session) -> None:
    """Forget the open batch of a session."""
    session.batch = None
    context.batches.pop(session.id, None)


def deadline(batch: multiline.MultilineBatch) -> int:
    """Return until when a batch may be open, in ms since 1970 UTC."""
    return batch.opened + multiline.MAX_BATCH_SECONDS * 1000


def next_deadline(context: CommandContext) -> int | None:
    """Return the first deadline of all open batches, or None."""
    open_ones = (session.batch for session in context.batches.values())
    return min((deadline(batch) for batch in open_ones if batch is not None and not batch.failed), default=None)


def spoil(session: Session, start: Message | None) -> Result | None:
    """Handle a line that could not be parsed and begins with `start` (None: unknown). The batch that it belongs to
    cannot be sent completely, so it is refused. None if there is no such batch."""
    batch = session.batch
    if batch is None or (start is not None and start.tags.get("batch") != batch.reference):
        return None
    why = "One of its lines could not be read: it was too long, or no text; nothing of it was sent"
    return _failed(batch, multiline.BatchFailure("MULTILINE_INVALID", (), why))


def expire(batch: multiline.MultilineBatch) -> Result:
    """Refuse a batch that was open for too long."""
    return _failed(batch, multiline.BatchFailure("TIMEOUT", (batch.reference,), "That batch was open for too long"))


COMMANDS = (Command("BATCH", begin, least=1),)
