"""Ids of users and sessions: data of a user never goes to the next owner of a session id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args, get_type_hints

import pytest

from chatctl.chat.apply import apply
from chatctl.chat.delivery.session import Session
from chatctl.chat.delivery.sessions_by_user import SessionsByUser
from chatctl.chat.entries import deliveries as d
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model.ids import NO_SESSION, NO_USER, Recipient, SessionId, UserId
from chatctl.chat.model.policy import Rules
from chatctl.chat.model.room import ShortVisit
from chatctl.protocol import scram
from chatctl.protocol.message import Message
from tests.chat.accounts import ITERATIONS, a_world, add, enter
from tests.chat.world import START, Person, World
from tests.simulation.disk import Disk, SimulatedJournal

CAPS = (
    "batch message-tags server-time draft/chathistory draft/read-marker draft/metadata-2 draft/channel-rename",
    "soju.im/search",
)
QUESTIONS = (
    *("JOIN #open", "JOIN #inner", "TOPIC #open :mine", "MODE #open +m", "MODE #open b", "KICK #open bob"),
    *("NAMES #open", "LIST", "WHOIS ann", "WHOWAS ann", "WHOIS eve", "WHO * %na", "MODE eve", "STATS o", "MONITOR L"),
    *("METADATA * LIST", "METADATA * SUBS", "MARKREAD #open", "MARKREAD bob", "REHASH", "AWAY"),
    *("CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z timestamp=2100-01-01T00:00:00.000Z 50",),
    *("CHATHISTORY LATEST bob * 50", "CHATHISTORY LATEST #inner * 50", "SEARCH in=bob"),
)

VERIFIER = str(scram.make("sesame", b"salt" * 4, ITERATIONS))


class Server:
    """Starts of one server: the data folder stays, session ids begin at 1 again."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.starts = 0

    def start(self) -> World:
        self.starts += 1
        journal = SimulatedJournal(self.disk)
        now = START + self.starts * 10_000
        order = LocalOrder(lambda: now, f"boot{self.starts}", journal.last_seq(), journal.last_time())
        rules = Rules(listener_limit=100, created=START, iterations=ITERATIONS, operators={"root": VERIFIER})
        return World(rules, order, journal)


def store(world: World) -> None:
    journal = world.journal
    assert isinstance(journal, SimulatedJournal)
    while journal.queue:
        journal.commit()
        world.tick()


def settle(person: Person, *lines: str) -> list[str]:
    """Send lines one by one, each with all its effects; return the output."""
    read = []
    for line in lines:
        person.send(line)
        store(person.world)
        read += person.lines()
    return read


def enter_as(world: World, nick: str) -> Person:
    return register(world.connect(), nick)


def register(person: Person, nick: str) -> Person:
    """Eve has no client of ours, so nothing but her user id tells her from others."""
    ours = ("CAP REQ :chatctl/resume", f"RESUME secret-{nick} one") if nick != "eve" else ()
    settle(person, *(f"CAP REQ :{caps}" for caps in CAPS), *ours, f"NICK {nick}", "USER u 0 * :r", "CAP END")
    assert person.session.registered
    return person


def first_start(server: Server, *, crashed: bool) -> None:
    """Session 1 is ann, who gets as much as a user can have. She leaves, or the server crashes."""
    world = server.start()
    ann, bob = enter_as(world, "ann"), enter_as(world, "bob")
    assert ann.session.id == 1
    settle(ann, "OPER root sesame", "JOIN #open", "TOPIC #open :Leaves", "JOIN #inner", "MODE #inner +is")
    settle(bob, "JOIN #open", "PRIVMSG ann :for ann alone", "PRIVMSG #open :hello", "JOIN #own", "MODE #own +i")
    settle(bob, "INVITE ann #own", "TOPIC #own :Kept")
    settle(ann, "PRIVMSG #inner :between us", "PRIVMSG bob :for bob alone", "METADATA * SET color :red")
    settle(ann, "METADATA * SUB color", "MARKREAD #open timestamp=2026-11-14T22:13:20.000Z", "MONITOR + bob")
    settle(ann, "MARKREAD bob timestamp=2026-11-14T22:13:20.000Z", "AWAY :gone", "MODE ann +w")
    assert ann.user.operator == "root"
    assert {*ann.user.rooms, *(ann.user.invited or {})} == {"#open", "#inner", "#own"}
    if not crashed:
        settle(ann, "QUIT :bye")
        settle(bob, "QUIT :bye")


