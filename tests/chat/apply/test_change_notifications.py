"""Notifications of changes to sessions that negotiated them: away-notify, extended-join, setname, no-implicit-names,
draft/pre-away, cap-notify."""

from __future__ import annotations

import pytest

from chatctl.chat.entries.tasks import ReadSettings
from chatctl.chat.model.ids import SessionId
from chatctl.chat.model.policy import Rules
from chatctl.protocol import capabilities as caps
from chatctl.protocol import scram
from tests.chat.world import START, HeldOrder, World


class TestAway:
    """ircv3.net/specs/extensions/away-notify."""

    def test_away_notify_reaches_members_with_the_capability(self) -> None:
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

    def test_away_user_who_joins_is_announced_as_away(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps="away-notify"), world.person("bob", caps="away-notify")
        bob.send("AWAY :lunch", "JOIN #tea")
        assert ann.commands() == ["JOIN", "AWAY"]
        assert "AWAY" not in bob.commands()


class TestPreAway:
    """ircv3.net/specs/extensions/pre-away."""

    def test_away_before_registration_is_applied(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="away-notify")
        bob = world.connect().send("CAP REQ :draft/pre-away", "AWAY *", "NICK bob", "USER u 0 * :r", "CAP END")
        assert bob.commands()[1] == "306"
        assert ann.send("PRIVMSG bob :x").one("301").params[2] == "*"
        bob.send("JOIN #tea")
        assert ann.commands() == ["JOIN", "AWAY"]

    def test_away_before_registration_can_be_cleared(self) -> None:
        person = World().connect().send("CAP REQ :draft/pre-away", "AWAY :x", "AWAY", "NICK bob", "USER u 0 * :r")
        assert person.commands() == ["CAP", "306", "305"]
        person.send("CAP END")
        assert person.world.hub.state.by_session[SessionId(1)].away == ""

    def test_away_before_registration_without_the_capability_or_too_long_is_refused(self) -> None:
        person = World().connect().send("AWAY :x", "CAP REQ :draft/pre-away", f"AWAY :{'x' * 400}")
        assert person.commands() == ["451", "CAP", "417"]


class TestJoin:
    """ircv3.net/specs/extensions/extended-join, no-implicit-names."""

    def test_extended_join_has_account_and_real_name(self) -> None:
        world = World()
        ann, old = world.person("ann", "#tea", caps="extended-join"), world.person("old", "#tea")
        ann.forget()
        bob = world.person("bob")
        bob.send("JOIN #tea")
        assert ann.one("JOIN").params == ["#tea", "*", "Real Name"]
        assert old.one("JOIN").params == ["#tea"]
        assert bob.one("JOIN").params == ["#tea"]

    @pytest.mark.parametrize("name", ["no-implicit-names", "draft/no-implicit-names"])
    def test_no_implicit_names_omits_names(self, name: str) -> None:
        world = World()
        world.person("ann", "#tea").send("TOPIC #tea :Green")
        bob = world.person("bob", caps=name)
        assert bob.send("JOIN #tea").commands() == ["JOIN", "332", "333"]
        assert bob.send("NAMES #tea").commands() == ["353", "366"]


class TestSetname:
    """ircv3.net/specs/extensions/setname."""

    def test_setname_reaches_members_and_the_user(self) -> None:
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

    def test_setname_without_the_capability_is_silent(self) -> None:
        world = World()
        old = world.person("old")
        assert old.send("SETNAME :New Name").lines() == []
        assert world.hub.state.by_session[SessionId(1)].realname == "New Name"

    @pytest.mark.parametrize("name", ["", " ", "x" * 200])
    def test_invalid_real_name_is_refused(self, name: str) -> None:
        ann = World().person("ann", caps="setname")
        assert ann.send(f"SETNAME :{name}").one("FAIL").params[:2] == ["SETNAME", "INVALID_REALNAME"]
        assert ann.world.hub.state.by_session[SessionId(1)].realname == "Real Name"


