"""History for clients: IRCv3 draft/chathistory, event-playback, batch; soju.im/search; replay on join."""

from __future__ import annotations

from typing import Any

import pytest

from chatctl.chat.commands import history
from chatctl.chat.history.memory_journal import MemoryJournal
from chatctl.chat.model.policy import Rules
from chatctl.protocol.message import Message
from tests.chat.world import START, HeldJournal, Person, World

CAPS = "batch server-time message-tags draft/chathistory"


def told(world: World, count: int = 10, room: str = "#tea") -> Person:
    """Ann says 0, 1, 2, ... a second apart."""
    ann = world.person("ann", room, caps="message-tags echo-message")
    for number in range(count):
        world.now += 1000
        ann.send(f"PRIVMSG {room} :{number}")
    return ann


def batch(person: Person, kind: str = "chathistory") -> list[Message]:
    """The messages of the single batch that has arrived."""
    read = person.read()
    opening, *inside, closing = read
    assert opening.command == closing.command == "BATCH", read
    reference = opening.params[0][1:]
    assert opening.params[0][0] == "+"
    assert opening.params[1] == kind
    assert closing.params == [f"-{reference}"]
    assert all(message.tags["batch"] == reference for message in inside)
    return inside


def texts(person: Person) -> str:
    return "".join(message.params[1] for message in batch(person))


def stamp(seconds: float) -> str:
    return f"timestamp=2023-11-14T22:13:{20 + seconds:06.3f}Z"


class TestSubcommands:
    def test_latest_returns_the_newest_messages(self) -> None:
        world = World()
        told(world)
        bob = world.person("bob", "#tea", caps=CAPS)
        assert texts(bob.send("CHATHISTORY LATEST #tea * 3")) == "789"
        assert texts(bob.send(f"CHATHISTORY LATEST #tea {stamp(8)} 100")) == "89"

    def test_before_and_after_exclude_their_mark(self) -> None:
        world = World()
        told(world)
        bob = world.person("bob", "#tea", caps=CAPS)
        assert texts(bob.send(f"CHATHISTORY BEFORE #tea {stamp(5)} 2")) == "23"
        assert texts(bob.send(f"CHATHISTORY AFTER #tea {stamp(5)} 2")) == "56"
        ids = {m.params[1]: m.tags["msgid"] for m in batch(bob.send("CHATHISTORY LATEST #tea * 100"))}
        assert texts(bob.send(f"CHATHISTORY BEFORE #tea msgid={ids['5']} 2")) == "34"
        assert texts(bob.send(f"CHATHISTORY AFTER #tea msgid={ids['5']} 2")) == "67"
        assert texts(bob.send(f"CHATHISTORY LATEST #tea msgid={ids['5']} 2")) == "89"
        assert texts(bob.send(f"CHATHISTORY AROUND #tea msgid={ids['5']} 3")) == "456"

    def test_between_counts_from_its_first_mark(self) -> None:
        world = World()
        told(world)
        bob = world.person("bob", "#tea", caps=CAPS)
        ids = {m.params[1]: m.tags["msgid"] for m in batch(bob.send("CHATHISTORY LATEST #tea * 100"))}
        assert texts(bob.send(f"CHATHISTORY BETWEEN #tea msgid={ids['2']} msgid={ids['8']} 3")) == "345"
        assert texts(bob.send(f"CHATHISTORY BETWEEN #tea msgid={ids['8']} msgid={ids['2']} 3")) == "567"
        assert texts(bob.send(f"CHATHISTORY BETWEEN #tea {stamp(3)} {stamp(9)} 2")) == "34"
        assert texts(bob.send(f"CHATHISTORY BETWEEN #tea {stamp(9)} {stamp(3)} 2")) == "67"

    def test_targets_lists_conversations_with_times(self) -> None:
        world = World()
        ann = told(world)
        bob = world.person("bob", "#tea", caps=CAPS)
        world.now += 1000
        ann.send("PRIVMSG bob :psst")
        bob.forget().send("CHATHISTORY TARGETS timestamp=2023-01-01T00:00:00.000Z timestamp=2030-01-01T00:00:00.000Z 9")
        listed = batch(bob, "draft/chathistory-targets")
        assert [message.params for message in listed] == [
            ["TARGETS", "#tea", "2023-11-14T22:13:30.000Z"],
            ["TARGETS", "ann", "2023-11-14T22:13:31.000Z"],
        ]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("CHATHISTORY SING #tea * 5", "INVALID_PARAMS"),
            ("CHATHISTORY LATEST #tea", "INVALID_PARAMS"),
            ("CHATHISTORY LATEST #tea * 5 6", "INVALID_PARAMS"),
            ("CHATHISTORY LATEST #tea * many", "INVALID_PARAMS"),
            ("CHATHISTORY LATEST #tea * 0", "INVALID_PARAMS"),
            ("CHATHISTORY BEFORE #tea * 5", "INVALID_PARAMS"),
            ("CHATHISTORY BEFORE #tea timestamp=yesterday 5", "INVALID_PARAMS"),
            ("CHATHISTORY BEFORE #tea color=red 5", "INVALID_MSGREFTYPE"),
            ("CHATHISTORY BEFORE #tea msgid=unknown 5", "MESSAGE_ERROR"),
            ("CHATHISTORY LATEST absent * 5", "INVALID_TARGET"),
            ("CHATHISTORY TARGETS 1 2 3", "INVALID_PARAMS"),
            ("CHATHISTORY TARGETS timestamp=2023-01-01T00:00:00.000Z", "INVALID_PARAMS"),
        ],
    )
    def test_invalid_chathistory_is_a_standard_reply(self, line: str, code: str) -> None:
        world = World()
        told(world)
        bob = world.person("bob", "#tea", caps=CAPS)
        assert bob.send(line).one("FAIL").params[:2] == ["CHATHISTORY", code]


