"""Changes that are done again after a failed commit, because they cannot be undone (chat/entries/durability.py,
Retried).

After a failed commit, refusable entries are undone. Retried ones may depend on them: a user whose PART was refused has
left the chat meanwhile. So each is done again on the restored state, and makes new facts and records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from chatctl.chat.apply import members, replay_positions
from chatctl.chat.apply.operators import make_operator, unmake_operator
from chatctl.chat.entries.deliveries import RoomsShown, ToRoom, ToUsers, WentOffline
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.modes import OPERATOR
from chatctl.chat.model.replay_positions import PRIVATE
from chatctl.chat.model.room import Room
from chatctl.chat.model.state import State
from chatctl.chat.model.user import User
from chatctl.protocol.message import Message, nick_of


class DepartureRedo:
    """A user left the chat. Undoing gives `user` the name and the rooms that the other members know."""

    def __init__(self, user: User, rooms: dict[str, Room], reason: str, position: int) -> None:
        self.user = user
        user.rooms = rooms
        self._reason = reason
        self._position = position
        self._is_shown = False

    def redo(self, state: State, outcome: Outcome) -> None:
        """Show the QUIT, once, and keep it for each room that the user was in."""
        user, rooms = self.user, list(self.user.rooms.values())
        state.departed.pop(user.id, None)
        own = state.user_of_account(user.account_id)
        if own is not None:  # the account was registered again meanwhile
            members.note_member(state, outcome, own)
        else:
            members.forget(state, outcome, user.identity)
        replay_positions.note_position(state, outcome, user, [room.key for room in rooms], self._position)
        known = [room for room in map(state.rooms.get, [room.key for room in rooms]) if room is not None]
        audience = dict.fromkeys(id for room in known for id in room.members)
        if audience and not self._is_shown:
            message = Message("QUIT", (self._reason,), user.prefix)
            outcome.deliveries.append(ToUsers(tuple(audience), message, outcome.stamp()))
        self._is_shown = True
        for room in rooms:
            outcome.add_room_fact(room, "QUIT", user, self._reason)
        for room in known:
            if not state.is_left_later(room):
                state.drop_if_unused(room)


class SessionEndRedo:
    """A session of a user ended, who stays in the chat: with other sessions (`stays`), or offline."""

    def __init__(self, user: User, position: int, *, stays: bool) -> None:
        self._user = user
        self._position = position
        self._stays = stays

    def redo(self, state: State, outcome: Outcome) -> None:
        """Remember the position."""
        places = [*self._user.rooms, PRIVATE]
        replay_positions.note_position(state, outcome, self._user, places, self._position, stays=self._stays)


class AttachmentRedo:
    """A session was attached to a user and shown the user's rooms, pending changes included. `since` as in
    RoomsShown."""

    def __init__(self, user: User, session: SessionId, since: Mapping[str, int]) -> None:
        self._user = user
        self._session = session
        self._since = since

    def redo(self, state: State, outcome: Outcome) -> None:
        """Show the rooms as they are after the undo."""
        if state.by_session.get(self._session) is self._user:
            outcome.deliveries.append(RoomsShown(self._session, self._user.id, self._since, outcome.entry.seq))


class RenameRedo:
    """A user who was in no room took another name, so that there was nothing to store. `before` is the prefix until
    then."""

    def __init__(self, user: User, before: str) -> None:
        self._user = user
        self._before = before
        self._known = ""
        """The prefix by which the rooms know the user, once an undo has shown that it is another."""

    def redo(self, state: State, outcome: Outcome) -> None:
        """Show and store it in the rooms that the user is in again, whose members know the former name."""
        user, stale = self._user, state.stale_prefixes.pop(self._user.id, "")
        self._known = known = stale or self._known
        if state.users.get(user.id) is not user or not known or nick_of(known) == user.nick:
            return
        if stale:
            self._show(state, outcome, stale)
        for room in user.rooms.values():
            outcome.add_room_fact(room, "NICK", user, user.nick)
            outcome.facts[-1] = replace(outcome.facts[-1], source=known)

    def _show(self, state: State, outcome: Outcome, known: str) -> None:
        user = self._user
        message = Message("NICK", (user.nick,), known)
        # The user has read the change already, unless the name in between was refused.
        is_known = known == self._before
        audience = (*(() if is_known else (user.id,)), *state.peers(user))
        outcome.deliveries.append(ToUsers(audience, message, outcome.stamp()))
        if not is_known and not user.transient and state.user_named(nick_of(known)) is None:
            outcome.deliveries.append(WentOffline(nick_of(known)))


class MemberRedo:
    """A user whose account stays in the chat was registered."""

    def __init__(self, user: User) -> None:
        self._user = user

    def redo(self, state: State, outcome: Outcome) -> None:
        """Store the member again."""
        if state.users.get(self._user.id) is self._user:
            members.note_member(state, outcome, self._user)


class OperatorRedo:
    """A user logged in to an account, and was made an operator of the server if the account said so. `former` is the
    name of the account of the user until then, ``""`` for none."""

    def __init__(self, user: User, former: str = "") -> None:
        self._user = user
        self._former = former

    def redo(self, state: State, outcome: Outcome) -> None:
        """Make it so again: a promotion or its end may have been undone."""
        user, account = self._user, state.accounts.with_id(self._user.account_id)
        if state.users.get(user.id) is not user or account is None:
            return
        if user.operator and user.operator == self._former != account.name:
            unmake_operator(state, user, outcome)
        if account.operator and not user.operator:
            make_operator(state, user, account.name, outcome)
        elif not account.operator and user.operator == account.name:
            unmake_operator(state, user, outcome)


class LoginRedo:
    """A user logged in to another account than before, or out; `before` is the identity until then. `left` are the keys
    of the rooms that the former account left, with its position in them. In the rooms `founded` the user became an
    operator."""

    def __init__(
        self, user: User, before: str, left: Sequence[str] = (), position: int = 0, founded: Sequence[Room] = ()
    ) -> None:
        self._user = user
        self._before = before
        self._left = left
        self._position = position
        self._founded = founded

    def redo(self, state: State, outcome: Outcome) -> None:
        """Let positions and rooms know the user by the new identity."""
        user = self._user
        if self._left:
            replay_positions.note_account_position(state, outcome, self._before, self._left, self._position)
        if user.identity != self._before:
            members.forget(state, outcome, self._before)
        if state.users.get(user.id) is not user:
            return
        members.note_member(state, outcome, user)
        replay_positions.note_entered(state, outcome, user, user.rooms)
        for room in user.rooms.values():
            if room.remove_insiders(self._before) | room.add_insider(user):
                outcome.changed += (room.key,)
            if room in self._founded and room.members[user.id] & OPERATOR:
                show_operator(state, outcome, room, user)


def show_founder(state: State, outcome: Outcome, room: Room, user: User) -> None:
    """Show it if a founder who joined an occupied room became an operator: members cannot tell that from the JOIN."""
    if room.members[user.id] & OPERATOR and len(room.members) > 1:
        show_operator(state, outcome, room, user)


def show_operator(state: State, outcome: Outcome, room: Room, user: User) -> None:
    """Show the members of a room that its founder became an operator. If the entry is done again, so is this."""
    message = Message("MODE", (room.name, "+o", user.nick), state.rules.server_name)
    outcome.deliveries.append(ToRoom(room.key, message, outcome.stamp(), entry=outcome.entry.seq))
