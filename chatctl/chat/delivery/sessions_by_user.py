"""The registered sessions of this machine, by user: what turns the recipients of a delivery into sessions.

It changes in the order of the deliveries. An entry may remove a user from the state at once: what it delivers to that
user still reaches the sessions, until the delivery that ends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.ids import UserId


class SessionsByUser:
    """The sessions of each user, in the order of registration. Nearly all users have one, so these are kept apart: a
    delivery then costs one lookup a recipient."""

    def __init__(self) -> None:
        self._single: dict[UserId, Session] = {}
        self._several: dict[UserId, tuple[Session, ...]] = {}

    def add(self, session: Session, user: UserId) -> None:
        """Make `session`, which is registered now, one of `user`."""
        session.user_id = user
        self._put(user, (*self.of(user), session))

    def remove(self, session: Session) -> None:
        """Remove a session that ends; it may be unregistered."""
        user = session.user_id
        self._put(user, tuple(each for each in self.of(user) if each is not session))

    def _put(self, user: UserId, sessions: tuple[Session, ...]) -> None:
        self._single.pop(user, None)
        self._several.pop(user, None)
        if len(sessions) == 1:
            self._single[user] = sessions[0]
        elif sessions:
            self._several[user] = sessions

    def of(self, user: UserId) -> tuple[Session, ...]:
        """Return the sessions of one user; none if another machine serves them."""
        session = self._single.get(user)
        return (session,) if session is not None else self._several.get(user, ())

    def of_all(self, users: Sequence[UserId]) -> Iterable[Session | None]:
        """Return the sessions of several users, and None for a user whom another machine serves."""
        if not self._several:
            return map(self._single.get, users)
        return [session for user in users for session in self.of(user)]