@pytest.mark.parametrize(
    "selector", ["LATEST {} *", "BEFORE {} msgid=unknown", "AROUND {} timestamp=2023-01-01T00:00:00.000Z"]
)
def test_closed_room_and_missing_room_are_answered_alike(selector: str) -> None:
    world = World()
    told(world, room="#closed").send("MODE #closed +is")
    bob = world.person("bob", caps=CAPS)
    answers = [bob.send(f"CHATHISTORY {selector.format(room)} 5").one("FAIL").params for room in ("#closed", "#never")]
    assert answers[0][:3] == ["CHATHISTORY", "INVALID_TARGET", selector.partition(" ")[0]]
    assert answers[1] == [word.replace("#closed", "#never") for word in answers[0]]


@pytest.mark.parametrize("line", ["CHATHISTORY LATEST {} * 5", "CHATHISTORY BEFORE {} msgid=unknown 5", "SEARCH in={}"])
def test_open_room_and_missing_room_are_answered_alike(line: str) -> None:
    world = World()
    told(world)
    bob = world.person("bob", "#tea", caps=CAPS + " soju.im/search").send("PART #tea").forget()
    outside, never = (bob.send(line.format(room)).one("FAIL").params for room in ("#tea", "#ten"))
    assert outside[1] == "INVALID_TARGET"
    assert never == [word.replace("#tea", "#ten") for word in outside]


@pytest.mark.parametrize("line", ["CHATHISTORY LATEST #tea * 5", "SEARCH in=#tea"])
def test_member_kicked_during_a_history_query_receives_nothing(line: str) -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = told(world)
    bob = world.person("bob", caps=CAPS + " soju.im/search").send("JOIN #tea", line)
    assert bob.lines() == [], "the reader waits for the commit"
    ann.send("KICK #tea bob")
    while journal.committed < max(fact.seq for fact in world.facts):
        journal.commit()
        world.tick()
    assert bob.one("FAIL").params[1] == "INVALID_TARGET"