class TestHost:
    """ircv3.net/specs/extensions/chghost."""

    def test_chghost_is_quit_and_join_for_other_clients(self) -> None:
        world = World()
        bob = world.person("bob", "#tea", caps="chghost")
        ann, old = world.person("ann", "#tea", caps="chghost"), world.person("old", "#tea")
        root = world.person("root")
        root.user.operator = "root"
        for person in (ann, bob, old):
            person.forget()
        prefix = bob.user.prefix
        root.send("CHGHOST BOB new.example")
        for person in (ann, bob):
            change = person.one("CHGHOST")
            assert change.source == prefix
            assert change.params == ["~u", "new.example"]
        read = old.read()
        assert [message.command for message in read] == ["QUIT", "JOIN", "MODE"]
        assert [message.source for message in read] == [prefix, "bob!~u@new.example", "chatctl.local"]
        assert read[2].params == ["#tea", "+o", "bob"]
        bob.send("PRIVMSG #tea :x")
        assert ann.one("PRIVMSG").source == "bob!~u@new.example"

    @pytest.mark.parametrize("host", ["x" * 18, "a@b", "a_b", "-x"])
    def test_invalid_host_is_refused(self, host: str) -> None:
        world = World()
        root = world.person("root")
        world.hub.state.by_session[SessionId(1)].operator = "root"
        assert root.send(f"CHGHOST root {host}").one("FAIL").params[:2] == ["CHGHOST", "INVALID_HOST"]
        assert world.hub.state.by_session[SessionId(1)].host != host

    def test_chghost_re_evaluates_bans(self) -> None:
        world = World()
        ann, bob, root = world.person("ann", "#tea"), world.person("bob", "#tea"), world.person("root")
        root.user.operator = "root"
        ann.send("MODE #tea +b m:*!*@new.example")
        bob.send("PRIVMSG #tea :x")
        ann.forget()
        root.send("CHGHOST bob new.example")
        ann.forget()
        assert bob.forget().send("PRIVMSG #tea :x").commands() == ["404"]
        assert ann.lines() == []

    def test_former_operator_is_notified(self) -> None:
        world = World(order=(order := HeldOrder()))
        root = world.connect().send("NICK root", "USER u 0 * :r")
        order.let_go()
        world.tick()
        user = root.user
        user.operator = "root"
        root.forget().send("CHGHOST root x.y")
        user.operator = ""
        order.let_go()
        world.tick()
        assert root.commands() == ["481"]

    def test_chghost_is_for_operators(self) -> None:
        world = World()
        world.person("bob")
        assert world.person("ann").send("CHGHOST bob x.y").commands() == ["481"]


class TestInvite:
    """ircv3.net/specs/extensions/invite-notify."""

    def test_invite_notify_reaches_the_room(self) -> None:
        world = World()
        ann, bob = world.person("ann", "#tea", caps="invite-notify"), world.person("bob", "#tea", caps="invite-notify")
        old, eve = world.person("old", "#tea"), world.person("eve", caps="invite-notify")
        for person in (ann, bob, old):
            person.forget()
        ann.send("INVITE eve #tea")
        assert bob.one("INVITE").params == eve.one("INVITE").params == ["eve", "#tea"]
        assert ann.commands() == ["341"]
        assert old.lines() == []


class TestMonitor:
    """ircv3.net/specs/extensions/extended-monitor."""

    def test_extended_monitor_reports_changes_of_watched_names(self) -> None:
        world = World()
        ann = world.person("ann", caps="extended-monitor away-notify setname")
        half = world.person("half", caps="away-notify setname")
        bob = world.person("bob", "#tea")
        for person in (ann, half):
            person.send("MONITOR + bob").forget()
        bob.send("AWAY :x", "SETNAME :New Name", "JOIN #cake", "NICK bobby", "AWAY :y")
        assert ann.commands() == ["AWAY", "SETNAME", "731"]
        assert half.commands() == ["731"]

    def test_extended_monitor_respects_the_capabilities(self) -> None:
        world = World()
        ann = world.person("ann", caps="extended-monitor").send("MONITOR + bob").forget()
        world.person("bob").send("AWAY :x")
        assert ann.lines() == []

    def test_extended_monitor_does_not_duplicate_room_notifications(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="extended-monitor away-notify")
        bob = world.person("bob", "#tea")
        ann.send("MONITOR + bob").forget()
        bob.send("AWAY :x")
        assert ann.commands() == ["AWAY"]


