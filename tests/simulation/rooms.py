"""Rooms, bans and accounts under one seeded scheduler: users join, leave, set modes and rename rooms, an operator bans
and promotes, while commits succeed, fail and are cut off by crashes.

After every step the state equals what the committed and the pending facts say (replica.py); when nothing is pending,
records do too. So a change that is left in the state after its commit failed is found at once. At the end every client
must believe what the state says.

A failing seed is run again with ``python -m tests.simulation.rooms SEED``.
"""

from __future__ import annotations

import base64
import random
import sys
from collections.abc import Callable, Mapping
from typing import Any

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.apply.members import is_member
from chatctl.chat.delivery.session import Session
from chatctl.chat.engine.hub import Hub
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.facts import Fact, each_fact
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model.accounts import Account
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.members import Membership
from chatctl.chat.model.modes import OPERATOR, VOICE
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.server_bans import Ban
from chatctl.protocol import names, scram
from chatctl.protocol.message import Message, nick_of, parse
from tests.chat.world import START, QuickWorkers
from tests.logs import ListLog
from tests.simulation.disk import Disk, SimulatedJournal
from tests.simulation.replica import Replica, ReplicaRoom, change_set

ROOMS = ("#a", "#b", "#lobby", "#c")
NICKS = ("ann", "bob", "cat", "dan", "eve")
ACCOUNTS = ("ann", "bob")
VERIFIER = str(scram.make("sesame", b"salt" * 4, 4096))
CAPS = "CAP REQ :sasl server-time message-tags echo-message draft/channel-rename draft/metadata-2"


class Client:
    """A client that believes what it reads. `rooms` holds the members it knows of, with ``o`` for operators."""

    def __init__(self, session: Session, nick: str) -> None:
        self.session = session
        self.nick = nick
        self.rooms: dict[str, dict[str, set[str]]] = {}
        self.topics: dict[str, str] = {}

    def read(self, line: str) -> None:
        """Take one line of the server."""
        message = parse(line)
        handler = _HANDLERS.get(message.command) if message is not None else None
        if message is not None and handler is not None:
            handler(self, message, nick_of(message.source))

    def _welcome(self, message: Message, nick: str) -> None:
        self.nick = message.params[0]

    def _join(self, message: Message, nick: str) -> None:
        key = names.room_fold(message.params[0])
        if nick == self.nick:
            self.rooms[key] = {}
            self.topics[key] = ""
        self.rooms[key][nick] = set()

    def _part(self, message: Message, nick: str) -> None:
        key = names.room_fold(message.params[0])
        gone = message.params[1] if message.command == "KICK" else nick
        del self.rooms[key][gone]
        if gone == self.nick:
            del self.rooms[key]

    def _quit(self, message: Message, nick: str) -> None:
        for members in self.rooms.values():
            members.pop(nick, None)

    def _nick(self, message: Message, nick: str) -> None:
        new = message.params[0]
        for members in self.rooms.values():
            if nick in members:
                members[new] = members.pop(nick)
        if nick == self.nick:
            self.nick = new

    def _rename(self, message: Message, nick: str) -> None:
        old, new = (names.room_fold(name) for name in message.params[:2])
        self.rooms[new] = self.rooms.pop(old)
        self.topics[new] = self.topics.pop(old)

    def _mode(self, message: Message, nick: str) -> None:
        key = names.room_fold(message.params[0])
        if key in self.rooms:
            values = iter(message.params[2:])
            is_added = True
            for letter in message.params[1]:
                if letter in "+-":
                    is_added = letter == "+"
                elif letter in "ovbk" or (letter == "l" and is_added):
                    value = next(values)
                    if letter == "o":
                        change_set(self.rooms[key][value], "o", is_added=is_added)

    def _topic(self, message: Message, nick: str) -> None:
        room, text = message.params[-2:]
        self.topics[names.room_fold(room)] = text

    def _names(self, message: Message, nick: str) -> None:
        members = self.rooms[names.room_fold(message.params[-2])]
        for word in message.params[-1].split():
            members[word.lstrip("@+")] = set("o" if word.startswith("@") else "")


_HANDLERS: dict[str, Callable[[Client, Message, str], None]] = {
    "001": Client._welcome,
    "JOIN": Client._join,
    "PART": Client._part,
    "KICK": Client._part,
    "QUIT": Client._quit,
    "NICK": Client._nick,
    "RENAME": Client._rename,
    "MODE": Client._mode,
    "TOPIC": Client._topic,
    "332": Client._topic,
    "353": Client._names,
}


