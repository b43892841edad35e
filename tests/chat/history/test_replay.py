"""Replay on join shows the messages of the user's absence from the room, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.order import LocalOrder
from chatctl.chat.model import replay_positions
from chatctl.chat.model.accounts import Record
from chatctl.chat.model.ids import NO_SESSION
from tests.chat.accounts import a_world, add, enter, plain, rules
from tests.chat.world import HeldJournal, Person, World

CAPS = "server-time"
HOUR = 3_600_000


def guest(world: World, nick: str = "bob", address: str = "10.0.0.7", *lines: str) -> Person:
    """A guest whose client has server-time and not chathistory."""
    return world.connect(address).send(f"CAP REQ :{CAPS}", *lines, f"NICK {nick}", "USER u 0 * :r", "CAP END")


def replayed(person: Person, room: str = "#tea") -> list[str]:
    """Return the messages that joining `room` replays."""
    person.forget().send(f"JOIN {room}")
    return [message.params[1] for message in person.read() if message.command == "PRIVMSG"]


def spoken(world: World) -> tuple[World, Person]:
    """A world in which Ann says things in #tea."""
    ann = world.person("ann", "#tea")
    ann.send("PRIVMSG #tea :before")
    return world, ann


LEAVE: dict[str, Callable[[Person, Person], object]] = {
    "part": lambda bob, ann: bob.send("PART #tea", "QUIT"),
    "quit": lambda bob, ann: bob.send("QUIT"),
    "lost": lambda bob, ann: bob.world.gone(bob),
    "kick": lambda bob, ann: (ann.send("KICK #tea bob"), bob.send("QUIT")),
}


@pytest.mark.parametrize("how", LEAVE)
def test_returning_guest_is_replayed_what_came_after_leaving(how: str) -> None:
    world, ann = spoken(World())
    bob = guest(world)
    assert replayed(bob) == ["before"]
    ann.send("PRIVMSG #tea :heard")
    LEAVE[how](bob, ann)
    bob = guest(world)
    assert replayed(bob) == []
    LEAVE[how](bob, ann)
    ann.send("PRIVMSG #tea :missed")
    assert replayed(guest(world)) == ["missed"]


def test_each_room_has_its_own_position() -> None:
    world, ann = spoken(World())
    ann.send("JOIN #two", "PRIVMSG #two :there")
    bob = guest(world)
    assert replayed(bob) == ["before"]
    bob.send("PART #tea")
    assert replayed(bob, "#two") == ["there"]
    ann.send("PRIVMSG #tea :missed")
    assert replayed(bob) == ["missed"]


@pytest.mark.parametrize(
    ("nick", "address", "hours"), [("bert", "10.0.0.7", 1), ("bob", "10.0.0.8", 1), ("bob", "10.0.0.7", 25)]
)
def test_unknown_guest_is_replayed_the_last_messages(nick: str, address: str, hours: int) -> None:
    world, _ = spoken(World())
    guest(world).send("JOIN #tea", "QUIT")
    world.now += hours * HOUR
    assert replayed(guest(world, nick, address)) == ["before"]


def test_guest_is_recognised_by_the_resume_token_under_another_name() -> None:
    world, ann = spoken(World())
    token = ("CAP REQ :chatctl/resume", "RESUME secret instance")
    guest(world, "bob", "10.0.0.7", *token).send("JOIN #tea", "QUIT")
    ann.send("PRIVMSG #tea :missed")
    assert replayed(guest(world, "bert", "10.0.0.8", *token)) == ["missed"]


def account(world: World, address: str = "10.0.0.7") -> Person:
    """A session of the account bob, of a client that has server-time and not chathistory."""
    person = world.connect(address).send("CAP LS 302", "NICK bob", "USER u 0 * :r", f"CAP REQ :sasl {CAPS}")
    return person.send("AUTHENTICATE PLAIN", plain("bob", "sesame"), "CAP END")


def test_account_is_recognised_from_anywhere_and_after_any_time() -> None:
    world, ann = spoken(a_world())
    add(world, "bob")
    bob = account(world)
    assert replayed(bob) == ["before"]
    world.gone(bob)
    world.now += 100 * HOUR
    ann.send("PRIVMSG #tea :missed")
    assert replayed(account(world, "10.0.0.8")) == ["missed"]


def test_second_session_is_replayed_what_came_after_the_last_one_ended() -> None:
    world, ann = spoken(a_world())
    add(world, "bob")
    account(world).send("JOIN #tea")
    second = account(world)
    assert [m.params[1] for m in second.read() if m.command == "PRIVMSG"] == ["before"]
    second.send("QUIT")
    ann.send("PRIVMSG #tea :missed")
    third = account(world)
    assert [m.params[1] for m in third.read() if m.command == "PRIVMSG"] == ["missed"]


