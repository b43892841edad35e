"""Modes of rooms: modern.ircdocs.horse, "Channel Modes", each test with its section."""

from __future__ import annotations

import pytest

from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.mask_lists import MAX_LIST_ENTRIES
from chatctl.chat.model.state import State
from tests.chat.world import HeldJournal, Person, World


def a_room(modes: str = "") -> tuple[World, Person, Person]:
    """Alice is the operator of #tea, bob is outside."""
    world = World()
    alice, bob = world.person("alice", "#tea"), world.person("bob")
    if modes:
        alice.send(f"MODE #tea {modes}")
        assert "MODE" in alice.commands(), modes
    return world, alice, bob


def test_key_is_required_to_join() -> None:
    """ "Key Channel Mode"."""
    world, alice, bob = a_room("+k beer")
    assert "key" in bob.send("JOIN #tea").one("475").params[2]
    assert bob.send("JOIN #tea wine").commands() == ["475"]
    assert bob.send("MODE #tea").one("324").params[2:] == ["+knt", "*"]
    assert bob.send("JOIN #other,#tea x,beer").commands().count("JOIN") == 2
    assert bob.send("MODE #tea").one("324").params[2:] == ["+knt", "beer"]
    assert alice.forget().send("MODE #tea -k anything").one("MODE").params == ["#tea", "-k", "*"]
    assert world.person("carol").send("JOIN #tea").commands()[0] == "JOIN"


@pytest.mark.parametrize("key", ["two words", "a,b", ":colon", "x" * 33, ""])
def test_invalid_key_is_refused(key: str) -> None:
    """ "If the value is invalid, they SHOULD return ERR_INVALIDMODEPARAM"."""
    _, alice, _ = a_room()
    assert alice.send(f"MODE #tea +k :{key}").one("696").params[1:4] == ["#tea", "k", "*"]


def test_limit_is_enforced() -> None:
    """ "Client Limit Channel Mode"."""
    _world, alice, bob = a_room("+l 1")
    assert "limit of 1" in bob.send("JOIN #tea").one("471").params[2]
    assert alice.forget().send("MODE #tea").one("324").params[2:] == ["+lnt", "1"]
    for word in ("0", "-1", "abc", ":", "99999999999"):
        assert alice.send(f"MODE #tea +l {word}").one("696").params[1:3] == ["#tea", "l"]
    assert alice.send("MODE #tea +l 2").one("MODE").params == ["#tea", "+l", "2"]
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"
    assert alice.forget().send("MODE #tea -l").one("MODE").params == ["#tea", "-l"]
    assert alice.send("MODE #tea -l").lines() == []


def test_invite_only_room_admits_invited_users() -> None:
    """ "Invite-Only Channel Mode", "Invite-Exception Channel Mode"."""
    _world, alice, bob = a_room("+i")
    assert bob.send("JOIN #tea").commands() == ["473"]
    alice.forget().send("INVITE bob #tea")
    assert alice.one("341").params == ["alice", "bob", "#tea"]
    assert bob.one("INVITE").params == ["bob", "#tea"]
    assert bob.send("INVITE").commands() == ["336", "337"]
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"
    assert bob.send("INVITE").commands() == ["337"]  # it was for one time
    bob.send("PART #tea").forget()
    assert bob.send("JOIN #tea").commands() == ["473"]
    alice.forget().send("MODE #tea +I b*b!*@*")
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"


def test_invitation_is_for_one_room_instance() -> None:
    world, alice, bob = a_room()
    alice.send("INVITE bob #tea", "PART #tea")
    bob.forget()
    world.now += 5000
    carol = world.person("carol", "#tea")
    carol.send("MODE #tea +i")
    assert bob.send("JOIN #tea").commands() == ["473"]


def test_invalid_invitation_is_refused() -> None:
    """ "INVITE message"."""
    world, alice, bob = a_room()
    assert alice.send("INVITE absent #tea").commands() == ["401"]
    assert alice.send("INVITE bob #nowhere").commands() == ["403"]
    assert bob.send("INVITE alice #tea").commands() == ["442"]
    assert alice.send("INVITE bob").commands() == ["461"]
    bob.send("JOIN #tea").forget()
    assert alice.forget().send("INVITE bob #tea").one("443").params[1:3] == ["bob", "#tea"]
    carol = world.person("carol")
    carol.send("AWAY :asleep").forget()
    assert bob.send("INVITE carol #tea").commands() == ["341", "301"]  # no operator is needed
    alice.send("MODE #tea +i")
    assert bob.forget().send("INVITE carol #tea").commands() == ["482"]


