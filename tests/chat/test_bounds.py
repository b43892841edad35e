"""What the chat keeps for somebody is bounded. Each bound is seen to be what holds: without it, it does not."""

from __future__ import annotations

import pytest

from chatctl.chat.pace import Pace
from tests.chat.world import HeldJournal, World

OFF = 10**9


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
def test_names_one_watches(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ircv3.net/specs/extensions/monitor, "ERR_MONLISTFULL (734)"."""
    monkeypatch.setattr("chatctl.chat.watches.MOST", limit)
    ann = World().person("ann")
    full = [message for message in ann.send("MONITOR + a,b,c,d").read() if message.command == "734"]
    assert bool(full) is held
    assert ann.send("MONITOR L").one("732").params[1] == ("a,b,c" if held else "a,b,c,d")


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
def test_rooms_one_is_invited_to(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest invitation is forgotten."""
    monkeypatch.setattr("chatctl.chat.apply.membership.MOST_INVITATIONS", limit)
    world = World()
    ann, bob = world.person("ann"), world.person("bob")
    for number in range(4):
        ann.send(f"JOIN #r{number}", f"MODE #r{number} +i", f"INVITE bob #r{number}")
    assert bob.forget().send("JOIN #r0").commands()[0] == ("473" if held else "JOIN")
    assert bob.forget().send("JOIN #r3").commands()[0] == "JOIN"


@pytest.mark.parametrize(("limit", "held"), [(5000, True), (OFF, False)])
def test_bytes_that_wait_for_the_disk(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound nothing new is taken; what was taken is still shown when it is kept."""
    monkeypatch.setattr("chatctl.chat.keeping.MOST_PARKED", limit)
    journal = HeldJournal()
    world = World(journal=journal)
    ann, bob = world.person("ann"), world.person("bob")
    for person in (ann, bob):
        person.send("JOIN #lobby")
    journal.commit()
    world.tick()
    ann.forget()
    bob.forget()
    for number in range(50):
        ann.send(f"PRIVMSG #lobby :{number} {'x' * 400}")
    assert (world.hub.fanout.parked_bytes < 50 * 400) is held
    journal.commit()
    world.tick()
    heard = sum(message.command == "PRIVMSG" for message in bob.read())
    refused = sum(message.command == "FAIL" and message.params[1] == "NOT_STORED" for message in ann.read())
    assert heard + refused == 50
    assert (refused > 0) is held
    ann.send("PRIVMSG #lobby :again")
    journal.commit()
    world.tick()
    assert bob.one("PRIVMSG").params[1] == "again"


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("line", ["PING t", "PONG t", "NONSENSE"])
def test_lines_of_any_kind(line: str, held: bool) -> None:
    """Whatever somebody sends, it is read no faster than some hundreds of lines a second."""
    world = World(pace=Pace(10) if held else None)
    ann = world.person("ann")
    world.hub.receive(ann.session, [line] * 2000)
    world.tick()
    waiting = len(ann.session.inbox)
    assert (waiting > 1000) is held
    if held:
        world.now += 1000
        world.tick()
        assert 0 < waiting - len(ann.session.inbox) < 300