@pytest.mark.parametrize("crashed", [False, True])
def test_session_id_reused_after_a_restart_inherits_nothing(crashed: bool) -> None:
    """Eve gets the same, whether she has the session id that ann had or an unused one."""
    read = []
    for earlier in (0, 40):
        server = Server()
        first_start(server, crashed=crashed)
        world = server.start()
        world._ids = earlier
        bob, eve = (enter_as(world, nick) for nick in ("bob", "eve")) if earlier else _eve_first(world)
        settle(bob, "JOIN #open,#own")
        assert eve.user.id not in (NO_USER, bob.user.id)
        assert (eve.session.id == 1) is not bool(earlier)
        assert not eve.user.rooms
        assert not eve.user.operator
        assert eve.user.invited is None
        text = settle(eve, *QUESTIONS, "JOIN #own", "PRIVMSG bob :hi", "KILL bob :x", "RENAME #open #mine")
        read.append([line.partition(" 00")[0] if " 317 " in line else line for line in text])
        assert not any(secret in line for line in text for secret in ("between us", "alone", "color", ":red", " 381 "))
        assert "#inner" not in eve.user.rooms
        assert "#own" not in eve.user.rooms
    assert read[0] == read[1]
    assert any(" 473 " in line for line in read[0])
    assert not any(" 421 " in line for line in read[0]), "or this shows little"


def _eve_first(world: World) -> tuple[Person, Person]:
    """Eve has ann's session id; bob comes first in the order all the same."""
    eve, bob = world.connect(), world.connect()
    return register(bob, "bob"), register(eve, "eve")


def test_user_id_is_not_given_again_after_a_restart_that_forgot_the_registration() -> None:
    """A registration leaves nothing in the journal, so the next start counts its entries from the same number."""
    server, ids = Server(), []
    for _ in range(3):
        ids.append(enter_as(server.start(), "ann").user.id)
    assert len(set(ids)) == 3
    assert ids[0].partition("-")[2] == ids[1].partition("-")[2]


def test_user_ids_and_session_ids_are_disjoint() -> None:
    world = World()
    people = [world.person(f"n{number}", "#tea") for number in range(5)]
    state = world.hub.state
    users: set[object] = set(state.users)
    sessions: set[object] = set(world.hub.sessions)
    assert len(users) == len(sessions) == len(people)
    assert users.isdisjoint(sessions)
    assert set(state.by_session) == set(world.hub.sessions)
    assert set(state.rooms["#tea"].members) == set(state.users)
    assert [state.by_session[each.session.id] is each.user for each in people] == [True] * 5


def test_deliveries_name_users_and_sessions_by_their_own_types() -> None:
    """A field that held any number would take either."""
    meant = {
        **dict.fromkeys(("user",), (UserId,)),
        **dict.fromkeys(("users",), (Sequence[UserId], tuple[UserId, ...])),
        **dict.fromkeys(("session", "sender", "actor"), (SessionId,)),
        **dict.fromkeys(("to", "but"), (Recipient,)),
        "departed_sessions": (Sequence[SessionId],),
    }
    for kind in d.Delivery.__subclasses__():
        hints = get_type_hints(kind)
        for name, hint in hints.items():
            if name in meant:
                assert hint in meant[name], f"{kind.__name__}.{name}"
            elif name not in {"needs", "since", "entry", "seq"}:
                assert hint is not int, f"{kind.__name__}.{name}"
                assert int not in get_args(hint), f"{kind.__name__}.{name}"
    assert get_type_hints(p.Proposal)["session"] is SessionId


def test_id_of_the_other_kind_finds_nothing() -> None:
    """The type checker reports each of these, too: it would also report a comment that ignores no error."""
    world = World()
    ann = world.person("ann", "#tea").send("MODE #tea +s")
    state, room, user, session = world.hub.state, world.hub.state.rooms["#tea"], ann.user.id, ann.session.id
    assert state.user_of(user) is None  # type: ignore[arg-type]
    assert state.users.get(session) is None  # type: ignore[call-overload]
    assert world.hub.sessions.get(user) is None  # type: ignore[call-overload]
    assert room.members.get(session) is None  # type: ignore[call-overload]
    assert not room.known_to(session)  # type: ignore[arg-type]
    assert state.known_room("#tea", session) is None  # type: ignore[arg-type]
    assert user != session  # type: ignore[comparison-overlap]
    d.ToUsers((session,), Message("PING"), d.Stamp(0))  # type: ignore[arg-type]
    d.SessionClosed(user, "bye")  # type: ignore[arg-type]
    p.Join(user, "", ("#tea",))  # type: ignore[arg-type]
    assert room.known_to(user)


