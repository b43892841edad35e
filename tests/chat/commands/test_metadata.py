"""METADATA: ircv3.net/specs/extensions/metadata, both revisions that clients ask for."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.rename_room import REST_MS
from chatctl.chat.model import user_data
from chatctl.chat.model.line_lengths import metadata_length
from chatctl.chat.model.policy import Rules
from chatctl.protocol.message import Message
from tests.chat.engine.test_labeled_response import one
from tests.chat.world import Person, World

TWO, THREE = "batch draft/metadata-2", "batch draft/metadata-3"


def batch(person: Person, target: str = "") -> list[Message]:
    """Return the content of the single metadata batch that has arrived."""
    read = person.read()
    (opening,) = [message for message in read if message.command == "BATCH" and message.params[0][0] == "+"]
    assert opening.params[1] == "metadata"
    if target:
        assert opening.params[2] == target
    return [message for message in read if message.tags.get("batch") == opening.params[0][1:]]


def two(caps: str = TWO) -> tuple[World, Person, Person]:
    """Ann, operator of #tea, and Bob, who subscribed to two keys."""
    world = World()
    ann, bob = world.person("ann", "#tea", caps=caps), world.person("bob", "#tea", caps=caps)
    bob.send("METADATA * SUB avatar url")
    return world, ann.forget(), bob.forget()


class TestChanging:
    def test_own_metadata_is_set_read_and_cleared(self) -> None:
        _, ann, bob = two()
        assert ann.send("METADATA * SET url :http://a b").one("761").params == ["ann", "ann", "url", "*", "http://a b"]
        told = bob.one("METADATA")
        assert told.params == ["ann", "url", "*", "http://a b"]
        assert told.source == "chatctl.local"
        assert ann.send("METADATA ANN SET url").one("766").params[:3] == ["ann", "ann", "url"]
        assert bob.one("METADATA").params == ["ann", "url", "*"]

    def test_later_revision_answers_with_numerics(self) -> None:
        _, ann, bob = two(THREE)
        ann.send("METADATA * SET url :x", "METADATA * SET url")
        assert [(m.command, m.params[:3]) for m in bob.read()] == [
            ("761", ["bob", "ann", "url"]),
            ("766", ["bob", "ann", "url"]),
        ]

    def test_room_metadata_is_set_by_operators(self) -> None:
        world, ann, bob = two()
        ann.send("METADATA #TEA SET url :x")
        assert ann.one("761").params == ["ann", "#tea", "url", "*", "x"]
        assert bob.one("METADATA").params == ["#tea", "url", "*", "x"]
        assert bob.send("METADATA #tea SET url :y").one("FAIL").params[:-1] == [
            "METADATA",
            "KEY_NO_PERMISSION",
            "#tea",
            "url",
        ]
        assert world.hub.state.accounts.metadata_of("room #tea") == {"url": "x"}

    def test_metadata_changes_reach_subscribers_who_share_a_room_or_monitor(self) -> None:
        world, ann, bob = two()
        far = world.person("far", caps=TWO).send("METADATA * SUB url").forget()
        watches = world.person("watches", caps=TWO).send("METADATA * SUB url", "MONITOR + ann").forget()
        old = world.person("old", "#tea")
        for person in (ann, bob):
            person.forget()
        ann.send("METADATA * SET url :x", "METADATA * SET mood :y")
        assert bob.commands() == watches.commands() == ["METADATA"]
        assert far.lines() == old.lines() == []

    def test_empty_metadata_value_is_stored(self) -> None:
        _, ann, _ = two()
        ann.send("METADATA * SET url :").forget()
        assert batch(ann.send("METADATA * GET url"))[0].params == ["ann", "ann", "url", "*", ""]

    def test_metadata_clear_removes_all_keys(self) -> None:
        _, ann, bob = two()
        ann.send("METADATA * SET url :x", "METADATA * SET avatar :y").forget()
        bob.forget()
        gone = batch(ann.send("METADATA * CLEAR"), "ann")
        assert [(message.command, message.params[2]) for message in gone] == [("766", "url"), ("766", "avatar")]
        assert [message.params for message in bob.read()] == [["ann", "url", "*"], ["ann", "avatar", "*"]]
        assert batch(ann.send("METADATA * CLEAR")) == []

    def test_metadata_response_carries_the_label(self) -> None:
        _, ann, _ = two(TWO + " labeled-response")
        assert ann.send("@label=a METADATA * SET url :x").one("761").tags["label"] == "a"
        assert one(ann.send("@label=b METADATA * CLEAR"), "b").lines[0].command == "766"


