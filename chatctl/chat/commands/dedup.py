"""Deduplication: a message that is sent again is stored once.

Invariants:

- [numbered] Our client numbers its messages: the tag ``chatctl/ref`` has its random id and a count. The number is
  stored with the message and not relayed.
- [marked-resend] After a connection loss the client sends messages without an echo again, with the same number and the
  tag ``chatctl/resend``.
- [lookup] Only marked messages are looked up, among those of the same identity in the same place: once per session and
  place, when all earlier messages are stored or refused, and again when the session has sent more since. A known
  message is answered with its first echo.
- [lasting-identity] Numbers belong to an identity that outlives a connection: an account, or an installation's secret.
"""

from __future__ import annotations

from chatctl.chat.commands.base import CommandContext, HistoryRead, Result, Steps, read_history
from chatctl.chat.delivery.session import Session
from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.proposals import SendMessage
from chatctl.chat.entries.queries import MESSAGES, HistoryQuery, private_place
from chatctl.chat.history.history_batch import shown
from chatctl.chat.model.user import User
from chatctl.protocol.message import Message

REFERENCE = "chatctl/ref"
RESENT = "chatctl/resend"
MAX_EXAMINED_MESSAGES = 5000
"""Messages of the place that are looked through: those said while the client was away, and some before."""


def relayed_tags(message: Message) -> dict[str, str]:
    """Return the client tags to store: the client-only ones, and its number ([numbered])."""
    return {key: value for key, value in message.tags.items() if key[:1] == "+" or (key == REFERENCE and value)}


def say_once(context: CommandContext, session: Session, proposal: SendMessage, message: Message) -> Result:
    """`proposal`, or the echo of what it was the first time."""
    reference = proposal.tags.get(REFERENCE, "")
    if RESENT not in message.tags or not reference or len(proposal.targets) != 1:
        if session.said_before:
            session.said_before.clear()  # the result does not include this message
        return proposal
    me = context.user(session)
    place = _place(context, me, proposal.targets[0])
    if not place or me.identity.startswith("session "):
        return proposal
    known = session.said_before.get(place)
    if known is not None and known.get(reference, proposal) is not None:
        return _answer(session, known, reference, proposal)
    return _look_up(context, session, place, proposal)


def _look_up(context: CommandContext, session: Session, place: str, proposal: SendMessage) -> Steps[Result]:
    """Look a message up among the stored ones of its place ([lookup])."""
    me = context.user(session)
    page = yield from read_history(
        HistoryRead(HistoryQuery(place, MAX_EXAMINED_MESSAGES, 0, kinds=MESSAGES), settled=True)
    )
    known: dict[str, Fact | None] = {
        fact.tags[REFERENCE]: fact for fact in page.facts if REFERENCE in fact.tags and _is_of(context, me, fact)
    }
    session.said_before[place] = known
    return _answer(session, known, proposal.tags[REFERENCE], proposal)


def _place(context: CommandContext, me: User, target: str) -> str:
    if target[:1] == "#":
        room = context.state.room_named(target)
        return room.key if room is not None else ""
    other = context.state.user_named(target)
    return private_place(me.identity, other.identity) if other is not None else ""


def _is_of(context: CommandContext, me: User, fact: Fact) -> bool:
    """Return whether `me` wrote the message: numbers are random, so another guest's never fits."""
    account = context.state.accounts.with_id(me.account_id)
    return account.wrote(fact.account, fact.seq) if account is not None else not fact.account


def _answer(session: Session, known: dict[str, Fact | None], reference: str, proposal: SendMessage) -> Result:
    first = known.get(reference)
    if first is None:
        known[reference] = None  # said now: to be looked up, if it is said once more
        return proposal
    messages = shown(first, session.caps, {}, first.message_id.replace(".", "-"))
    messages[0].tags = {**messages[0].tags, REFERENCE: first.tags[REFERENCE]}
    return messages