def test_empty_room_still_has_its_history() -> None:
    world = World()
    told(world, 3).send("PART #tea")
    assert "#tea" not in world.hub.state.rooms
    bob = world.person("bob", caps=CAPS)
    assert bob.send("CHATHISTORY LATEST #tea * 5").one("FAIL").params[1] == "INVALID_TARGET"
    bob.send("JOIN #tea").forget()
    assert texts(bob.send("CHATHISTORY LATEST #tea * 5")) == "012"
    assert texts(bob.send("CHATHISTORY BEFORE #tea timestamp=2023-01-01T00:00:00.000Z 5")) == ""
    assert bob.send("CHATHISTORY BEFORE #tea msgid=unknown 5").one("FAIL").params[1] == "MESSAGE_ERROR"


def test_failing_query_ends_one_session_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    told(world, 3)
    bad, bob = world.person("bad", "#tea", caps=CAPS), world.person("bob", "#tea", caps=CAPS)

    def ask(subcommand: str, *args: object, **kwargs: object) -> object:
        if subcommand == "BEFORE":
            raise ValueError("text of a user")
        return query(subcommand, *args, **kwargs)

    query: Any = history._query
    monkeypatch.setattr(history, "_query", ask)
    world.hub.receive(bad.session, [f"CHATHISTORY BEFORE #tea {stamp(9)} 5"])
    world.hub.receive(bob.session, ["CHATHISTORY LATEST #tea * 5"])
    world.tick()
    assert bad.lines()[-1].startswith("ERROR ")
    assert [m.params[-1] for m in bob.read() if m.command == "PRIVMSG"] == ["0", "1", "2"]
    assert world.hub.failures == 1


def test_failing_rollback_stops_the_server_before_anything_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
    journal.commit()
    world.tick()
    ann.forget().send("PRIVMSG #tea :lost")
    monkeypatch.setattr(world.hub.recent, "refuse", None)
    with pytest.raises(TypeError):
        journal.fail()
    assert world.hub.commit_gate.fatal_reason


def test_chathistory_without_the_capability_is_unknown() -> None:
    assert World().person("ann").send("CHATHISTORY LATEST #lobby * 5", "SEARCH text=x").commands() == ["421", "421"]


def test_events_are_replayed_with_event_playback_only() -> None:
    world = World()
    ann = told(world, 1)
    ann.send("TOPIC #tea :Green?", "MODE #tea -t", "NICK anna", "PRIVMSG #tea :x")
    bob = world.person("bob", "#tea", caps=CAPS + " draft/event-playback")
    played = batch(bob.send("CHATHISTORY LATEST #tea * 100"))
    assert [m.command for m in played] == ["JOIN", "PRIVMSG", "TOPIC", "MODE", "NICK", "PRIVMSG", "JOIN"]
    assert played[3].params == ["#tea", "-t"]
    assert played[4].params == ["anna"]
    plain = world.person("cleo", "#tea", caps=CAPS)
    assert {m.command for m in batch(plain.send("CHATHISTORY LATEST #tea * 100"))} == {"PRIVMSG"}