class TestAsking:
    def test_metadata_get_answers_in_the_order_of_the_keys(self) -> None:
        _, ann, bob = two()
        ann.send("METADATA * SET url :x")
        found = batch(bob.forget().send("METADATA ann GET avatar url $bad"), "ann")
        assert [message.command for message in found] == ["766", "761", "FAIL"]
        assert found[2].params[:3] == ["METADATA", "KEY_INVALID", "$bad"]

    def test_metadata_list_shows_all_keys(self) -> None:
        _, ann, bob = two()
        ann.send("METADATA #tea SET url :x", "METADATA #tea SET a.b/c_d-1 :y")
        bob.forget().send("METADATA #tea LIST")
        assert [message.params[2:] for message in batch(bob)] == [["url", "*", "x"], ["a.b/c_d-1", "*", "y"]]
        assert batch(bob.send("METADATA bob LIST"), "bob") == []

    def test_metadata_of_a_closed_room_is_hidden_from_outsiders(self) -> None:
        world, ann, _ = two()
        ann.send("METADATA #tea SET url :secret", "MODE #tea +i")
        eve = world.person("eve", caps=TWO).send("METADATA * SUB url").forget()
        for line in ("GET url", "LIST", "SYNC"):
            assert eve.send(f"METADATA #tea {line}").one("FAIL").params[1:3] == ["INVALID_TARGET", "#tea"]

    def test_banned_user_cannot_read_room_metadata(self) -> None:
        world, ann, _ = two()
        ann.send("METADATA #tea SET url :for us")
        eve = world.person("eve", caps=TWO)
        assert eve.send("METADATA #tea GET url").one("761").params[-1] == "for us"
        ann.send("MODE #tea +b eve!*@*")
        for line in ("GET url", "LIST", "SYNC"):
            assert eve.forget().send(f"METADATA #tea {line}").one("FAIL").params[1:3] == ["INVALID_TARGET", "#tea"]

    def test_whois_shows_metadata(self) -> None:
        world, ann, bob = two()
        ann.send("METADATA * SET url :x")
        assert bob.forget().send("WHOIS ann").one("760").params == ["bob", "ann", "url", "*", "x"]
        assert "760" not in world.person("old").send("WHOIS ann").commands()


class TestSubscribing:
    def test_metadata_subscriptions_are_added_listed_and_removed(self) -> None:
        _, _, bob = two()
        assert bob.send("METADATA * SUB foo avatar foo").one("770").params == ["bob", "foo", "avatar"]
        read = bob.send("METADATA * SUBS").read()
        assert read[0].params[1] == "metadata-subs"
        assert read[1].params == ["bob", "avatar", "url", "foo"]
        assert bob.send("METADATA * UNSUB url nothing").one("771").params == ["bob", "url", "nothing"]
        assert bob.send("METADATA * SUBS").one("772").params == ["bob", "avatar", "foo"]

    def test_too_many_or_invalid_subscriptions_are_refused(self) -> None:
        _, _, bob = two()
        bob.send("METADATA * SUB " + " ".join(f"k{number}" for number in range(47))).forget()
        read = bob.send("METADATA * SUB $url last over more").read()
        assert [message.command for message in read] == ["770", "FAIL", "FAIL"]
        assert read[0].params == ["bob", "last"]
        assert read[1].params[1:3] == ["KEY_INVALID", "$url"]
        assert read[2].params[1:3] == ["TOO_MANY_SUBS", "over"]

    def test_subscriber_gets_the_current_values(self) -> None:
        world, ann, _ = two()
        ann.send("METADATA * SET url :x", "METADATA #tea SET url :y", "METADATA #tea SET mood :z")
        eve = world.person("eve", "#tea", caps=TWO)
        eve.send("METADATA * SUB url")
        expected = [["#tea", "url", "*", "y"], ["ann", "url", "*", "x"]]
        assert [message.params for message in batch(eve, "#tea")] == expected
        assert [message.params for message in batch(eve.send("METADATA #tea SYNC"), "#tea")] == expected
        eve.send("PART #tea").forget()
        assert [message.params for message in batch(eve.send("JOIN #tea"), "#tea")] == expected

    def test_members_get_the_metadata_of_a_joining_user(self) -> None:
        world, _, bob = two()
        world.person("eve", caps=TWO).send("METADATA * SET url :x", "JOIN #tea")
        assert bob.one("METADATA").params == ["eve", "url", "*", "x"]

    def test_metadata_of_a_large_room_is_synced_on_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chatctl.chat.commands.metadata.MAX_SYNCED_MEMBERS", 2)
        world, ann, _ = two()
        ann.send("METADATA * SET url :x")
        eve = world.person("eve", caps=TWO).send("METADATA * SUB url").forget()
        assert eve.send("JOIN #tea").one("774").params == ["eve", "#tea", "1"]
        assert batch(eve.send("METADATA #tea SYNC"))[0].params == ["ann", "url", "*", "x"]

    def test_own_metadata_is_sent_while_registering(self) -> None:
        person = World().connect().send(f"CAP REQ :{TWO}", "NICK ann", "USER u 0 * :r", "CAP END")
        commands = [(m.command, m.params[1:]) for m in person.read()]
        at = next(at for at, (command, params) in enumerate(commands) if command == "BATCH" and "metadata" in params)
        assert commands[at][1] == ["metadata", "ann"]
        assert commands[at + 1][0] == "BATCH"
        assert commands[at + 2][0] == "422"


