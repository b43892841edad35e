"""PRIVMSG, NOTICE, TAGMSG (modern.ircdocs.horse, "PRIVMSG message"; IRCv3 message-tags, echo-message)."""

from __future__ import annotations

from collections.abc import Mapping

from chatctl.chat.apply.admission import speech_refusal
from chatctl.chat.entries import multiline
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.deliveries import Form, InForms, SendNumeric, Stamp, ToRoom, ToUsers
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.entries.queries import private_place
from chatctl.chat.model.ids import UserId
from chatctl.chat.model.modes import PREFIXES
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import SERVICE_USER, User
from chatctl.protocol import capabilities as caps
from chatctl.protocol import numerics as n
from chatctl.protocol.message import MAX_LINE_BYTES, Message

STATUS = {row.symbol: row.bit for row in PREFIXES}
"""The symbols before a room's name that stand for a part of its members (STATUSMSG in ISUPPORT)."""

MAX_STORED_TAGS = 16
MAX_STORED_TAG_CHARACTERS = 1024
_MEANT = p.STORED_TAGS | {"+draft/reply", "+reply", "+draft/channel-context", "+channel-context"}


def send_message(state: State, proposal: p.SendMessage, outcome: Outcome) -> None:
    """Send one message to each target.

    A NOTICE is never answered, not even with a refusal, so that two programs cannot talk to each other without end
    (modern.ircdocs.horse, "NOTICE message"). Neither is an ephemeral TAGMSG: clients send typing notifications every
    three seconds, and users did not ask for them.
    """
    user = outcome.source
    if user is None:
        return
    first = len(outcome.deliveries)
    _send_to_each(state, user, proposal, outcome)
    if proposal.command == "NOTICE" or proposal.ephemeral:
        told = [delivery for delivery in outcome.deliveries[first:] if not isinstance(delivery, SendNumeric)]
        outcome.deliveries[first:] = told


def _send_to_each(state: State, user: User, proposal: p.SendMessage, outcome: Outcome) -> None:
    seen: set[object] = set()
    for target in proposal.targets:
        standing, name = addressed(target)
        if name[:1] == "#":
            room = state.room_named(name)
            if room is None:
                outcome.send_numeric(user.id, n.ERR_NOSUCHCHANNEL, name)
            elif (room, standing) not in seen:
                seen.add((room, standing))
                if _refuse_if_muted(user, room, name, proposal, outcome):
                    continue
                if standing:
                    _send_to_prefix(user, room, standing, target[: -len(name)], proposal, outcome)
                else:
                    _send_to_room(user, room, proposal, outcome)
        else:
            other = state.user_or_service(target)
            if other is None:
                outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, target)
            elif other is SERVICE_USER:
                _refuse_service(user, other.nick, proposal, outcome)
            elif other not in seen:
                seen.add(other)
                _send_to_user(user, other, proposal, outcome)


def _refuse_service(user: User, service: str, proposal: p.SendMessage, outcome: Outcome) -> None:
    """Say that a message to several targets does not reach a service; it has no use for reactions either."""
    if proposal.command != "TAGMSG":
        text = f"{service} reads only messages to {service} alone"
        outcome.send_numeric(user.id, n.ERR_NOSUCHNICK, service, text=text)


def addressed(target: str) -> tuple[int, str]:
    """``@#room`` as the least standing of those it is for, and the room's name; of anything else the standing is 0."""
    symbol = target[:1]
    if symbol in STATUS and target[1:].lstrip("".join(STATUS))[:1] == "#":
        # ``@+#room`` means those with a voice too (RFC 2811 knows one symbol; some clients send several).
        name = target.lstrip("".join(STATUS))
        return min(STATUS[each] for each in target[: -len(name)]), name
    return 0, target


class _RelayedMessage:
    """A message to one target: its one line or several, and how the sender and the recipients get it."""

    __slots__ = ("command", "ephemeral", "message", "needs", "pieces", "prefix", "stamp", "target")

    def __init__(self, user: User, target: str, proposal: p.SendMessage, outcome: Outcome) -> None:
        self.command, self.prefix, self.target = proposal.command, user.prefix, target
        self.pieces: list[multiline.BatchLine] = []
        self.needs = caps.MESSAGE_TAGS if proposal.command == "TAGMSG" else 0
        self.ephemeral = proposal.ephemeral
        self.stamp = outcome.stamp(proposal.tags)
        if multiline.is_multiline(proposal.text, proposal.tags):
            joints = proposal.tags.get(multiline.JOINTS, "")
            self.pieces = multiline.separated(proposal.text, joints)
        text = (target, proposal.text) if proposal.command != "TAGMSG" else (target,)
        self.message = Message(proposal.command, text, user.prefix)

    def over(self) -> int:
        """Return by how many bytes the longest relayed line exceeds the limit ([never-truncate])."""
        if not self.pieces:
            return len(self.message.line) - MAX_LINE_BYTES
        empty = len(Message(self.command, (self.target, ""), self.prefix).line)
        return max(empty + len(piece.text.encode()) for piece in self.pieces) - MAX_LINE_BYTES

    def forms(self, needs: int = 0) -> tuple[Form, ...]:
        """Return a message of several lines: a batch for clients with the capability, single lines for others."""
        reference = self.stamp.message_id.replace(".", "-")
        shown = (self.command, self.prefix, self.target, self.pieces)
        batch = self._stamped(multiline.as_batch(*shown, reference, {}))
        lines = self._stamped(multiline.one_by_one(*shown, {}))
        return Form(caps.MULTILINE | caps.BATCH | needs, batch), Form(needs, lines)

    def _stamped(self, lines: list[multiline.RelayedLine]) -> tuple[tuple[Message, Stamp], ...]:
        in_batch = lines[0].message.command == "BATCH"
        return tuple((line.message, self._stamp(line, bare=in_batch)) for line in lines)

    def _stamp(self, line: multiline.RelayedLine, *, bare: bool) -> Stamp:
        if line.first:
            return self.stamp
        whole = self.stamp
        rest = Stamp(0) if bare else Stamp(whole.time, "", whole.client_tags, whole.account, bot=whole.bot)
        rest.extra = line.extra
        return rest


