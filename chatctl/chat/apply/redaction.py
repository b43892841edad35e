"""Which users may delete a message (ircv3.net/specs/extensions/message-redaction).

Invariants:

- [who-may-delete] The sender, for a limited time; operators of the room and of the server, any message at any time.
- [sender] An account wrote the messages that bear its name since it was created. A message without an account is its
  sender's only if it bears their nick, was sent since this connection has had that nick, and has an id of this start of
  the server: the nick may have been another user's before, or at the origin of an imported message.
"""

from __future__ import annotations

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import InForms, SendFail
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.entries.queries import parse_message_id, private_place
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import names
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message, nick_of


def redact(state: State, proposal: p.Redact, outcome: Outcome) -> None:
    """REDACT: sent to clients that negotiated it, to the recipients of the message."""
    user = outcome.source
    if user is None:
        return
    room = state.rooms.get(proposal.place) if proposal.place[:1] == "#" else None
    other = state.user_named(proposal.target) if room is None else None
    if not _is_there(user, room, other, proposal):
        _fail(user, proposal, "INVALID_TARGET", (), "You cannot delete messages there", outcome)
        return
    refusal = _refusal(state, user, room, proposal, outcome)
    if refusal is not None:
        _fail(user, proposal, *refusal, outcome)
        return
    target = room.name if room is not None else other.nick if other is not None else proposal.target
    words = (target, proposal.said.message_id, *([proposal.reason] if proposal.reason else []))
    message = Message("REDACT", words, user.prefix)
    if len(message.line) > MAX_LINE_BYTES:
        outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG)
        return
    form = outcome.form(caps.MESSAGE_REDACTION, message)
    if room is not None:
        outcome.deliveries.append(InForms((form,), room.key, sender=proposal.session))
    else:
        echo = outcome.form(caps.MESSAGE_REDACTION | caps.ECHO_MESSAGE, message)
        outcome.deliveries.append(InForms((echo,), users=(user.id,)))
        if other is not None and other is not user:
            outcome.deliveries.append(InForms((form,), users=(other.id,)))
    outcome.add_fact("REDACT", user, proposal.place, target, f"{proposal.said.message_id} {proposal.reason}".rstrip())


def _is_there(user: User, room: Room | None, other: User | None, proposal: p.Redact) -> bool:
    if room is not None:
        return user.id in room.members
    return other is not None and private_place(user.identity, other.identity) == proposal.place


def _refusal(
    state: State, user: User, room: Room | None, proposal: p.Redact, outcome: Outcome
) -> tuple[str, tuple[str, ...], str] | None:
    """Return why the user may not delete it: code, context and text ([who-may-delete])."""
    if room is not None and (room.members[user.id] & OPERATOR or user.operator):
        return None
    if not _is_own(state, user, proposal.said, outcome.entry.boot):
        return "REDACT_FORBIDDEN", (), "You may delete your own messages only"
    window = state.rules.redact_seconds
    if outcome.entry.time - proposal.said.time > window * 1000:
        text = f"Messages can be deleted for {window // 3600} hours; this one is older"
        return "REDACT_WINDOW_EXPIRED", (str(window),), text
    return None


def _is_own(state: State, user: User, said: p.DeletableMessage, boot: str) -> bool:
    """Return whether `user` wrote the message ([sender])."""
    if said.account:
        account = state.accounts.with_id(user.account_id)
        return account is not None and account.wrote(said.account, said.seq)
    found = parse_message_id(said.message_id)
    given_here = found is not None and found[0] == boot
    return given_here and said.seq > user.named_at and names.fold(nick_of(said.source)) == user.key


def _fail(user: User, proposal: p.Redact, code: str, context: tuple[str, ...], text: str, outcome: Outcome) -> None:
    about = (proposal.target,) if code == "INVALID_TARGET" else (proposal.target, proposal.said.message_id, *context)
    outcome.deliveries.append(SendFail(user.id, "REDACT", code, about, text))
