"""Limits of stored data per user. Each test also shows that without the limit it would fail."""

from __future__ import annotations

import pytest

from chatctl.chat.commands.login_throttle import ACCOUNT_INTERVAL_MS
from chatctl.chat.engine.rate_limit import RateLimiter
from tests.chat.accounts import a_world, account_of, add, invite
from tests.chat.world import HeldJournal, World

OFF = 10**9


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
def test_monitor_list_is_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ircv3.net/specs/extensions/monitor, "ERR_MONLISTFULL (734)"."""
    monkeypatch.setattr("chatctl.chat.commands.monitor_list.MAX_TARGETS", limit)
    ann = World().person("ann")
    full = [message for message in ann.send("MONITOR + a,b,c,d").read() if message.command == "734"]
    assert bool(full) is held
    assert ann.send("MONITOR L").one("732").params[1] == ("a,b,c" if held else "a,b,c,d")


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
def test_invitations_of_a_user_are_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest invitation is forgotten."""
    monkeypatch.setattr("chatctl.chat.apply.membership.MAX_INVITATIONS", limit)
    world = World()
    ann, bob = world.person("ann"), world.person("bob")
    for number in range(4):
        ann.send(f"JOIN #r{number}", f"MODE #r{number} +i", f"INVITE bob #r{number}")
    assert bob.forget().send("JOIN #r0").commands()[0] == ("473" if held else "JOIN")
    assert bob.forget().send("JOIN #r3").commands()[0] == "JOIN"


@pytest.mark.parametrize(("limit", "held"), [(5000, True), (OFF, False)])
def test_parked_bytes_are_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit new messages are refused; accepted ones are shown once they are stored."""
    monkeypatch.setattr("chatctl.chat.engine.commit_gate.MAX_PARKED_BYTES", limit)
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
def test_output_lines_of_every_command_are_bounded(line: str, held: bool) -> None:
    """However much a session sends, it is read at some hundreds of lines a second at most."""
    world = World(rate_limiter=RateLimiter(10) if held else None)
    ann = world.person("ann")
    world.hub.receive(ann.session, [line] * 2000)
    world.tick()
    waiting = len(ann.session.inbox)
    assert (waiting > 1000) is held
    if held:
        world.now += 1000
        world.tick()
        assert 0 < waiting - len(ann.session.inbox) < 300


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
def test_empty_rooms_are_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who sets rooms up and leaves them fills neither memory nor disk: the one empty for longest is dropped."""
    monkeypatch.setattr("chatctl.chat.model.state.MAX_EMPTY_ROOMS", limit)
    journal = HeldJournal()
    world = World(journal=journal)
    bob = world.person("bob")

    def lasting() -> list[str]:
        journal.commit()
        world.tick()
        assert sorted(journal.stored) == sorted(key for key in world.hub.state.rooms if key != "#lobby")
        return sorted(journal.stored)

    ann = world.connect().send("NICK ann", "USER u 0 * :r", "PRIVMSG NickServ :REGISTER sesame")
    journal.commit()
    world.tick()
    ann.send("JOIN #hers", "PART #hers")
    for number in range(4):
        bob.send(f"JOIN #r{number}", f"TOPIC #r{number} :mine", f"PART #r{number}")
    kept = ["#r1", "#r2", "#r3"] if held else ["#r0", "#r1", "#r2", "#r3"]
    assert lasting() == ["#hers", *kept], "that of an account stays"
    bob.send("JOIN #r1")  # a member keeps it from being empty
    bob.send("JOIN #r4", "TOPIC #r4 :mine", "PART #r4", "JOIN #r5", "TOPIC #r5 :mine", "PART #r5")
    kept = ["#r1", "#r3", "#r4", "#r5"] if held else [f"#r{number}" for number in range(6)]
    assert lasting() == ["#hers", *kept]
    # After a restart the same ones are there, and the bound as well.
    again = World()
    for record in journal.stored.values():
        again.hub.state.restore(record)
    again.person("eve").send("JOIN #new", "MODE #new +b x", "PART #new", "JOIN #r1", "PART #r1")
    assert (len(again.hub.state.rooms) <= len(["#lobby", "#hers"]) + limit) is True
    assert ("#new" in again.hub.state.rooms) is True


@pytest.mark.parametrize(("limit", "held"), [(3, True), (OFF, False)])
@pytest.mark.parametrize("before", [True, False])
def test_accounts_made_from_an_address_are_bounded(
    limit: int, held: bool, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An IPv6 network is one; this computer is exempt; an invitation is worth an account whatever was made before."""
    monkeypatch.setattr("chatctl.chat.commands.login_throttle.ACCOUNT_BURST", limit)
    world = a_world()

    def makes(name: str, address: str, token: str = "") -> bool:
        person = world.connect(address).send("CAP LS 302", *([f"REDEEM {token}"] if token else []), f"NICK {name}")
        register = f"REGISTER {name} * sesame-seed"
        person.send(*((register,) if before else ("USER u 0 * :r", "CAP END", register)))
        person.forget()
        return world.hub.state.accounts.named(name) is not None

    for kind, address in (("four", "192.0.2.7"), ("six", "2001:db8::{}")):
        made = [makes(f"{kind}{number}", address.format(number)) for number in range(5)]
        assert made == [True] * 3 + [not held] * 2
    assert makes("other", "192.0.2.8")
    assert all(makes(f"here{number}", "127.0.0.1") for number in range(5))
    invite(world)
    assert makes("guest", "192.0.2.7", "token")
    world.now += ACCOUNT_INTERVAL_MS
    assert makes("later", "192.0.2.7")


@pytest.mark.parametrize(("limit", "held"), [(2, True), (OFF, False)])
def test_accounts_are_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator can make more."""
    monkeypatch.setattr("chatctl.chat.apply.accounts.MAX_ACCOUNTS", limit)
    world = a_world()
    people = [world.person(f"n{number}").send("PRIVMSG NickServ :REGISTER sesame") for number in range(3)]
    assert [bool(account_of(world, person)) for person in people] == [True, True, not held]
    people[0].send("PRIVMSG NickServ :DROP n0 sesame")
    add(world, "ann")
    assert world.hub.state.accounts.named("ann") is not None


@pytest.mark.parametrize(("limit", "held"), [(2, True), (OFF, False)])
def test_rooms_of_an_account_are_bounded(limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is a room like those of people without an account."""
    monkeypatch.setattr("chatctl.chat.model.state.MAX_FOUNDED_ROOMS", limit)
    world = World()
    ann = world.person("ann").send("PRIVMSG NickServ :REGISTER sesame", "JOIN #a,#b,#c").forget()
    id = ann.user.account_id
    assert id
    assert [world.hub.state.rooms[key].founder for key in ("#a", "#b", "#c")] == [id, id, "" if held else id]
    assert ann.send("NAMES #c").one("353").params[-1] == "@ann"