def test_ban_is_lifted_by_an_exception() -> None:
    """ "Ban Channel Mode", "Exception Channel Mode"."""
    _world, alice, bob = a_room("+b bob")
    assert bob.send("JOIN #tea").one("474").params[1] == "#tea"
    alice.forget().send("MODE #tea +e *!*@*")
    assert alice.one("MODE").params == ["#tea", "+e", "*!*@*"]
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"
    read = bob.send("MODE #tea b").read()
    assert [message.command for message in read] == ["367", "368"]
    assert read[0].params[1:3] == ["#tea", "bob!*@*"]
    assert read[0].params[3].startswith("alice!")
    assert int(read[0].params[4]) > 0
    assert bob.send("MODE #tea +e").commands() == ["482"]  # who is trusted is for operators
    assert alice.forget().send("MODE #tea eI").commands() == ["348", "349", "347"]
    assert alice.send("MODE #tea +b BOB!*@*").lines() == []  # it exists already
    assert alice.send("MODE #tea -b Bob").one("MODE").params == ["#tea", "-b", "bob!*@*"]


def test_banned_member_cannot_speak_without_voice() -> None:
    _world, alice, bob = a_room()
    bob.send("JOIN #tea").forget()
    alice.send("MODE #tea +b bob").forget()
    assert "banned" in bob.forget().send("PRIVMSG #tea :hey").one("404").params[2]
    assert bob.send("NOTICE #tea :hey").lines() == []  # a NOTICE is never answered
    alice.send("MODE #tea +v bob").forget()
    bob.forget().send("PRIVMSG #tea :hey")
    assert alice.one("PRIVMSG").params == ["#tea", "hey"]
    alice.send("MODE #tea -vb bob bob").forget()
    bob.forget().send("PRIVMSG #tea :free")
    assert alice.one("PRIVMSG").params == ["#tea", "free"]


def test_muted_user_can_join_but_not_speak_until_the_nick_changes() -> None:
    """EXTBAN ``m``."""
    _world, alice, bob = a_room("+b m:bob!*@*")
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"
    assert bob.forget().send("PRIVMSG #tea :hey").commands() == ["404"]
    bob.send("NICK robert", "PRIVMSG #tea :hey").forget()
    assert "PRIVMSG" in alice.commands()
    alice.send("MODE #tea +b m:robert", "MODE #tea +e m:robert").forget()
    bob.send("PRIVMSG #tea :excepted")
    assert alice.one("PRIVMSG").params[1] == "excepted"


def test_account_ban_of_a_room() -> None:
    """ircv3.net/specs/extensions/account-extban."""
    world, alice, bob = a_room("+b a:robert")
    bob.send("JOIN #tea").forget()
    bob.send("PRIVMSG #tea :hello")
    assert "PRIVMSG" in alice.commands()
    user = world.hub.state.user_named("bob")
    assert user is not None
    bob.send("PART #tea").forget()
    user.account = "Robert"
    assert bob.send("JOIN #tea").commands() == ["474"]