class TestIsupport:
    """ircv3.net/specs/extensions/extended-isupport."""

    CAPS = "batch draft/extended-isupport"

    def test_isupport_command_repeats_all_tokens(self) -> None:
        assert set(World().person("ann").send("ISUPPORT").commands()) == {"005"}

    def test_isupport_is_batched_and_available_while_registering(self) -> None:
        person = World().connect().send(f"CAP REQ :{self.CAPS}").forget()
        opening, *inside, closing = person.send("ISUPPORT").read()
        name = opening.params[0][1:]
        assert opening.params == [f"+{name}", "draft/isupport"]
        assert closing.params == [f"-{name}"]
        assert {(message.command, message.params[0], message.tags["batch"]) for message in inside} == {
            ("005", "*", name)
        }
        read = person.send("NICK ann", "USER u 0 * :r", "CAP END").read()
        assert all("batch" in message.tags for message in read if message.command == "005")

    def test_isupport_without_the_capability_needs_registration(self) -> None:
        assert World().connect().send("ISUPPORT").commands() == ["451"]


class TestCapNotify:
    """ircv3.net/specs/extensions/capability-negotiation, "cap-notify"."""

    def test_withdrawn_capability_is_removed_and_announced(self) -> None:
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

    def test_new_capability_is_announced_with_its_value(self) -> None:
        world = World()
        world.hub.offer(caps.ALL & ~caps.MULTILINE)
        ann = world.person("ann", caps="cap-notify")
        world.hub.offer(caps.ALL)
        world.tick()
        assert ann.one("CAP").params == ["ann", "NEW", "draft/multiline=max-bytes=16384,max-lines=128"]

    @pytest.mark.parametrize("asked_by", ["REHASH", "SIGHUP"])
    def test_account_registration_is_offered_only_if_possible(self, asked_by: str) -> None:
        """And who is here learns when it changes."""
        verifier = str(scram.make("sesame", b"salt" * 4, 4096))
        rules = Rules(created=START, listener_limit=10, registration="closed", operators={"root": verifier})
        world = World(rules)
        stranger, old = world.connect().send("CAP LS 302"), world.person("old")
        root = world.person("root", caps="cap-notify").send("OPER root sesame").forget()
        assert not any("account-registration" in line for line in stranger.lines())
        assert stranger.send("CAP REQ :draft/account-registration").one("CAP").params[1] == "NAK"
        for registration, word in (("invite", "NEW"), ("open", ""), ("closed", "DEL")):
            world.workers.settings = ReadSettings(
                {"registration": registration}, ("In force now: accounts.registration.",)
            )
            if asked_by == "REHASH":
                root.send("REHASH")
            else:
                world.hub.reread_settings()
                world.tick()
            value = "=before-connect" if word == "NEW" else ""
            told = [message.params[1:] for message in root.read() if message.command == "CAP"]
            assert told == ([[word, f"draft/account-registration{value}"]] if word else [])
            assert [message.params[1] for message in stranger.read() if message.command == "CAP"] == [word] * bool(word)
            listed = " ".join(message.params[-1] for message in stranger.send("CAP LS 302").read())
            assert ("draft/account-registration=before-connect" in listed) is (registration != "closed")
            assert old.lines() == []
            if word == "NEW":
                assert stranger.send("CAP REQ :draft/account-registration").one("CAP").params[1] == "ACK"
        assert "account-registration" not in stranger.send("CAP LIST").one("CAP").params[-1]

    def test_account_notify_reports_login_and_logout(self) -> None:
        world = World()
        ann = world.person("ann", caps="extended-monitor account-notify").send("MONITOR + bob").forget()
        half = world.person("half", caps="account-notify").send("MONITOR + bob").forget()
        bob = world.person("bob")
        ann.forget()
        half.forget()
        bob.send("REGISTER * * hunter22", "NS LOGOUT")
        assert [m.params for m in ann.read()] == [["bob"], ["*"]]
        assert half.lines() == []
