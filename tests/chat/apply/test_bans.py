"""Bans: by name, account and address, for a while or for good, kept."""

from __future__ import annotations

import ipaddress
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.server_bans import Ban, Bans, ban_key
from tests.chat.world import Person, World

Answers = list[tuple[bool, str]]


def ask(world: World, proposal: p.Proposal) -> tuple[bool, str]:
    answers: Answers = []
    world.hub.admin_requests.ask(proposal, lambda done, text: answers.append((done, text)))
    world.tick()
    (answer,) = answers
    return answer


def ban(world: World, target: str, seconds: int = 0, reason: str = "", *, account: bool = False) -> tuple[bool, str]:
    return ask(world, p.AddBan(NO_SESSION, "", target, account, reason, seconds))


def entering(world: World, nick: str, address: str = "192.0.2.7") -> Person:
    return world.connect(address).send(f"NICK {nick}", "USER u 0 * :r")


def is_in(person: Person) -> bool:
    return any(message.command == "001" for message in person.read())


def test_name_ban_disconnects_its_user_and_refuses_the_name() -> None:
    world = World()
    ann, bob = world.person("Ann", "#lobby"), world.person("bob", "#lobby")
    assert ban(world, "ann", reason="enough") == (True, "ann is banned")
    assert ann.lines()[-2:] == [
        ":chatctl.local 465 Ann :You are banned from this server: enough",
        "ERROR :Banned: enough",
    ]
    assert bob.one("QUIT").params == ["Banned: enough"]
    refused = entering(world, "ANN")
    assert "may not be used here (enough)" in refused.one("433").params[-1]
    bob.send("NICK ann")
    assert "may not be used here" in bob.one("433").params[-1]
    assert ask(world, p.RemoveBan(NO_SESSION, "", "Ann", False)) == (True, "Ann is not banned any more")
    assert is_in(entering(world, "ann"))


def test_address_ban_ends_all_its_sessions() -> None:
    world = World()
    far = [entering(world, "one"), entering(world, "two"), world.connect("192.0.2.9")]
    near = entering(world, "near", "198.51.100.1").send("JOIN #lobby")
    far[0].send("JOIN #lobby")
    assert ban(world, "192.0.2.0/24", reason="spam")[0]
    for person, called in zip(far, ("one", "two", "*"), strict=True):
        *_, said, last = person.lines()
        assert said == f":chatctl.local 465 {called} :You are banned from this server: spam"
        assert last == "ERROR :Banned: spam"
    assert near.session.registered
    assert near.one("QUIT").params == ["Banned: spam"]
    away = [fields for event, fields in world.log.events if event == "turned away"]
    assert [fields["address"] for fields in away] == ["192.0.2.7", "192.0.2.7", "192.0.2.9"]
    assert {fields["ban"] for fields in away} == {"192.0.2.0/24"}
    assert world.hub.ban_sentence("192.0.2.200") == "You are banned from this server: spam"
    assert world.hub.ban_sentence("192.0.3.1") == ""


def test_ipv6_ban_covers_its_network() -> None:
    assert ban_key("2001:db8::1")[1] == "2001:db8::/64"
    assert ban_key("2001:db8::1/128")[1] == "2001:db8::1/128"
    assert ban_key("192.0.2.7")[1] == "192.0.2.7/32"


def test_link_local_address_is_banned_alone() -> None:
    """All neighbours on a link share its network, so a ban of that would be a ban of all of them."""
    for typed in ("fe80::1", "FE80:0::1", "fe80::1%eth0"):
        assert ban_key(typed)[1] == "fe80::1/128"
    assert ban_key("fe80::1/64")[1] == ban_key("fe80::1%eth0/64")[1] == "fe80::/64"
    world = World()
    assert ban(world, "fe80::1")[0]
    assert world.hub.ban_sentence("fe80::1")
    assert world.hub.ban_sentence("fe80::2") == ""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:c000:207", "192.0.2.7/32"),
        ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/64", "::/64"),
        ("::ffff:0:192.0.2.7", "::/64"),  # another block, not IPv4-mapped (RFC 2765)
    ],
)
def test_mapped_ipv4_address_is_banned_as_ipv4(typed: str, meant: str) -> None:
    assert ban_key(typed)[1] == meant


@pytest.mark.parametrize(
    "typed", ["192.0.2.7/33", "192.0.2.0/99", "192.0.2", "10.0.0.01", "2001:db8::1::", "[2001:db8::1]", "1.2.3.4:5"]
)
def test_invalid_address_is_reported_as_one(typed: str) -> None:
    with pytest.raises(ValueError, match=r"is not a valid address or network, such as"):
        ban_key(typed)


def test_temporary_ban_expires_and_is_removed() -> None:
    world = World()
    ban(world, "ann", 60)
    world.now += 59_999
    assert not is_in(entering(world, "ann"))
    world.now += 1
    assert is_in(entering(world, "ann"))
    ban(world, "other")
    assert [item.target for item in world.hub.state.accounts.bans] == ["other"]


def test_disconnect_is_not_a_ban() -> None:
    world = World()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    assert ask(world, p.DisconnectUser(NO_SESSION, "", "ANN", "calm down")) == (True, "ann is gone")
    assert ann.lines()[-1] == "ERROR :Sent away: calm down"
    assert bob.one("QUIT").nick == "ann"
    assert is_in(entering(world, "ann"))
    assert ask(world, p.DisconnectUser(NO_SESSION, "", "zoe", ""))[0] is False


