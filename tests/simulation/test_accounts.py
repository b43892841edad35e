"""Accounts under one seeded scheduler: making them, logging in from several terminals, resuming, removing; crashes,
full disks, cuts. Confirmed data is there after a crash; no user has the name of another."""

from __future__ import annotations

import base64
import random

import pytest

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.apply.members import is_member
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model.ids import NO_SESSION, UserId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.user import User
from chatctl.protocol.message import parse
from tests.chat.world import START, QuickWorkers
from tests.logs import ListLog
from tests.simulation.disk import Disk, SimulatedJournal

pytestmark = pytest.mark.e2e

NAMES = ("ann", "bob", "cat")


class Accounts:
    """The scheduler; every session wants one of NAMES, as its owner or as a guest."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.always_on = self.chance.choice(["opt-out", "opt-out", "off"])
        self.disk = Disk()
        self.now = START
        self.starts = 0
        self.users: dict[UserId, User] = {}
        self.confirmed: set[str] = set()
        self.seen: set[str] = set()
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self.ids = 0
        self.live: dict[Session, str] = {}
        self.journal = SimulatedJournal(self.disk)
        self.log = ListLog()
        order = LocalOrder(lambda: self.now, f"boot{self.starts}", self.journal.last_seq(), self.journal.last_time())
        self.order = order
        rules = Rules(listener_limit=20, created=START, iterations=4096, always_on=self.always_on)
        self.hub = Hub(rules, order, self.journal, lambda: self.now, self.log, QuickWorkers())
        kept = {account.name for account in self.hub.state.accounts}
        assert self.confirmed <= kept, "an account that was confirmed is gone"
        self.confirmed = kept

    def step(self) -> None:
        self.now += self.chance.randrange(400)
        actions = (
            *[self._come] * 8,
            *[self._say] * 16,
            *[self._tick] * 20,
            *[self._commit] * 12,
            *[self._go] * 5,
            self._remove,
            self._crash,
            self._full,
        )
        self.chance.choice(actions)()
        self._check()

    def _come(self) -> None:
        self.ids += 1
        name = self.chance.choice(NAMES)
        session = self.hub.connect(self.ids, "127.0.0.1")
        self.live[session] = name
        lines = [
            "CAP REQ :sasl chatctl/resume",
            f"RESUME secret {self.chance.choice('xyz')}",
            f"NICK {name}",
            "USER u 0 * :r",
        ]
        if self.chance.random() < 0.7:
            secret = base64.b64encode(f"\0{name}\0sesame".encode()).decode()
            lines += ["AUTHENTICATE PLAIN", f"AUTHENTICATE {secret}"]
        if self.chance.random() < 0.3:
            lines.append("REGISTER * * sesame")
        self.hub.receive(session, [*lines, "CAP END", "JOIN #a"])

    def _say(self) -> None:
        if self.live:
            session = self.chance.choice(list(self.live))
            name = self.live[session]
            line = self.chance.choice(
                [
                    "PRIVMSG #a :hi",
                    f"PRIVMSG {self.chance.choice(NAMES)} :hi",
                    "REGISTER * * sesame",
                    "NS LOGOUT",
                    f"NS IDENTIFY {name} sesame",
                    f"NICK {self.chance.choice(NAMES)}",
                    "PART #a",
                    "JOIN #a,#b",
                    "WHOIS ann",
                    "QUIT",
                ]
            )
            self.hub.receive(session, [line])

    def _tick(self) -> None:
        self.hub.work(lambda: self.chance.random() < 0.2)
        self.hub.end_tick()
        self.hub.fanout.dirty.clear()
        for session in list(self.live):
            for line in session.take_output().decode().split("\r\n"):
                message = parse(line)
                if message is not None and message.command == "REGISTER":
                    self.seen.add("made")
                    if self.hub.state.accounts.named(message.params[1]) is not None:  # else it was removed meanwhile
                        self.confirmed.add(message.params[1])
        for session in self.hub.ended:
            self.live.pop(session, None)
        self.hub.ended.clear()

    def _commit(self) -> None:
        if self.journal.queue:
            self.journal.commit()

    def _go(self) -> None:
        if self.live:
            session = self.chance.choice(list(self.live))
            self.hub.disconnect(session, "Connection lost")

    def _remove(self) -> None:
        name = self.chance.choice(NAMES)
        self.order.propose(p.RemoveAccount(NO_SESSION, "", name, CONTROL))
        self.confirmed.discard(name)

    def _full(self) -> None:
        if self.journal.queue:
            self.journal.fail()

    def _crash(self) -> None:
        self._start()

    def _check(self) -> None:
        state = self.hub.state
        assert self.hub.failures == 0, self.log.events[-3:]
        ids = [id for user in state.users.values() for id in user.session_ids]
        assert len(ids) == len(set(ids)) == state.registered
        assert set(ids) == set(state.by_session)
        for user in state.users.values():
            known = self.users.setdefault(user.id, user)
            again = user.id.startswith("member ")  # restored twice, with no message between
            assert known is user or again, "an id that another user has had"
        for id, owner in state.by_session.items():
            assert id in owner.session_ids
            assert state.users[owner.id] is owner
        keys = [user.key for user in state.users.values()]
        assert len(keys) == len(set(keys)), "two users with one name"
        for user in state.users.values():
            if len(user.session_ids) > 1:
                self.seen.add("several")
            if user.account:
                assert state.accounts.named(user.account) is not None, "logged in to an account that is not there"
            for room in user.rooms.values():
                assert user.id in room.members
            self._check_member(user)
        for room in state.rooms.values():
            assert set(room.members) <= set(state.users)
        for session in self.hub.sessions.values():
            here = state.user_of(session.id)
            if here is not None and session.registered:
                assert set(session.rooms) == set(here.rooms), "a session hears what its user is in"

    def _check_member(self, user: User) -> None:
        """The records of a member say where it is, and an account has one user."""
        state = self.hub.state
        if user.offline:
            self.seen.add("offline")
            assert is_member(state, user) or not user.account, "an offline user that does not stay"
        if not user.account:
            return
        assert state.user_of_account(user.account_id) is user, "an account with two users"
        stored = {each.room: each.standing for each in state.accounts.memberships(user.identity)}
        rooms = {room.key: room.members[user.id] for room in user.rooms.values()}
        assert stored == (rooms if is_member(state, user) else {}), "the records differ from the rooms"


@pytest.mark.parametrize("first", range(0, 30, 6))
def test_accounts_with_several_sessions_keep_the_promises(first: int) -> None:
    seen = set()
    for seed in range(first, first + 6):
        chat = Accounts(seed)
        for _ in range(600):
            chat.step()
        seen |= chat.seen
    assert seen == {"made", "several", "offline"}, "or this shows nothing"
