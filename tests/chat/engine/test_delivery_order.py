"""In which order and when: segments, parking, a session's own order (chat/delivery/fanout, chat/engine/hub)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.model.policy import Rules
from tests.chat.world import START, HeldJournal, HeldOrder, Person, World


def test_message_is_broadcast_only_after_its_commit() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    alice, bob = _two(world, journal)
    alice.send("PRIVMSG #lobby :hi", "PING a")
    assert bob.lines() == []
    assert alice.lines() == []  # the echo, and the PONG behind it, wait too
    journal.commit()
    world.tick()
    assert [m.command for m in alice.read()] == ["PRIVMSG", "PONG"]
    assert bob.read()[0].params[1] == "hi"


def _two(world: World, journal: HeldJournal) -> tuple[Person, Person]:
    people = []
    for nick in ("alice", "bob"):
        person = world.connect().send(
            "CAP REQ :echo-message", f"NICK {nick}", "USER u 0 * :r", "CAP END", "JOIN #lobby"
        )
        journal.commit()
        world.tick()
        people.append(person)
    for person in people:
        person.forget()
    return people[0], people[1]


def test_reply_without_parked_output_is_sent_at_once() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    alice, _ = _two(world, journal)
    stranger = world.connect()
    alice.send("PRIVMSG #lobby :hi")
    assert stranger.send("PING x", "NICK carol", "USER u 0 * :r").commands()[:2] == ["PONG", "001"]


def test_ticks_are_released_in_order() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    alice, bob = _two(world, journal)
    for number in range(3):
        alice.send(f"PRIVMSG #lobby :{number}")
    first, second, third = (fact.seq for fact in list(journal.facts)[-3:])
    bob.send("WHO alice")  # a reply, after parked output
    for seq, expected in ((first, ["0"]), (second, ["1"])):
        journal.commit(seq)
        world.tick()
        assert [m.params[1] for m in bob.read()] == expected
    journal.commit(third)
    world.tick()
    assert [m.command for m in bob.read()] == ["PRIVMSG", "352", "315"]


def test_member_who_joined_within_a_tick_gets_later_lines_only() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob")
    world.hub.receive(alice.session, ["PRIVMSG #lobby :before"])
    world.hub.receive(bob.session, ["JOIN #lobby"])
    world.hub.receive(alice.session, [])
    world.hub.work(lambda: False)
    world.hub.receive(alice.session, ["PRIVMSG #lobby :after"])
    world.tick()
    assert [m.params[-1] for m in bob.read() if m.command in ("JOIN", "PRIVMSG")] == ["#lobby", "after"]
    assert [m.command for m in alice.read()] == ["JOIN"]


def test_member_who_left_within_a_tick_gets_earlier_lines_only() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    world.hub.receive(alice.session, ["PRIVMSG #lobby :before"])
    world.hub.receive(bob.session, ["PART #lobby"])
    world.hub.work(lambda: False)
    world.hub.receive(alice.session, ["PRIVMSG #lobby :after"])
    world.tick()
    assert [m.params[-1] for m in bob.read()] == ["before", "#lobby"]


def test_capability_change_within_a_tick_applies_to_later_lines() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    world.hub.receive(alice.session, ["PRIVMSG #lobby :one"])
    world.hub.receive(bob.session, ["CAP REQ :server-time", "CAP REQ :message-tags"])
    world.hub.work(lambda: False)
    world.hub.receive(alice.session, ["PRIVMSG #lobby :two"])
    world.tick()
    heard = [m for m in bob.read() if m.command == "PRIVMSG"]
    assert [(m.params[1], bool(m.tags)) for m in heard] == [("one", False), ("two", True)]


def test_unordered_proposal_delays_all_but_messages() -> None:
    order = HeldOrder()
    world = World(order=order)
    alice = world.connect().send("NICK alice", "USER u 0 * :r", "JOIN #lobby", "PING x")
    assert len(order.waiting) == 1
    assert alice.lines() == []
    order.let_go()
    world.tick()
    assert alice.commands()[0] == "001"
    assert len(order.waiting) == 1  # JOIN
    order.let_go()
    world.tick()
    assert alice.commands() == ["JOIN", "353", "366", "PONG"]
    alice.send("PRIVMSG alice :1", "PRIVMSG alice :2", "PING y", "PRIVMSG alice :3")
    assert len(order.waiting) == 2
    order.let_go()
    world.tick()
    order.let_go()
    world.tick()
    assert [m.params[-1] for m in alice.read()] == ["1", "2", "y", "3"]


def test_quit_while_registering_leaves_no_user() -> None:
    order = HeldOrder()
    world = World(order=order)
    person = world.connect().send("NICK alice", "USER u 0 * :r")
    world.gone(person)
    order.let_go()
    world.tick()
    assert not world.hub.state.users
    assert not world.hub.sessions


def test_failing_handler_ends_its_session_only() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")

    def broken() -> int:
        raise ZeroDivisionError("a secret that was said")

    world.hub._context.clock = broken
    alice.send("TIME")
    assert bob.one("QUIT").nick == "alice"
    assert world.hub.failures == 1
    _event, fields = next(entry for entry in world.log.events if entry[0] == "session failed")
    assert fields["session"] == alice.session.id
    assert "secret" not in str(fields)
    assert bob.send("PING x").commands() == ["PONG"]


@pytest.mark.parametrize("how", ["lost", "expired"])
def test_failing_quit_does_not_affect_others(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bad = world.person("bad", "#lobby", caps="batch draft/multiline")
    bob = world.person("bob", "#lobby")

    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a secret that was said")

    monkeypatch.setattr("chatctl.chat.apply.membership.leave_chat", broken)
    if how == "lost":
        world.gone(bad)
    else:
        bad.send("BATCH +1 draft/multiline #lobby")
        monkeypatch.setattr("chatctl.chat.commands.batches.expire", broken)
        world.now += 31_000
        world.tick()
    assert bad.session.closing
    assert world.hub.failures == 2
    assert "secret" not in str(world.log.events)
    assert bob.forget().send("PRIVMSG #lobby :still here", "PING x").commands() == ["PONG"]


def test_sessions_take_turns() -> None:
    world = World()
    alice, bob = world.person("alice", "#lobby"), world.person("bob", "#lobby")
    world.hub.receive(alice.session, [f"PRIVMSG #lobby :{n}" for n in range(1000)])
    world.hub.receive(bob.session, ["PING x"])
    turns = 0

    def out_of_time() -> bool:
        nonlocal turns
        turns += 1
        return turns >= 2

    assert world.hub.work(out_of_time)
    world.hub.end_tick()
    assert bob.read()[-1].command == "PONG"


def test_stop_ends_all_sessions_without_announcing_each_other() -> None:
    world = World()
    people = [world.person(nick, "#lobby") for nick in ("alice", "bob")] + [world.connect()]
    for person in people:
        person.forget()
    world.hub.end_all_sessions("The server is stopping")
    world.tick()
    for person in people:
        assert [m.command for m in person.read()] == ["ERROR"]
    assert world.hub.idle


STEP = st.tuples(
    st.integers(0, 3),
    st.sampled_from(
        [
            "PRIVMSG #a :{n}",
            "PRIVMSG #b :{n}",
            "PRIVMSG p1 :{n}",
            "JOIN #b",
            "PART #b",
            "PING {n}",
            "CAP REQ :server-time",
            "CAP REQ :-server-time",
            "CAP REQ :echo-message",
            "TICK",
            "COMMIT",
        ]
    ),
)


class Conversation:
    """Four people in one room, a journal that commits when told, and what each of them saw of the room."""

    def __init__(self) -> None:
        self.journal = HeldJournal()
        self.world = World(Rules(listener_limit=10, created=START), journal=self.journal)
        self.people = []
        for number in range(4):
            self.people.append(self.world.connect().send(f"NICK p{number}", "USER u 0 * :r", "JOIN #a"))
            self.commit()
        for person in self.people:
            person.forget()
        self.seen: list[list[str]] = [[] for _ in self.people]
        self.echo = [False] * 4

    def step(self, n: int, who: int, line: str) -> None:
        """Do one thing; a text says who spoke, in which step, and whether they asked for the echo."""
        if line == "TICK":
            self.world.tick()
        elif line == "COMMIT":
            self.commit()
        else:
            self.echo[who] |= "echo" in line
            text = f"{who}.{n}.{self.echo[who]:d}"
            self.world.hub.receive(self.people[who].session, [line.format(n=text)])
        self.look()

    def commit(self) -> None:
        """Everything said so far is handled and durable."""
        self.world.tick()
        self.journal.commit()
        self.world.tick()

    def kept(self) -> list[str]:
        """Return the room's lines as the facts have them."""
        return [fact.text for fact in self.journal.facts if fact.kind == "PRIVMSG" and fact.target == "#a"]

    def look(self) -> None:
        """Collect the output of each session. Nothing is shown before it is durable."""
        known = {fact.text for fact in self.journal.facts if fact.seq <= self.journal.committed}
        for number, person in enumerate(self.people):
            read = person.read()
            texts = [m.params[1] for m in read if m.command == "PRIVMSG" and m.params[0] == "#a"]
            assert known.issuperset(texts)
            self.seen[number] += texts


@pytest.mark.e2e
@settings(max_examples=300)
@given(st.lists(STEP, max_size=60))
def test_every_room_has_one_order_and_each_message_once(steps: list[tuple[int, str]]) -> None:
    """For any pipelining, joins, parts and commits: a permanent member gets each message once, in the order of the
    facts."""
    talk = Conversation()
    for n, (who, line) in enumerate(steps):
        talk.step(n, who, line)
    for _ in range(3):  # what waited for a commit may have more to say after it
        talk.commit()
    talk.look()
    for number in range(4):
        expected = [text for text in talk.kept() if not text.startswith(f"{number}.") or text.endswith(".1")]
        assert talk.seen[number] == expected