@pytest.mark.parametrize("target", ["", "a b", "1up", "#lobby"])
def test_impossible_ban_is_refused(target: str) -> None:
    done, text = ban(World(), target)
    assert not done
    assert "is not a valid address, network or name" in text


def test_removal_of_a_missing_ban_is_refused() -> None:
    assert ask(World(), p.RemoveBan(NO_SESSION, "", "ann", False)) == (False, "ann is not banned")


def test_banned_user_reads_the_end_of_the_ban() -> None:
    world = World()
    ann = world.person("ann")
    assert ban(world, "ann", 90, "calm down")[0]
    assert ann.one("465").params[-1] == "You are banned from this server until 2023-11-14 22:14:50 UTC: calm down"
    assert (
        "may not be used here until 2023-11-14 22:14:50 UTC (calm down)" in entering(world, "ann").one("433").params[-1]
    )


def with_account(world: World, nick: str, account: str = "robert", password: str = "sesame") -> Person:
    person = world.connect("192.0.2.7")
    person.send("CAP REQ :sasl draft/account-registration", f"NICK {nick}", "AUTHENTICATE PLAIN")
    person.send("AUTHENTICATE " + b64encode(f"\0{account}\0{password}".encode()).decode())
    return person


@pytest.fixture
def robert() -> World:
    """A world with the account robert."""
    world = World()
    world.person("robert").send("PRIVMSG NickServ :REGISTER sesame", "QUIT")
    return world


def test_account_ban_ends_all_its_sessions(robert: World) -> None:
    people = [with_account(robert, nick).send("USER u 0 * :r", "CAP END") for nick in ("robert", "robert", "rob")]
    other = robert.person("other", "#lobby")
    people[0].send("JOIN #lobby")
    assert all(person.session.registered for person in people)
    other.forget()
    assert ban(robert, "Robert", reason="spam", account=True) == (True, "Robert is banned")
    for person in people:
        assert [message.command for message in person.read()][-2:] == ["465", "ERROR"]
    assert other.one("QUIT").params == ["Banned: spam"]
    assert [user.nick for user in robert.hub.state.users.values()] == ["other"]


@pytest.mark.e2e
def test_banned_account_cannot_log_in(robert: World) -> None:
    early = with_account(robert, "early")  # logged in, but not registered yet
    assert "903" in early.commands()
    assert ban(robert, "robert", 60, "spam", account=True)[0]
    refused = with_account(robert, "late").one("904")
    assert "You are banned from this server until" in refused.params[-1]
    assert [message.command for message in early.send("USER u 0 * :r", "CAP END").read()][-2:] == ["465", "ERROR"]
    other = entering(robert, "other").forget().send("PRIVMSG NickServ :IDENTIFY robert sesame")
    assert "You are banned" in other.one("NOTICE").params[-1]
    robert.now += 60_000
    assert "903" in with_account(robert, "again").commands()


@pytest.mark.e2e
@given(
    st.lists(st.tuples(st.ip_addresses(v=4), st.integers(8, 32)), max_size=8),
    st.lists(
        st.tuples(st.ip_addresses(v=6).filter(lambda at: int(at) >> 32 != 0xFFFF), st.integers(16, 128)), max_size=8
    ),
    st.data(),
)
def test_address_matches_every_banned_network_it_is_in(
    four: list[tuple[ipaddress.IPv4Address, int]], six: list[tuple[ipaddress.IPv6Address, int]], data: st.DataObject
) -> None:
    networks = [ipaddress.ip_network(f"{at}/{length}", strict=False) for at, length in (*four, *six)]
    bans = Bans()
    for network in networks:
        bans.put(Ban(ban_key(str(network))[0], str(network), "", 0))
    gone = data.draw(st.sets(st.sampled_from(networks)) if networks else st.just(set()))
    for network in gone:
        ban = bans.get(ban_key(str(network))[0])
        assert ban is not None
        bans.drop(ban)
    tried = data.draw(st.lists(st.ip_addresses(), max_size=3))
    for address in [*tried, *(network[-1] for network in networks)]:
        held = any(address in network for network in networks if network not in gone)
        assert (bans.of_address(str(address), 1) is not None) is held
    assert bans.of_address("fe80::1%eth0", 1) is None or networks


def test_number_of_bans_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, held in ((2, True), (1000, False)):
        monkeypatch.setattr("chatctl.chat.apply.bans.MAX_BANS", most)
        world = World()
        assert ban(world, "one", 60)[0]
        assert ban(world, "two")[0]
        assert ban(world, "three")[0] is not held
        assert ban(world, "TWO")[0], "a repeated ban is the same ban"
        world.now += 60_000
        assert ban(world, "three")[0], "one that has expired makes place"


def test_log_names_who_made_the_ban() -> None:
    """A session by its number; through the control socket, or by a signal, it was the operator of the machine."""
    world = World()
    ann = world.person("ann").send("PRIVMSG NickServ :REGISTER sesame")
    ban(world, "bob")
    ask(world, p.RemoveBan(NO_SESSION, "", "bob", False))
    ask(world, p.ChangeAccount(NO_SESSION, "", "ann", "control", operator=True))
    world.hub.reread_settings()
    world.tick()
    ask(world, p.DisconnectUser(NO_SESSION, "", "ann", ""))
    fields = dict(world.log.events)
    assert fields["account added"]["session"] == ann.session.id
    for event in ("banned", "ban taken back", "account changed", "settings read again", "sent away"):
        assert fields[event].items() >= {"by": "the operator of the machine"}.items()
        assert "session" not in fields[event]
