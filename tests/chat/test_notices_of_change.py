"""What sessions are told of each other where they asked for it: away-notify, extended-join, setname,
no-implicit-names, draft/pre-away, cap-notify."""

from __future__ import annotations

import pytest

from chatctl.protocol import capabilities as caps
from tests.chat.world import World


class TestAway:
    """ircv3.net/specs/extensions/away-notify."""

    def test_those_who_share_a_room_and_asked_are_told(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="away-notify")
        bob = world.person("bob", "#tea", "#cake", caps="away-notify")
        old, far = world.person("old", "#tea"), world.person("far", caps="away-notify")
        ann.forget()
        bob.forget().send("AWAY :lunch", "AWAY :lunch", "AWAY")
        told = ann.read()
        assert [message.params for message in told] == [["lunch"], []]
        assert all(message.command == "AWAY" and message.nick == "bob" for message in told)
        assert bob.commands() == ["306", "306", "305"]  # not of oneself
        assert old.lines() == far.lines() == []

    def test_whoever_comes_in_being_away(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps="away-notify"), world.person("bob", caps="away-notify")
        bob.send("AWAY :lunch", "JOIN #tea")
        assert ann.commands() == ["JOIN", "AWAY"]
        assert "AWAY" not in bob.commands()


class TestPreAway:
    """ircv3.net/specs/extensions/pre-away."""

    def test_one_can_register_being_away(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="away-notify")
        bob = world.connect().send("CAP REQ :draft/pre-away", "AWAY *", "NICK bob", "USER u 0 * :r", "CAP END")
        assert bob.commands()[1] == "306"
        assert ann.send("PRIVMSG bob :x").one("301").params[2] == "*"
        bob.send("JOIN #tea")
        assert ann.commands() == ["JOIN", "AWAY"]

    def test_and_change_ones_mind(self) -> None:
        person = World().connect().send("CAP REQ :draft/pre-away", "AWAY :x", "AWAY", "NICK bob", "USER u 0 * :r")
        assert person.commands() == ["CAP", "306", "305"]
        person.send("CAP END")
        assert person.world.hub.state.users[1].away == ""

    def test_without_it_or_too_long(self) -> None:
        person = World().connect().send("AWAY :x", "CAP REQ :draft/pre-away", f"AWAY :{'x' * 400}")
        assert person.commands() == ["451", "CAP", "417"]


class TestJoin:
    """ircv3.net/specs/extensions/extended-join, no-implicit-names."""

    def test_with_account_and_real_name_for_those_who_asked(self) -> None:
        world = World()
        ann, old = world.person("ann", "#tea", caps="extended-join"), world.person("old", "#tea")
        ann.forget()
        bob = world.person("bob")
        bob.send("JOIN #tea")
        assert ann.one("JOIN").params == ["#tea", "*", "Real Name"]
        assert old.one("JOIN").params == ["#tea"]
        assert bob.one("JOIN").params == ["#tea"]

    @pytest.mark.parametrize("name", ["no-implicit-names", "draft/no-implicit-names"])
    def test_names_only_when_asked_for(self, name: str) -> None:
        world = World()
        world.person("ann", "#tea").send("TOPIC #tea :Green")
        bob = world.person("bob", caps=name)
        assert bob.send("JOIN #tea").commands() == ["JOIN", "332", "333"]
        assert bob.send("NAMES #tea").commands() == ["353", "366"]


class TestSetname:
    """ircv3.net/specs/extensions/setname."""

    def test_told_to_all_who_share_a_room_and_to_oneself(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps="setname"), world.person("bob", "#tea", caps="setname")
        old = world.person("old", "#tea")
        for person in (ann, bob):
            person.forget()
        ann.send("SETNAME :Bruce Wayne <bruce@wayne>")
        for person in (ann, bob):
            message = person.one("SETNAME")
            assert message.params == ["Bruce Wayne <bruce@wayne>"]
            assert message.nick == "ann"
        assert old.lines() == []
        assert old.send("WHOIS ann").one("311").params[-1] == "Bruce Wayne <bruce@wayne>"

    def test_without_the_capability_it_works_without_a_word(self) -> None:
        world = World()
        old = world.person("old")
        assert old.send("SETNAME :New Name").lines() == []
        assert world.hub.state.users[1].realname == "New Name"

    @pytest.mark.parametrize("name", ["", " ", "x" * 200])
    def test_what_is_no_real_name(self, name: str) -> None:
        ann = World().person("ann", caps="setname")
        assert ann.send(f"SETNAME :{name}").one("FAIL").params[:2] == ["SETNAME", "INVALID_REALNAME"]
        assert ann.world.hub.state.users[1].realname == "Real Name"


class TestCapNotify:
    """ircv3.net/specs/extensions/capability-negotiation, "cap-notify"."""

    def test_what_is_no_longer_offered_is_taken_away_and_told(self) -> None:
        world = World()
        new = world.connect().send(
            "CAP LS 302", "CAP REQ :setname message-tags", "NICK ann", "USER u 0 * :r", "CAP END"
        )
        old = world.person("old", caps="")
        new.forget()
        world.hub.offer(caps.ALL & ~caps.SETNAME & ~caps.MULTILINE)
        world.tick()
        assert new.one("CAP").params == ["ann", "DEL", "draft/multiline setname"]
        assert old.lines() == []
        assert new.send("CAP LIST").one("CAP").params[2] == "cap-notify message-tags"
        assert new.send("CAP REQ :setname").one("CAP").params[1] == "NAK"
        listed = " ".join(message.params[-1] for message in new.send("CAP LS 302").read())
        assert "setname" not in listed

    def test_what_is_new_is_told_with_its_value(self) -> None:
        world = World()
        world.hub.offer(caps.ALL & ~caps.MULTILINE)
        ann = world.person("ann", caps="cap-notify")
        world.hub.offer(caps.ALL)
        world.tick()
        assert ann.one("CAP").params == ["ann", "NEW", "draft/multiline=max-bytes=16384,max-lines=128"]