class TestPrivate:
    def test_private_history_is_for_its_two_users_only(self) -> None:
        world = World()
        ann, bob, eve = (world.person(nick, caps=CAPS) for nick in ("ann", "bob", "eve"))
        ann.send("PRIVMSG bob :one")
        bob.forget().send("PRIVMSG ann :two")
        ann.forget()
        assert texts(ann.send("CHATHISTORY LATEST bob * 10")) == "onetwo"
        assert texts(bob.send("CHATHISTORY LATEST ann * 10")) == "onetwo"
        assert batch(eve.send("CHATHISTORY LATEST ann * 10")) == []

    def test_batch_names_the_target_as_requested(self) -> None:
        world = World()
        ann, bob = world.person("ann", caps=CAPS), world.person("bob", caps=CAPS)
        ann.send("PRIVMSG bob :hello")
        assert ann.send("CHATHISTORY LATEST BOB * 5").read()[0].params[1:] == ["chathistory", "BOB"]
        bob.send("QUIT")
        ann.forget()
        assert ann.send("CHATHISTORY LATEST Bob * 5").read()[0].params[1:] == ["chathistory", "Bob"]

    def test_next_owner_of_a_name_reads_nothing_of_the_former_one(self) -> None:
        world = World()
        ann, bob = world.person("ann", caps=CAPS), world.person("bob", caps=CAPS)
        ann.send("PRIVMSG bob :secret")
        world.gone(bob)
        thief = world.person("bob", caps=CAPS)
        assert batch(thief.send("CHATHISTORY LATEST ann * 10")) == []

    def test_history_stays_with_the_resume_token(self) -> None:
        world = World()
        ann = world.person("ann", caps=CAPS)

        def enter() -> Person:
            bob = world.connect().send(f"CAP REQ :{CAPS}", "RESUME secret one", "NICK bob", "USER u 0 * :r", "CAP END")
            return bob.forget()

        bob = enter()
        ann.send("PRIVMSG bob :one")
        world.gone(bob)
        assert texts(ann.send("CHATHISTORY LATEST bob * 10")) == "one"  # gone, but known to ann
        assert texts(enter().send("CHATHISTORY LATEST ann * 10")) == "one"


class TestReplayOnJoin:
    def test_client_with_server_time_without_chathistory_is_replayed_the_last_messages(self) -> None:
        world = World(Rules(listener_limit=9, replay_on_join=3, created=START))
        told(world)
        bob = world.person("bob", caps="server-time").send("JOIN #tea")
        read = bob.read()
        assert [m.command for m in read] == ["JOIN", "353", "366", "PRIVMSG", "PRIVMSG", "PRIVMSG"]
        assert [m.params[1] for m in read[3:]] == ["7", "8", "9"]
        assert read[3].tags["time"] == "2023-11-14T22:13:28.000Z"
        cleo = world.person("cleo", caps="server-time batch").send("JOIN #tea")
        assert [m.command for m in cleo.read()][3:] == ["BATCH", "PRIVMSG", "PRIVMSG", "PRIVMSG", "BATCH"]

    @pytest.mark.parametrize("caps", ["", CAPS])
    def test_client_with_chathistory_or_without_server_time_is_replayed_nothing(self, caps: str) -> None:
        world = World()
        told(world)
        assert "PRIVMSG" not in world.person("bob", caps=caps).send("JOIN #tea").commands()

    def test_message_during_the_loading_of_the_replay_arrives_once_and_in_order(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        journal.commit()
        world.tick()
        bob = world.connect().send("CAP REQ :server-time", "NICK bob", "USER u 0 * :r", "CAP END")
        bob.forget()
        ann.send("PRIVMSG #tea :parked")
        bob.send("JOIN #tea")
        ann.send("PRIVMSG #tea :after")
        journal.commit()
        world.tick()
        world.tick()
        journal.commit()
        world.tick()
        assert [m.params[1] for m in bob.read() if m.command == "PRIVMSG"] == ["parked", "after"]

    @pytest.mark.parametrize("label", ["", "@label=l1 "])
    @pytest.mark.parametrize("kept", [True, False])
    def test_uncommitted_message_is_replayed_only_after_its_commit(self, label: str, kept: bool) -> None:
        journal = HeldJournal()
        world = World(journal=journal)

        def settle() -> None:
            journal.commit()
            world.tick()

        ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        settle()
        bob = world.connect()
        bob.send("CAP REQ :server-time batch labeled-response", "NICK bob", "USER u 0 * :r", "CAP END", "JOIN #tea")
        settle()
        bob.send("PART #tea")
        ann.send("PRIVMSG #tea :old")
        settle()
        bob.forget()
        ann.send("PRIVMSG #tea :one", "PRIVMSG #tea :two")
        bob.send(f"{label}JOIN #tea")
        world.tick()
        journal.commit() if kept else journal.fail()
        world.tick()
        read = bob.read()
        if not kept:
            assert [m.params[:2] for m in read] == [["JOIN", "NOT_STORED"]]
            return
        assert [m.params[1] for m in read if m.command == "PRIVMSG"] == ["old", "one", "two"]
        commands = [m.command for m in read]
        assert commands.index("JOIN") < commands.index("PRIVMSG")
        # They are what the room hears, and no part of history or of an answer.
        assert [m.tags.keys() for m in read[-2:]] == [{"time"}, {"time"}]
        assert read[-3].command == "BATCH"


class TestSearch:
    def test_search_filters_by_text_room_sender_and_time(self) -> None:
        world = World()
        told(world)
        bob = world.person("bob", "#tea", caps=CAPS + " soju.im/search")
        bob.send("PRIVMSG #tea :Where is the 7 o'clock tea?")

        def found(line: str) -> list[str]:
            return [m.params[1] for m in batch(bob.send(line), "soju.im/search")]

        assert found("SEARCH text=7;in=#tea") == ["7", "Where is the 7 o'clock tea?"]
        assert found("SEARCH text=tea\\sWHERE") == ["Where is the 7 o'clock tea?"]
        assert found("SEARCH from=Ann;text=7") == ["7"]
        assert found("SEARCH in=#tea;before=2023-11-14T22:13:22.000Z") == ["0"]
        assert found("SEARCH in=#tea;limit=1") == ["Where is the 7 o'clock tea?"]
        assert found("SEARCH text=nothing") == []

    def test_private_messages_are_found_by_their_users_only(self) -> None:
        world = World()
        caps = CAPS + " soju.im/search"
        ann, bob, eve = (world.person(nick, caps=caps) for nick in ("ann", "bob", "eve"))
        ann.send("PRIVMSG bob :needle")
        bob.forget()
        assert len(batch(bob.send("SEARCH text=needle"), "soju.im/search")) == 1
        assert batch(eve.send("SEARCH text=needle"), "soju.im/search") == []
        assert batch(eve.send("SEARCH text=needle;in=bob"), "soju.im/search") == []

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("SEARCH limit=x", "INVALID_PARAMS"),
            ("SEARCH after=noon", "INVALID_PARAMS"),
            ("SEARCH in=absent", "INVALID_TARGET"),
            ("SEARCH in=#nowhere", "INVALID_TARGET"),
        ],
    )
    def test_invalid_search_is_a_standard_reply(self, line: str, code: str) -> None:
        person = World().person("ann", "#tea", caps=CAPS + " soju.im/search")
        assert person.send(line).one("FAIL").params[:2] == ["SEARCH", code]


