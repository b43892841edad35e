"""RENAME: ircv3.net/specs/extensions/channel-rename."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.rename_room import REST_MS
from chatctl.chat.model.ids import SessionId
from tests.chat.world import HeldJournal, Person, World

CAPS = "batch message-tags labeled-response draft/channel-rename draft/chathistory"


def three() -> tuple[World, Person, Person, Person]:
    """Ann, operator of #tea, Bob, and a user whose client does not support RENAME."""
    world = World()
    world.now += REST_MS
    ann, bob, old = (
        world.person(nick, "#tea", caps=caps) for nick, caps in (("ann", CAPS), ("bob", CAPS), ("old", ""))
    )
    return world, ann.forget(), bob.forget(), old.forget()


class TestRenaming:
    def test_rename_is_one_line_for_clients_with_the_capability(self) -> None:
        world, ann, bob, _ = three()
        ann.send("RENAME #TEA #Coffee :Typo fix")
        for person in (ann, bob):
            message = person.one("RENAME")
            assert message.params == ["#tea", "#Coffee", "Typo fix"]
            assert message.nick == "ann"
            assert message.tags["msgid"]
        assert [room.name for room in world.hub.state.rooms.values()] == ["#lobby", "#Coffee"]

    def test_rename_without_a_reason_has_an_empty_one(self) -> None:
        _, ann, bob, _ = three()
        ann.send("RENAME #tea #coffee")
        assert bob.one("RENAME").params == ["#tea", "#coffee", ""]

    def test_rename_is_part_and_join_for_other_clients(self) -> None:
        _, ann, _, old = three()
        ann.send("TOPIC #tea :Green", "RENAME #tea #coffee :why")
        read = old.read()
        assert [message.command for message in read] == ["TOPIC", "PART", "JOIN", "332", "333", "353", "366"]
        assert read[1].params == ["#tea", "why"]
        assert read[2].params == ["#coffee"]
        assert read[1].nick == read[2].nick == "old"

    def test_messages_reach_the_renamed_room(self) -> None:
        _, ann, bob, old = three()
        ann.send("RENAME #tea #coffee")
        for person in (ann, bob, old):
            person.forget()
        bob.send("PRIVMSG #coffee :hi", "PRIVMSG #tea :hi")
        assert ann.one("PRIVMSG").params == old.one("PRIVMSG").params == ["#coffee", "hi"]
        assert bob.commands() == ["403"]
        old.send("PART #coffee")
        assert ann.commands() == ["PART"]

    def test_renamed_room_keeps_modes_members_and_topic(self) -> None:
        _, ann, bob, _ = three()
        ann.send("MODE #tea +v bob", "MODE #tea +k key", "TOPIC #tea :Green", "RENAME #tea #coffee").forget()
        assert ann.send("MODE #coffee").one("324").params[2:] == ["+knt", "key"]
        assert "@ann +bob" in ann.send("NAMES #coffee").one("353").params[-1]
        assert bob.forget().send("TOPIC #coffee").one("332").params[-1] == "Green"

    def test_history_follows_the_renamed_room(self) -> None:
        world, ann, bob, _ = three()
        ann.send("PRIVMSG #tea :before", "RENAME #tea #coffee", "PRIVMSG #coffee :after")
        read = bob.forget().send("CHATHISTORY LATEST #coffee * 10").read()
        said = [["#coffee", "before"], ["#coffee", "after"]]
        assert [m.params for m in read if m.command == "PRIVMSG"] == said
        plain = world.connect().send("CAP REQ server-time", "NICK eve", "USER u 0 * :r", "CAP END", "JOIN #coffee")
        assert [m.params for m in plain.read() if m.command == "PRIVMSG"] == [
            ["#coffee", "before"],
            ["#coffee", "after"],
        ]
        assert "PRIVMSG" not in bob.send("CHATHISTORY LATEST #tea * 10").commands()

    def test_event_playback_includes_renames_for_clients_that_know_them(self) -> None:
        world, ann, _, _ = three()
        ann.send("RENAME #tea #coffee :why not")
        bob = world.person("b", "#coffee", caps=CAPS + " draft/event-playback")
        assert bob.send("CHATHISTORY LATEST #coffee * 10").one("RENAME").params == ["#tea", "#coffee", "why not"]
        plain = world.person("c", "#coffee", caps="batch draft/chathistory draft/event-playback")
        assert "RENAME" not in plain.send("CHATHISTORY LATEST #coffee * 10").commands()

    def test_rename_to_another_spelling_changes_the_shown_name(self) -> None:
        world, ann, bob, old = three()
        ann.send("RENAME #tea #TEA", "RENAME #TEA #Tea")
        assert [message.params[1] for message in bob.read()] == ["#TEA", "#Tea"]
        assert old.lines() == []
        bob.send("PRIVMSG #tea :hi")
        assert old.one("PRIVMSG").params[0] == "#Tea"
        assert list(world.hub.state.rooms) == ["#lobby", "#tea"]

    def test_rename_response_carries_the_label(self) -> None:
        _, ann, bob, _ = three()
        assert ann.send("@label=a RENAME #tea #coffee").one("RENAME").tags["label"] == "a"
        assert "label" not in bob.one("RENAME").tags

    def test_read_markers_follow_the_renamed_room(self) -> None:
        world = World()
        world.now += REST_MS
        ann = world.person("ann", "#tea", caps="draft/read-marker")
        mark = "timestamp=2020-01-01T00:00:00.000Z"
        ann.send(f"MARKREAD #tea {mark}", "RENAME #tea #coffee").forget()
        assert ann.send("MARKREAD #coffee").one("MARKREAD").params[1] == mark

    def test_stored_room_has_the_new_name(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        world.now += REST_MS
        ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea", "TOPIC #tea :x", "RENAME #tea #coffee")
        journal.commit()  # the new name is looked up when the topic is kept
        world.tick()
        assert "PART" not in ann.commands()
        journal.commit()
        world.tick()
        assert "PART" in ann.commands()
        assert list(journal.stored) == ["#coffee"]
        assert ann.session.rooms.keys() == {"#coffee"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("line", "params"),
        [
            ("RENAME #tea #lobby", ["CHANNEL_NAME_IN_USE", "#tea", "#lobby"]),
            ("RENAME #tea coffee", ["CANNOT_RENAME", "#tea", "coffee"]),
            ("RENAME #tea #a,b", ["CANNOT_RENAME", "#tea", "#a,b"]),
            ("RENAME #tea #tea", ["CANNOT_RENAME", "#tea", "#tea"]),
            (f"RENAME #tea #coffee :{'x' * 465}", ["CANNOT_RENAME", "#tea", "#coffee"]),
        ],
    )
    def test_refused_rename_names_its_reason(self, line: str, params: list[str]) -> None:
        _, ann, bob, _ = three()
        assert ann.send(line).one("FAIL").params[:-1] == ["RENAME", *params]
        assert bob.lines() == []

    def test_room_operators_only_can_rename(self) -> None:
        world, _, bob, _ = three()
        eve = world.person("eve")
        assert bob.send("RENAME #tea #coffee").commands() == ["482"]
        assert eve.send("RENAME #tea #coffee").commands() == ["442"]
        assert eve.send("RENAME #nowhere #coffee").commands() == ["403"]
        bob.user.operator = "root"
        assert bob.send("RENAME #tea #coffee").commands() == ["RENAME"]

    def test_lobby_cannot_be_renamed(self) -> None:
        world = World()
        root = world.person("root", "#lobby")
        world.hub.state.by_session[SessionId(1)].operator = "root"
        assert root.send("RENAME #lobby #x").one("FAIL").params[1] == "CANNOT_RENAME"

    def test_second_rename_soon_after_is_refused(self) -> None:
        world, ann, _, _ = three()
        ann.send("RENAME #tea #coffee").forget()
        assert ann.send("RENAME #coffee #tea").one("FAIL").params[1] == "CANNOT_RENAME"
        world.now += REST_MS
        assert ann.send("RENAME #coffee #milk").commands() == ["RENAME"]

    def test_rename_to_a_name_with_history_is_refused(self) -> None:
        world, ann, _, _ = three()
        eve = world.person("eve", "#gone").send("PRIVMSG #gone :private matters", "PART #gone")
        assert eve is not None
        assert ann.send("RENAME #tea #gone").one("FAIL").params[1] == "CHANNEL_NAME_IN_USE"