def test_short_visit_ends_with_its_session_and_names_the_user_of_that() -> None:
    """The next session with the same number visits nothing, and the other sessions of the user do not either."""
    world = a_world()
    add(world, "ann")
    enter(world, "bob", "").send("JOIN #tea")
    visitor = enter(world, "ann", "sesame", caps="chatctl/transient").send("JOIN #tea")
    state, room, user = world.hub.state, world.hub.state.rooms["#tea"], visitor.user
    assert room.short_visits == {visitor.session.id: ShortVisit(user.id, hears=False)}
    assert state.short_visits.of(user.id) == {}  # type: ignore[arg-type]
    second = enter(world, "ann", "sesame")
    assert second.user is user
    assert state.short_visits.of(second.session.id) == {}
    world.gone(visitor)
    assert not room.short_visits
    world._ids = visitor.session.id - 1
    again = enter(world, "eve", "")
    assert again.session.id == visitor.session.id
    assert again.session.id not in state.short_visits
    assert not room.short_visits


class TestSeveralSessions:
    """Ann has had two sessions, and the first has ended."""

    def two(self) -> tuple[World, Person, Person]:
        world = a_world()
        add(world, "ann")
        first = enter(world, "ann", "sesame", caps="message-tags").send("JOIN #tea").forget()
        second = enter(world, "ann", "sesame", caps="message-tags").forget()
        return world, first, second

    def one_left(self) -> tuple[World, Person, Person]:
        world, first, second = self.two()
        world.gone(first)
        return world, first, second.forget()

    def test_ended_session_belongs_to_no_user(self) -> None:
        world, first, second = self.one_left()
        assert world.hub.state.user_of(first.session.id) is None
        assert world.hub.state.user_of(second.session.id) is not None

    def test_user_is_reached_by_the_remaining_session(self) -> None:
        world, _, second = self.one_left()
        bob = world.person("bob", "#tea", "#other")
        bob.send("PRIVMSG ann :hi", "INVITE ann #other", "NICK robert")
        assert second.commands() == ["PRIVMSG", "INVITE", "NICK"]
        world.gone(second)
        assert "QUIT" in bob.commands()
        assert (*world.hub._by_user._single, *world.hub._by_user._several) == (bob.user.id,)

    def test_remaining_session_is_probed_when_another_client_wants_the_name(self) -> None:
        """The advice before registration asked for the first session, whether or not it was there."""
        world, _, second = self.one_left()
        world.order.propose(p.RemoveAccount(NO_SESSION, "", "ann", "control"))
        assert world.connect().send("NICK ann").commands() == ["433"]
        assert world.hub.probes == [second.session.id]

    def test_proposal_of_an_ended_session_is_not_taken_for_the_servers(self) -> None:
        """Session 0 is the server's operator: what an ended session asked for must not become theirs."""
        world, first, _ = self.one_left()
        change = p.ChangeRules(first.session.id, "", {"max_rooms": 7}, (), "")
        outcome = apply(world.hub.state, p.Entry(1000, world.now, "boot", change))
        assert world.hub.state.rules.max_rooms != 7
        assert outcome.deliveries == []

    def test_no_session_of_a_user_sees_the_user_return_with_another_host(self) -> None:
        """Clients without chghost are shown QUIT and JOIN, but of others only."""
        world, first, second = self.two()
        root, bob = world.person("root"), world.person("bob", "#tea")
        root.user.operator = "root"
        for person in (first, second):
            person.forget()
        root.send("CHGHOST ann new.example")
        assert [person.commands() for person in (first, second, bob)] == [[], [], ["QUIT", "JOIN", "MODE"]]


def test_sessions_by_user_forgets_a_session_that_ends() -> None:
    by_user = SessionsByUser()
    ann, bob = UserId("boot-1"), UserId("boot-2")
    one, two, three, stranger = (Session(SessionId(id), "192.0.2.1", "host", 0) for id in range(1, 5))
    for session, user in ((one, ann), (two, ann), (three, bob)):
        by_user.add(session, user)
    by_user.remove(stranger)
    assert list(by_user.of_all((bob, UserId("elsewhere"), ann))) == [three, one, two]
    by_user.remove(one)
    by_user.remove(three)
    assert (by_user.of(ann), by_user.of(bob)) == ((two,), ())
    assert list(by_user.of_all((ann, bob))) == [two, None]