@pytest.mark.parametrize("letter", ["b", "e", "I"])
@pytest.mark.parametrize(("limit", "held"), [(MAX_LIST_ENTRIES, True), (1000, False)])
def test_full_mask_list_is_refused(letter: str, limit: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "ERR_BANLISTFULL (478)", MAXLIST."""
    monkeypatch.setattr("chatctl.chat.model.mask_lists.MAX_LIST_ENTRIES", limit)
    _, alice, _ = a_room()
    for number in range(MAX_LIST_ENTRIES):
        alice.send(f"MODE #tea +{letter} n{number}")
    answer = alice.forget().send(f"MODE #tea +{letter} another").read()
    assert [(m.command, m.params[1]) for m in answer] == [("478", "#tea") if held else ("MODE", f"+{letter}")]
    listed = {"b": "367", "e": "348", "I": "346"}[letter]
    assert alice.send(f"MODE #tea {letter}").commands().count(listed) == MAX_LIST_ENTRIES + (not held)
    alice.send(f"MODE #tea -{letter} n0").forget()
    assert alice.send(f"MODE #tea +{letter} another").commands() == (["MODE"] if held else [])


@pytest.mark.parametrize("mask", ["x" * 300, "a\u00a0b!" + "*" * 300])
def test_invalid_mask_is_refused(mask: str) -> None:
    _, alice, _ = a_room()
    assert alice.send(f"MODE #tea +b {mask[:350]}").commands() in (["696"], ["MODE"])
    assert len(alice.send("MODE #tea b").read()) <= 2


def test_moderated_room_needs_voice() -> None:
    """ "Moderated Channel Mode"."""
    world, alice, bob = a_room("+m")
    bob.send("JOIN #tea").forget()
    assert "+m" in bob.send("PRIVMSG #tea :hey").one("404").params[2]
    alice.send("MODE #tea +v bob").forget()
    bob.forget().send("PRIVMSG #tea :hey")
    assert alice.one("PRIVMSG").params[1] == "hey"
    alice.send("MODE #tea -n").forget()
    assert world.person("carol").send("PRIVMSG #tea :from outside").commands() == ["404"]


def test_secret_room_is_hidden_from_outsiders() -> None:
    """ "Secret Channel Mode"."""
    _world, alice, bob = a_room("+s")
    assert bob.send("LIST").commands() == ["321", "323"]
    assert bob.send("NAMES #tea").commands() == ["366"]
    assert bob.send("TOPIC #tea").commands() == ["403"]
    assert bob.send("MODE #tea").commands() == ["403"]
    assert bob.send("WHO #tea").commands() == ["315"]
    assert "319" not in bob.send("WHOIS alice").commands()
    assert alice.forget().send("NAMES #tea").one("353").params[1:3] == ["@", "#tea"]
    assert "322" in alice.send("LIST").commands()
    assert bob.send("JOIN #tea").one("353").params[1] == "@"
    assert "319" in bob.send("WHOIS alice").commands()


def test_registered_only_room_admits_accounts() -> None:
    """Modes R and M, as other servers have them."""
    world, alice, bob = a_room("+R")
    assert bob.send("JOIN #tea").commands() == ["477"]
    user = world.hub.state.user_named("bob")
    assert user is not None
    user.account = "bob"
    assert bob.send("JOIN #tea").commands()[0] == "JOIN"
    alice.send("MODE #tea -R+M").forget()
    carol = world.person("carol").send("JOIN #tea").forget()
    assert "with an account" in carol.send("PRIVMSG #tea :hey").one("404").params[2]
    bob.forget().send("PRIVMSG #tea :hey")
    assert carol.one("PRIVMSG").params[1] == "hey"


def test_ctcp_and_colours_can_be_blocked() -> None:
    """Modes C and c: refused, never changed on the way."""
    _, alice, bob = a_room("+Cc")
    bob.send("JOIN #tea").forget()
    assert "CTCP" in bob.send("PRIVMSG #tea :\x01VERSION\x01").one("404").params[2]
    assert "colours" in bob.send("PRIVMSG #tea :\x034red").one("404").params[2]
    alice.forget()
    bob.send("PRIVMSG #tea :\x01ACTION waves\x01", "PRIVMSG #tea :\x02bold\x02")
    assert [message.params[1] for message in alice.read()] == ["\x01ACTION waves\x01", "\x02bold\x02"]


def test_mode_string_with_and_without_parameters() -> None:
    """ "MODE message": letters take their parameters in order."""
    _, alice, bob = a_room()
    bob.send("JOIN #tea").forget()
    alice.forget().send("MODE #tea +ol-t+kv-n bob 5 key bob")
    assert alice.one("MODE").params == ["#tea", "+ol-t+kv-n", "bob", "5", "key", "bob"]
    assert alice.send("MODE #tea").one("324").params[2:] == ["+kl", "key", "5"]


def test_mode_string_of_500_letters_is_bounded() -> None:
    _, alice, _ = a_room()
    assert alice.send("MODE #tea +" + "ntmi" * 120).commands() == ["400"]
    assert set(alice.send("MODE #tea +" + "XYZ" * 150).commands()) == {"472"}
    assert len(alice.send("MODE #tea " + "+-" * 240).lines()) == 0


def test_trusted_lists_are_for_operators() -> None:
    _, _alice, bob = a_room()
    assert bob.send("MODE #tea +m").commands() == ["442"]
    bob.send("JOIN #tea").forget()
    for change in ("+m", "+k x", "+l 3", "+b x", "+o bob", "-n"):
        assert bob.send(f"MODE #tea {change}").commands() == ["482"]


def test_restored_room_has_modes_key_limit_and_lists() -> None:
    world, alice, _ = a_room("+klib beer 9 m:*!*@bad")
    alice.send("TOPIC #tea :Tea", "MODE #tea +eI a:friend *!*@good").forget()
    record = world.hub.state.record("#tea")
    assert record is not None
    again = State(world.hub.rules)
    again.restore(record)
    assert again.record("#tea") == record
    room = again.rooms["#tea"]
    assert room.mode_words(inside=True) == ["+iklnt", "beer", "9"]
    assert room.lists is not None
    assert [entry.mask for entry in room.lists.entries["b"].values()] == ["m:*!*@bad"]
    again.restore_or_reset("#tea", None)
    assert "#tea" not in again.rooms  # as a new one, and empty


@pytest.mark.parametrize("modes", ["+k key", "+i", "+s", "+R"])
def test_history_of_a_closed_room_is_for_its_members(modes: str) -> None:
    world = World()
    alice = world.person("alice", "#tea", caps="draft/chathistory batch server-time message-tags")
    bob = world.person("bob", caps="draft/chathistory batch server-time message-tags")
    alice.send("PRIVMSG #tea :a secret", f"MODE #tea {modes}").forget()
    assert bob.send("CHATHISTORY LATEST #tea * 10").commands() == ["FAIL"]
    assert "PRIVMSG" in alice.send("CHATHISTORY LATEST #tea * 10").commands()


def test_banned_user_cannot_read_history() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    bob = world.person("bob", caps="draft/chathistory batch server-time message-tags")
    alice.send("PRIVMSG #tea :hello", "MODE #tea +b bob").forget()
    assert bob.send("CHATHISTORY LATEST #tea * 10").commands() == ["FAIL"]


def test_statusmsg_reaches_members_with_the_standing() -> None:
    """ "STATUSMSG Parameter"."""
    world = World()
    alice, bob, carol, dan = (world.person(name, "#tea") for name in ("alice", "bob", "carol", "dan"))
    alice.send("MODE #tea +ov bob carol")
    for person in (alice, bob, carol, dan):
        person.forget()
    dan.send("PRIVMSG @#tea :operators!")
    assert alice.one("PRIVMSG").params == bob.one("PRIVMSG").params == ["@#tea", "operators!"]
    assert carol.lines() == []
    alice.send("NOTICE +#tea :voices too")
    assert carol.one("NOTICE").params == ["+#tea", "voices too"]
    assert bob.one("NOTICE").params == ["+#tea", "voices too"]
    assert dan.lines() == []
    assert world.person("eve").send("PRIVMSG @#tea :let me in").commands() == ["404"]
    assert dan.send("PRIVMSG @#nowhere :x").one("403").params[1] == "#nowhere"
    places = {fact.place for fact in world.facts if fact.kind in ("PRIVMSG", "NOTICE")}
    assert places == {"@#tea", "+#tea"}  # none of it is in what the room's members may read


def test_unstored_standing_is_rolled_back() -> None:
    """A change that was not shown did not happen: neither for the new operator nor for the old one."""
    journal = HeldJournal()
    world = World(journal=journal)
    for nick in ("alice", "bob", "carol"):
        world.connect().send(f"NICK {nick}", "USER u 0 * :r", "JOIN #tea")
        journal.commit()
        world.tick()
    alice = Person(world, world.hub.sessions[SessionId(1)]).forget()
    alice.send("MODE #tea +ov-o bob carol alice")
    journal.fail()
    world.tick()
    assert alice.one("FAIL").params[:2] == ["MODE", "NOT_STORED"]
    assert alice.send("NAMES #tea").one("353").params[-1] == "@alice bob carol"