def test_history_holds_released_messages_and_a_session_reads_its_writes() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    people = []
    for nick in ("ann", "bob", "eve"):
        person = world.connect().send(f"CAP REQ :{CAPS}", f"NICK {nick}", "USER u 0 * :r", "CAP END", "JOIN #tea")
        journal.commit()
        world.tick()
        people.append(person)
    ann, bob, eve = (person.forget() for person in people)
    ann.send("PRIVMSG #tea :parked", "CHATHISTORY LATEST #tea * 5")
    eve.send("CHATHISTORY LATEST #tea * 5")
    assert ann.lines() == bob.lines() == eve.lines() == []
    journal.commit()
    world.tick()
    assert texts(ann) == "parked"
    assert [message.command for message in eve.read()] == ["PRIVMSG", "BATCH", "PRIVMSG", "BATCH"]


class TestNotStored:
    def test_failed_commit_is_shown_to_its_sender_only(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        people = []
        for nick in ("ann", "bob"):
            people.append(world.connect().send(f"NICK {nick}", "USER u 0 * :r", "JOIN #tea"))
            journal.commit()
            world.tick()
        ann, bob = (person.forget() for person in people)
        cleo = world.connect().send("NICK cleo", "USER u 0 * :r").forget()
        ann.send("PRIVMSG #tea :lost", "TOPIC #tea :Lost", "PRIVMSG bob :lost too", "PING x")
        cleo.send("JOIN #tea")
        journal.fail()
        world.tick()
        assert bob.read() == []
        assert cleo.one("FAIL").params[:2] == ["JOIN", "NOT_STORED"]
        read = ann.read()
        assert [m.params[:2] for m in read if m.command == "FAIL"] == [
            ["PRIVMSG", "NOT_STORED"],
            ["TOPIC", "NOT_STORED"],
            ["PRIVMSG", "NOT_STORED"],
        ]
        assert [m.command for m in read if m.command != "FAIL"] == ["PONG"]
        assert world.hub.state.rooms["#tea"].topic == ""
        assert "lost" not in [fact.text for fact in world.facts]

    def test_messages_are_refused_while_the_journal_fails(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        journal.commit()
        world.tick()
        ann.forget().send("PRIVMSG #tea :lost")
        journal.fail("the disk is full")
        world.tick()
        assert "the disk is full" in ann.one("FAIL").params[-1]
        before = len(journal.facts)
        assert ann.send("PRIVMSG #tea :no").commands() == ["FAIL"]
        assert len(journal.facts) == before
        world.now += 1000
        ann.forget().send("PRIVMSG #tea :a try")
        assert ann.send("PRIVMSG #tea :no").commands() == []  # after parked output
        journal.commit()
        world.tick()
        assert ann.commands() == ["FAIL"]
        ann.send("PRIVMSG #tea :yes")
        assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["a try", "yes"]

    def test_messages_are_refused_while_a_commit_takes_too_long(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea")
        journal.commit()
        world.tick()
        ann.forget().send("PRIVMSG #tea :slow")
        world.now += 6000
        ann.send("PRIVMSG #tea :refused")
        journal.commit()
        world.tick()
        assert "too long" in ann.one("FAIL").params[-1]
        assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["slow"]


def test_rooms_are_restored_as_stored() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = world.connect().send("NICK ann", "USER u 0 * :r", "JOIN #tea,#plain", "TOPIC #tea :Green?", "MODE #tea -n")
    journal.commit()
    world.tick()
    assert list(journal.stored) == ["#tea"]
    world.gone(ann)
    assert "#tea" in world.hub.state.rooms  # it was set up: it stays
    assert "#plain" not in world.hub.state.rooms
    again = World()
    again.hub.state.restore(journal.stored["#tea"])
    bob = again.person("bob", "#tea")
    assert bob.send("TOPIC #tea").one("332").params[-1] == "Green?"
    assert bob.send("MODE #tea").one("324").params[-1] == "+t"
    assert "@bob" in bob.send("NAMES #tea").one("353").params[-1]


@pytest.mark.parametrize("line", ["AFTER #tea msgid={} 5", "BEFORE #tea msgid={} 5", "AROUND #tea msgid={} 5"])
def test_msgid_of_a_pruned_message_marks_its_point(line: str) -> None:
    journal = MemoryJournal()
    world = World(journal=journal)
    told(world)
    bob = world.person("bob", "#tea", caps=CAPS)
    sent = [fact for fact in journal.facts if fact.kind == "PRIVMSG"]
    pruned = sent[1]
    command = f"CHATHISTORY {line.format(pruned.message_id)}"
    whole = [m.params[1] for m in bob.send(command).read() if m.command == "PRIVMSG"]
    journal.facts.remove(pruned)
    read = bob.send(command).read()
    rest = [text for text in whole if text != pruned.text]  # a page around it has room for one more now
    assert [m.params[1] for m in read if m.command == "PRIVMSG"][: len(rest)] == rest
    assert "FAIL" not in [m.command for m in read]


def test_invalid_reference_type_names_the_target() -> None:
    bob = World().person("bob", "#tea", caps=CAPS)
    fail = bob.send("CHATHISTORY BEFORE #tea color=red 5").one("FAIL")
    assert fail.params[:5] == ["CHATHISTORY", "INVALID_MSGREFTYPE", "BEFORE", "#tea", "color=red"]