class TestBounds:
    @pytest.mark.parametrize("key", ["URL", "a b", "$x", "ü", "x" * 33])
    def test_metadata_keys_are_validated(self, key: str) -> None:
        _, ann, _ = two()
        key = key.split(" ", 1)[0] if key != "a b" else "A"
        assert ann.send(f"METADATA * SET {key} :x").one("FAIL").params[1] == "KEY_INVALID"

    @pytest.mark.parametrize(("caps", "code"), [(TWO, "VALUE_INVALID"), (THREE, "INVALID_VALUE")])
    def test_metadata_values_are_validated(self, caps: str, code: str) -> None:
        _, ann, bob = two(caps)
        most = metadata_length(Rules())
        assert ann.send(f"METADATA * SET url :{'x' * (most + 1)}").one("FAIL").params[1] == code
        assert bob.lines() == []
        assert ann.send(f"METADATA * SET url :{'x' * most}").commands() == ["761"]

    def test_number_of_metadata_keys_is_limited(self) -> None:
        world, ann, _ = two()
        for number in range(20):
            world.now += 1000
            ann.send(f"METADATA * SET k{number} :x")
        world.now += 60_000
        assert ann.forget().send("METADATA * SET one-more :x").one("FAIL").params[1:3] == ["LIMIT_REACHED", "ann"]
        assert ann.send("METADATA * SET k1 :y").commands() == ["761"]

    def test_metadata_changes_are_rate_limited(self) -> None:
        world, ann, bob = two()
        for number in range(20):
            ann.send(f"METADATA * SET url :{number}")
        bob.forget()
        failure = ann.forget().send("METADATA * SET url :x").one("FAIL")
        assert failure.params[:-1] == ["METADATA", "RATE_LIMITED", "*", "url", "1"]
        assert ann.send("METADATA #tea SYNC").one("774").params[1:] == ["#tea", "1"]
        assert bob.lines() == []
        world.now += 1000
        assert ann.send("METADATA * SET url :x").commands() == ["761"]

    @pytest.mark.parametrize(
        ("line", "params"),
        [
            ("METADATA absent LIST", ["INVALID_TARGET", "absent"]),
            ("METADATA $a:user SET url :x", ["INVALID_TARGET", "$a:user"]),
            ("METADATA bob SET url :x", ["KEY_NO_PERMISSION", "bob", "url"]),
            ("METADATA bob CLEAR", ["KEY_NO_PERMISSION", "bob", "*"]),
            ("METADATA * SET url", ["KEY_NOT_SET", "ann", "url"]),
            ("METADATA * DESTR0Y", ["SUBCOMMAND_INVALID", "DESTR0Y"]),
        ],
    )
    def test_refused_metadata_command_names_its_reason(self, line: str, params: list[str]) -> None:
        _, ann, bob = two()
        assert ann.send(line).one("FAIL").params[:-1] == ["METADATA", *params]
        assert bob.lines() == []

    def test_metadata_without_the_capability_is_unknown(self) -> None:
        assert World().person("ann").send("METADATA * LIST").commands() == ["421"]


class TestKeeping:
    def test_metadata_of_an_account_stays_and_of_a_guest_ends(self) -> None:
        world, ann, bob = two()
        user = ann.user
        user.account = user.account_id = "ann"
        ann.send("METADATA * SET url :x")
        bob.send("METADATA * SET url :y")
        world.gone(ann)
        world.gone(bob)
        assert world.hub.state.accounts.metadata_of("account ann") == {"url": "x"}
        assert world.hub.state.accounts.metadata_owners("session") == []

    def test_room_metadata_ends_with_the_room(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps=TWO)
        ann.send("METADATA #tea SET url :x", "PART #tea", "JOIN #tea").forget()
        assert batch(ann.send("METADATA #tea LIST")) == []

    def test_room_metadata_follows_a_rename(self) -> None:
        world, ann, _ = two()
        world.now += REST_MS
        ann.send("METADATA #tea SET url :x", "RENAME #tea #coffee").forget()
        assert batch(ann.send("METADATA #coffee LIST"))[0].params[2:] == ["url", "*", "x"]

    def test_metadata_of_guests_with_tokens_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chatctl.chat.apply.metadata.MAX_GUESTS", 2)
        world = World()
        for number in range(4):
            person = world.person(f"p{number}", caps=TWO)
            person.user.secret = f"s{number}"
            person.send("METADATA * SET url :x")
        assert world.hub.state.accounts.metadata_owners("secret ") == ["secret s2", "secret s3"]
        assert user_data.MAX_GUESTS > 2