def _too_long(user: User, said: _RelayedMessage, outcome: Outcome) -> bool:
    """Refuse a message that would not fit into a relayed line ([never-truncate])."""
    over = said.over()
    if over <= 0:
        return False
    text = f"Not sent: with your name before it, this is {over} bytes too long. Please send it in shorter pieces"
    outcome.send_numeric(user.id, n.ERR_INPUTTOOLONG, text=text)
    return True


def _refuse_if_muted(user: User, room: Room, name: str, proposal: p.SendMessage, outcome: Outcome) -> bool:
    """Refuse a message that `user` may not send to `room`; return whether it was refused. `name`: the room's, as the
    user wrote it. Users outside a secret room are answered as if it did not exist."""
    refusal = speech_refusal(room, user, proposal)
    if refusal is None:
        return False
    if room.known_to(user.id):
        outcome.send_numeric(user.id, n.ERR_CANNOTSENDTOCHAN, room.name, text=refusal)
    else:
        outcome.send_numeric(user.id, n.ERR_NOSUCHCHANNEL, name)
    return True


def _send_to_room(user: User, room: Room, proposal: p.SendMessage, outcome: Outcome) -> None:
    said = _RelayedMessage(user, room.name, proposal, outcome)
    if _too_long(user, said, outcome):
        return
    if said.pieces:
        outcome.deliveries.append(InForms(said.forms(), room.key, sender=proposal.session))
    else:
        outcome.deliveries.append(
            ToRoom(room.key, said.message, said.stamp, proposal.session, said.needs, said.ephemeral)
        )
    if user.id not in room.members and not room.heard_by(proposal.session):
        _echo(user, said, proposal, outcome)
    _keep(user, room.key, room.name, proposal, outcome)


def _echo(user: User, said: _RelayedMessage, proposal: p.SendMessage, outcome: Outcome) -> None:
    if user.sessions is not None and not said.ephemeral:
        # The other sessions of the same user see what this one says, whether or not they asked for echoes.
        forms = said.forms() if said.pieces else (Form(said.needs, ((said.message, said.stamp),)),)
        outcome.deliveries.append(InForms(forms, users=(user.id,), sender=proposal.session))
    elif said.pieces:
        outcome.deliveries.append(InForms(said.forms(caps.ECHO_MESSAGE), users=(user.id,)))
    else:
        needs = said.needs | caps.ECHO_MESSAGE
        outcome.deliveries.append(ToUsers((user.id,), said.message, said.stamp, needs, said.ephemeral))


def _send_to_prefix(
    user: User, room: Room, standing: int, symbol: str, proposal: p.SendMessage, outcome: Outcome
) -> None:
    """STATUSMSG: to those in a room with at least this standing (modern.ircdocs.horse, "STATUSMSG Parameter")."""
    said = _RelayedMessage(user, f"{symbol}{room.name}", proposal, outcome)
    if _too_long(user, said, outcome):
        return
    _echo(user, said, proposal, outcome)
    audience = tuple(id for id, held in room.members.items() if held >= standing and id != user.id)
    if audience:
        _tell(audience, said, outcome)
    # A place of its own: users who may read the room may not read this.
    _keep(user, f"{symbol}{room.key}", said.target, proposal, outcome)


def _tell(users: tuple[UserId, ...], said: _RelayedMessage, outcome: Outcome) -> None:
    """Send a message to `users`; it is not part of the response to its sender."""
    if said.pieces:
        outcome.deliveries.append(InForms(said.forms(), users=users, answers=False))
    else:
        outcome.deliveries.append(ToUsers(users, said.message, said.stamp, said.needs, said.ephemeral, answers=False))


def _send_to_user(user: User, other: User, proposal: p.SendMessage, outcome: Outcome) -> None:
    said = _RelayedMessage(user, other.nick, proposal, outcome)
    if _too_long(user, said, outcome):
        return
    # To oneself there are two of it where echo-message is on: the echo, and the message (echo-message says both are).
    # A label belongs to the echo alone (labeled-response, "Tags").
    _echo(user, said, proposal, outcome)
    _tell((other.id,), said, outcome)
    _keep(user, private_place(user.identity, other.identity), other.nick, proposal, outcome)
    if other.away and proposal.command == "PRIVMSG":
        outcome.send_numeric(user.id, n.RPL_AWAY, other.nick, text=other.away)


def _keep(user: User, place: str, target: str, proposal: p.SendMessage, outcome: Outcome) -> None:
    if proposal.ephemeral:
        return
    outcome.add_fact(proposal.command, user, place, target, proposal.text, _stored_tags(proposal.tags))


def _stored_tags(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return the tags to store: all of them, unless they are so many that they could be used to fill the memory;
    then only those that mean something to it."""
    if not tags or (
        len(tags) <= MAX_STORED_TAGS
        and sum(len(key) + len(value) for key, value in tags.items()) <= MAX_STORED_TAG_CHARACTERS
    ):
        return tags
    return {key: value[:MAX_STORED_TAG_CHARACTERS] for key, value in tags.items() if key in _MEANT or key[:1] != "+"}