class Rooms:
    """The scheduler."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.disk = Disk()
        self.replica = Replica()
        self.committed = 0
        """Facts of the disk that the replica has replayed."""
        self.now = START
        self.ids = self.starts = self.failed = self.checked = 0
        self.asking: set[str] = set()
        """Names that a command of the operator is pending for."""
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self.clients: list[Client] = []
        self.asking.clear()
        self.journal = SimulatedJournal(self.disk)
        self.log = ListLog()
        order = LocalOrder(lambda: self.now, f"boot{self.starts}", self.journal.last_seq(), self.journal.last_time())
        always_on = "off" if self.seed % 3 else "opt-out"
        rules = Rules(listener_limit=20, created=START, iterations=4096, always_on=always_on)
        self.hub = Hub(rules, order, self.journal, lambda: self.now, self.log, QuickWorkers())

    def step(self) -> None:
        """One thing, drawn."""
        self.now += self.chance.randrange(400)
        actions: list[tuple[int, Callable[[], None]]] = [
            (8, self._connect),
            (50, self._send),
            (40, self._tick),
            (20, self._commit),
            (6, self._fail),
            (3, self._lose),
            (8, self._administer),
            (1, self._crash),
        ]
        self.chance.choices([action for _, action in actions], [weight for weight, _ in actions])[0]()
        self.check()

    # Actions.

    def _connect(self) -> None:
        if len(self.clients) >= len(NICKS):
            return
        self.ids += 1
        nick = self.chance.choice(NICKS)
        session = self.hub.connect(self.ids, "127.0.0.1")
        lines = [CAPS, f"NICK {nick}", "USER u 0 * :r"]
        if nick in ACCOUNTS:
            secret = base64.b64encode(f"\0{nick}\0sesame".encode()).decode()
            lines += ["AUTHENTICATE PLAIN", f"AUTHENTICATE {secret}"]
        self.clients.append(Client(session, nick))
        self.hub.receive(session, [*lines, "CAP END", f"JOIN {self.chance.choice(ROOMS)}"])

    def _send(self) -> None:
        if not self.clients:
            return
        pick, room = self.chance.choice, self.chance.choice(ROOMS)
        nick, mask = pick(NICKS), pick(("x!*@*", "y!*@*"))
        lines = (
            *[f"JOIN {room}", f"JOIN {room} key", f"PART {room}", f"KICK {room} {nick}", f"TOPIC {room} :{self.now}"],
            *[f"MODE {room} {pick('+-')}{pick('ov')} {nick}", f"MODE {room} {pick('+-')}{pick('tmi')}"],
            *[f"MODE {room} {pick('+-')}k key", f"MODE {room} {pick('+-')}b {mask}", f"MODE {room} +l 9-t+m"],
            *[f"RENAME {room} {pick(ROOMS)} :why", f"NICK {nick}", f"METADATA {room} SET color :{self.now}"],
            *["REGISTER * * sesame-and-more", "NS LOGOUT", f"NS IDENTIFY {nick} sesame", f"PRIVMSG {room} :hi"],
            *[f"JOIN {room}"] * 4,
        )
        sent = [pick(lines) for _ in range(self.chance.randrange(1, 4))]
        self.hub.receive(pick(self.clients).session, [*sent])

    def _tick(self) -> None:
        self.hub.work(lambda: self.chance.random() < 0.2)
        self.hub.end_tick()
        self.hub.fanout.dirty.clear()
        for client in self.clients:
            for line in client.session.take_output().decode().split("\r\n"):
                client.read(line)
        over = {session.id for session in self.hub.ended}
        self.hub.ended.clear()
        self.clients = [client for client in self.clients if client.session.id not in over]

    def _commit(self) -> None:
        if self.journal.queue:
            self.journal.commit()

    def _fail(self) -> None:
        if self.journal.queue:
            self.failed += 1
            self.journal.fail()

    def _lose(self) -> None:
        if self.clients:
            client = self.chance.choice(self.clients)
            self.hub.disconnect(client.session, "Connection lost")
            self.clients.remove(client)

    def _crash(self) -> None:
        self._replay()
        self.replica.restart(self._stored_members())
        self._start()

    def _stored_members(self) -> dict[str, dict[str, set[str]]]:
        """Return the members that are on the disk, by room, with the modes of each."""
        found: dict[str, dict[str, set[str]]] = {}
        accounts = {each.identity: each.name for each in self.disk.records.values() if isinstance(each, Account)}
        for record in self.disk.records.values():
            if isinstance(record, Membership) and record.identity in accounts:
                modes = {letter for letter, bit in (("o", OPERATOR), ("v", VOICE)) if record.standing & bit}
                found.setdefault(record.room, {})[accounts[record.identity]] = modes
        return found

    def _administer(self) -> None:
        name = self.chance.choice(ACCOUNTS)
        existing = self.hub.state.accounts.named(name)
        former = existing.id if existing is not None else "none"
        banned = self.chance.choice(("eve", "mallory"))
        proposals: tuple[tuple[str, p.Proposal, Callable[[], bool]], ...] = (
            ("", p.DisconnectUser(NO_SESSION, "", self.chance.choice(NICKS), ""), lambda: True),
            (banned, p.AddBan(NO_SESSION, "", banned, False, "", 0), lambda: self._ban(banned) is not None),
            (banned, p.RemoveBan(NO_SESSION, "", banned, False), lambda: self._ban(banned) is None),
            (name, p.AddAccount(NO_SESSION, "", name, VERIFIER, CONTROL), lambda: self._account(name) is not None),
            (name, p.RemoveAccount(NO_SESSION, "", name, CONTROL), lambda: self._account_id(name) != former),
            (name, p.ChangeAccount(NO_SESSION, "", name, CONTROL, operator=True), lambda: self._is_operator(name)),
            (name, p.ChangeAccount(NO_SESSION, "", name, CONTROL, operator=False), lambda: not self._is_operator(name)),
        )
        about, proposal, is_stored = self.chance.choice(proposals)
        if about in self.asking:
            return
        if about:
            self.asking.add(about)

        def answered(done: bool, text: str) -> None:
            self.asking.discard(about)
            assert not done or is_stored(), f"told but not stored: {text}"

        self.hub.admin_requests.ask(proposal, answered)

    def _ban(self, name: str) -> object:
        return next((ban for ban in self.disk.records.values() if isinstance(ban, Ban) and ban.target == name), None)

    def _account(self, name: str) -> Account | None:
        found = self.disk.records.get(("account", name))
        return found if isinstance(found, Account) else None

    def _account_id(self, name: str) -> str:
        account = self._account(name)
        return account.id if account is not None else ""

    def _is_operator(self, name: str) -> bool:
        account = self._account(name)
        return account is not None and account.operator

    # Promises.

    def _replay(self) -> None:
        """Let the replica catch up with the disk."""
        for fact in self.disk.facts[self.committed :]:
            self.replica.replay(fact)
        self.committed = len(self.disk.facts)

    def _pending(self) -> list[Fact]:
        """Facts that are on their way to the disk, in the order in which they will get there."""
        commit_gate = self.hub.commit_gate
        return [
            *(fact for facts, *_ in self.journal.queue for fact in each_fact(facts)),
            *each_fact(commit_gate.unsubmitted),
        ]

    def check(self) -> None:
        """After every step."""
        assert self.hub.failures == 0, self.log.events[-3:]
        assert not self.hub.commit_gate.fatal_reason, self.log.events[-3:]
        self._replay()
        pending = self._pending()
        expected = self.replica.after(pending)
        state = self.hub.state
        closing = {room.key for room in state.dropped_rooms}  # no user could join any more; the next entry stores that
        for key in {*state.rooms, *expected.rooms} - closing:
            replayed = expected.rooms.get(key, ReplicaRoom())
            actual, expected_room = self._room(key, replayed.is_founded), _comparable(replayed)
            assert actual == expected_room, f"{key} differs from the committed facts: {actual}, {expected_room}"
        for user in state.users.values():
            assert set(user.rooms) == {key for key, room in state.rooms.items() if user.id in room.members}
            assert not user.account_id or state.accounts.with_id(user.account_id) is not None
            stored = {each.room: each.standing for each in state.accounts.memberships(user.identity)}
            rooms = {key: room.members[user.id] for key, room in user.rooms.items()}
            assert stored == (rooms if is_member(state, user) else {}), "memberships differ from the rooms"
        self._sessions_hear_their_rooms()
        if not pending and self._is_quiet():
            self.checked += 1
            self._records_are_what_was_committed()

    def _is_quiet(self) -> bool:
        """Whether nothing is on its way to the disk, or waits for that."""
        commit_gate, state = self.hub.commit_gate, self.hub.state
        on_its_way = self.journal.queue or commit_gate.has_unsubmitted or commit_gate.follow_ups
        return not (
            on_its_way
            or commit_gate._retries.is_waiting
            or commit_gate._restarted
            or state.forgotten
            or state.dropped_rooms
        )

    def _room(self, key: str, is_founded: bool) -> object:
        room = self.hub.state.rooms.get(key)
        if room is None:
            return _comparable(ReplicaRoom())
        users = self.hub.state.users
        members = {
            users[id].nick: {letter for letter, bit in (("o", OPERATOR), ("v", VOICE)) if standing & bit}
            for id, standing in room.members.items()
        }
        bans = set(room.lists.entries["b"]) if room.lists is not None else set()
        limit = str(room.limit or "")
        return _comparable(
            ReplicaRoom(members, room.topic, set(room.modes), bans, room.keyword, limit, is_founded=is_founded)
        )

    def _sessions_hear_their_rooms(self) -> None:
        state, fanout = self.hub.state, self.hub.fanout
        heard = {
            (session.id, key)
            for key, room in fanout.rooms.items()
            for some in room.members.values()
            for session in some
        }
        inside = {(id, key) for user in state.users.values() for id in user.session_ids for key in user.rooms}
        assert heard == inside, "sessions do not hear the rooms they are in"

    def _records_are_what_was_committed(self) -> None:
        state = self.hub.state
        records = {key: state.accounts.get(key) for key in {*self.disk.records, *_keys(state.accounts)}}
        stored = {key: self.disk.records.get(key) for key in records}
        assert records == stored, f"records differ from the committed ones: {_difference(records, stored)}"
        settings = {key: state.record(key) for key in {*state.rooms, *self.disk.rooms}}
        kept = {key: self.disk.rooms.get(key) for key in settings}
        assert settings == kept, f"settings differ from the committed ones: {_difference(settings, kept)}"
        in_force = {ban.key for ban in state.accounts.bans}
        assert in_force == {key for kind, key in self.disk.records if kind == "ban"}, (
            "a ban differs from the committed ones"
        )
        for user in state.users.values():
            account = state.accounts.with_id(user.account_id)
            operator = account.name if account is not None and account.operator else ""
            assert user.operator == operator, "an operator differs from the committed accounts"

    def settle(self) -> None:
        """Let everything arrive; then each client must believe what the state says."""
        for _ in range(20):
            self.now += 2000
            self._tick()
            while self.journal.queue:
                self.journal.commit()
            self.check()
        state = self.hub.state
        assert not self._pending()
        for client in self.clients:
            user = state.user_of(client.session.id)
            if user is None:
                continue
            believed = {key: (members, client.topics[key]) for key, members in client.rooms.items()}
            actual = {
                key: (
                    {state.users[id].nick: set("o" if now & OPERATOR else "") for id, now in room.members.items()},
                    room.topic,
                )
                for key, room in user.rooms.items()
            }
            assert believed == actual, f"{user.nick} believes something else: {_difference(believed, actual)}"


def _comparable(room: ReplicaRoom) -> object:
    """Return the parts to compare. A founder becomes an operator by logging in, which is not a fact."""
    members = {nick: modes - set("o" if room.is_founded else "") for nick, modes in room.members.items()}
    return members, room.settings


def _difference(one: Mapping[Any, object], other: Mapping[Any, object]) -> object:
    return [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]


def _keys(accounts: object) -> set[tuple[str, str]]:
    records = accounts._records  # type: ignore[attr-defined]
    return {key for key in records if not (key[0] in ("mark", "metadata") and key[1].startswith("session "))}


def run(seed: int, steps: int = 300) -> Rooms:
    """One life of a chat. Raises AssertionError with how to run it again."""
    rooms = Rooms(seed)
    try:
        for _ in range(steps):
            rooms.step()
        rooms.settle()
    except AssertionError as error:
        raise AssertionError(f"{error}\nrun it again: python -m tests.simulation.rooms {seed}") from error
    return rooms


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        first, _, last = argument.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            run(seed)
    print("nothing found")