def test_account_that_logs_in_after_joining_is_recognised_as_the_guest_it_joins_as() -> None:
    world, ann = spoken(a_world())
    add(world, "bob")
    client = ("CAP LS 302", f"CAP REQ :{CAPS}", "NICK bobby", "USER u 0 * :r", "CAP END", "JOIN #tea")
    bob = world.connect().send(*client, "PRIVMSG NickServ :IDENTIFY bob sesame")
    assert bob.one("900")
    bob.send("QUIT")
    ann.send("PRIVMSG #tea :missed")
    bob = world.connect().send(*client)
    assert [m.params[1] for m in bob.read() if m.command == "PRIVMSG"] == ["missed"]


def test_messages_to_a_silent_connection_are_replayed_since_they_may_not_have_arrived() -> None:
    world, ann = spoken(World())
    bob = guest(world).send("JOIN #tea")
    world.now += 1000
    ann.send("PRIVMSG #tea :unread")
    world.now += 180_000
    world.hub.disconnect(bob.session, "No answer for 180 seconds", 180_500)
    world.tick()
    assert replayed(guest(world)) == ["unread"]


def test_position_follows_a_renamed_room() -> None:
    world, ann = spoken(a_world())
    add(world, "eve")
    guest(world).send("JOIN #tea", "QUIT")
    eve = enter(world, "eve", "sesame", caps=CAPS).send("JOIN #tea", "QUIT")
    away = enter(world, "eve", "sesame", caps=CAPS).send("JOIN #tea")
    ann.send("RENAME #tea #coffee", "PRIVMSG #coffee :renamed")
    assert away.send("QUIT").session.closing
    assert eve.session.closing
    assert replayed(guest(world), "#coffee") == ["renamed"]
    assert replayed(enter(world, "eve", "sesame", caps=CAPS), "#coffee") == []


class Disk(HeldJournal):
    """A journal that a server can be started with again. Every commit ends at once."""

    def records(self) -> Sequence[Record]:
        return [record for record in self.kept.values() if record is not None]

    def last_seq(self) -> int:
        return max((fact.seq for fact in self.facts), default=0)

    def last_time(self) -> int:
        return max((fact.time for fact in self.facts), default=0)


def started(disk: Disk, *, now: int) -> World:
    """Restart the server with the stored data, as after a crash: no session left."""
    disk._listener = None
    world = World(rules(), LocalOrder(lambda: now, f"boot{now}", disk.last_seq()), disk)
    world.now = now
    return world


def commit(world: World) -> None:
    journal = world.journal
    assert isinstance(journal, Disk)
    for _ in range(3):
        journal.commit()
        world.tick()


def test_account_in_a_room_at_a_crash_is_replayed_what_came_after() -> None:
    disk = Disk()
    world = World(rules(), journal=disk)
    add(world, "bob")
    commit(world)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea", "PRIVMSG #tea :before")
    commit(world)
    bob = account(world).send("JOIN #tea")
    commit(world)
    ann.send("PRIVMSG #tea :heard")
    commit(world)
    assert "heard" in str(bob.read())

    world = started(disk, now=world.now + HOUR)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea", "PRIVMSG #tea :missed")
    commit(world)

    world = started(disk, now=world.now + HOUR)
    bob = account(world).forget().send("JOIN #tea")
    commit(world)
    assert [m.params[1] for m in bob.read() if m.command == "PRIVMSG"] == ["missed"]


def test_positions_of_guests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_positions, "MAX_GUESTS", 3)
    world, _ = spoken(World())
    for number in range(4):
        guest(world, f"bob{number}").send("JOIN #tea", "QUIT")
    assert replayed(guest(world, "bob0")) == ["before"]
    assert replayed(guest(world, "bob3")) == []


def test_removed_account_leaves_no_positions() -> None:
    world, _ = spoken(a_world())
    add(world, "bob")
    account(world).send("JOIN #tea", "QUIT")
    assert len(world.hub.state.accounts.visits()) == 1
    world.order.propose(p.RemoveAccount(NO_SESSION, "", "bob", "control"))
    world.tick()
    assert world.hub.state.accounts.visits() == []


STEPS = st.lists(st.tuples(st.sampled_from(["enter", "leave", "detach", "rename"]), st.integers(0, 120)), max_size=300)


@given(STEPS)
def test_visits_of_an_account_are_bounded(steps: list[tuple[str, int]]) -> None:
    found = replay_positions.ReplayPositions("account x", {})
    for time, (what, number) in enumerate(steps):
        room = f"#{number}"
        if what == "enter":
            found = found.entering(room)
        elif what == "rename":
            found = found.renamed(room, "#new") if "#new" not in found.inside else found
        else:
            found = found.leaving((room,), time, stays=what == "detach")
            assert found.left[room] == time
        assert len(found.left) <= replay_positions.MAX_ROOMS
        assert len(set(found.inside)) == len(found.inside)


def test_position_in_an_earlier_room_does_not_hide_messages_of_a_room_renamed_to_it() -> None:
    account = replay_positions.ReplayPositions("account 1", {"#old": 5, "#new": 9})
    assert account.renamed("#den", "#new").left == {"#old": 5}
    assert account.renamed("#old", "#new").left == {"#new": 5}
    guests = replay_positions.GuestPositions()
    guests.put("guest ann host", ["#new"], 9, 10)
    guests.rename("#den", "#new")
    assert guests.position("guest ann host", "#new", 10) == 0
