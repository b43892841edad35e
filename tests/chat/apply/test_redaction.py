"""REDACT: ircv3.net/specs/extensions/message-redaction."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chatctl.chat.entries.queries import AnyQuery, HistoryPage
from chatctl.chat.history.memory_journal import MemoryJournal, answer
from tests.chat import accounts
from tests.chat.world import HeldJournal, Person, World

CAPS = "batch message-tags server-time echo-message labeled-response draft/message-redaction draft/chathistory"


def two(caps: str = CAPS) -> tuple[World, Person, Person]:
    """Ann, operator of #tea, and Bob."""
    world = World()
    ann, bob = world.person("ann", "#tea", caps=caps), world.person("bob", "#tea", caps=caps)
    return world, ann.forget(), bob.forget()


def said(person: Person, text: str = "oops", target: str = "#tea") -> str:
    id = person.send(f"PRIVMSG {target} :{text}").one("PRIVMSG").tags["msgid"]
    for each in person.world.hub.sessions.values():
        each.out = None
    return id


class TestWhoMay:
    def test_sender_can_redact_its_message(self) -> None:
        _, ann, bob = two()
        id = said(bob)
        bob.send(f"REDACT #TEA {id} :typo")
        assert bob.one("REDACT").params == ann.one("REDACT").params == ["#tea", id, "typo"]

    def test_room_operator_can_redact(self) -> None:
        _, ann, bob = two()
        id = said(bob)
        ann.send(f"REDACT #tea {id}")
        redacted = bob.one("REDACT")
        assert redacted.params == ["#tea", id]
        assert redacted.nick == "ann"

    def test_other_member_cannot_redact(self) -> None:
        _, ann, bob = two()
        id = said(ann)
        assert bob.send(f"REDACT #tea {id}").one("FAIL").params[:-1] == ["REDACT", "REDACT_FORBIDDEN", "#tea", id]
        assert ann.lines() == []

    def test_next_owner_of_the_name_cannot_redact(self) -> None:
        world, _, bob = two()
        id = said(bob)
        bob.send("NICK robert")
        eve = world.person("bob", "#tea", caps=CAPS)
        assert eve.send(f"REDACT #tea {id}").one("FAIL").params[1] == "REDACT_FORBIDDEN"

    def test_guest_cannot_redact_an_imported_message_of_its_nick(self) -> None:
        world, ann, bob = two()
        said(bob)
        assert isinstance(world.journal, MemoryJournal)
        latest = world.journal.facts[-1]
        foreign = replace(latest, part=1, message_id="elsewhere-2", source="bob!u@elsewhere", text="foreign")
        world.journal.facts.append(foreign)
        failure = bob.send("REDACT #tea elsewhere-2").one("FAIL")
        assert failure.params[:-1] == ["REDACT", "REDACT_FORBIDDEN", "#tea", "elsewhere-2"]
        assert ann.lines() == []
        assert ann.send("REDACT #tea elsewhere-2").commands() == ["REDACT"]  # as operator

    def test_redaction_after_the_time_limit_is_refused(self) -> None:
        world, ann, bob = two()
        world.now += 1000
        id = said(bob)
        world.now += 24 * 3_600_000 + 1
        failure = bob.send(f"REDACT #tea {id}").one("FAIL")
        assert failure.params[:-1] == ["REDACT", "REDACT_WINDOW_EXPIRED", "#tea", id, "86400"]
        assert ann.send(f"REDACT #tea {id}").commands() == ["REDACT"]  # an operator may at any time

    def test_private_message_is_redacted_by_its_sender_only(self) -> None:
        _, ann, bob = two()
        id = said(ann, target="bob")
        assert bob.send(f"REDACT ann {id}").one("FAIL").params[1] == "REDACT_FORBIDDEN"
        ann.send(f"REDACT bob {id} :x")
        assert ann.one("REDACT").params == bob.one("REDACT").params == ["bob", id, "x"]

    @pytest.mark.parametrize("target", ["#nowhere", "#cake", "nobody"])
    def test_redaction_in_a_room_without_membership_is_refused(self, target: str) -> None:
        world, ann, bob = two()
        world.person("eve", "#cake")
        failure = bob.send(f"REDACT {target} {said(ann)}").one("FAIL")
        assert failure.params[:-1] == ["REDACT", "INVALID_TARGET", target]

    @pytest.mark.parametrize("id", ["nonsense", "boot-99999", ":a b"])
    def test_redaction_of_a_missing_message_is_refused(self, id: str) -> None:
        _, ann, bob = two()
        said(bob)
        assert bob.send(f"REDACT #tea {id}").one("FAIL").params[1] == "UNKNOWN_MSGID"
        assert ann.lines() == []

    def test_redaction_of_a_message_of_another_room_is_refused(self) -> None:
        _, ann, _bob = two()
        id = said(ann, target="bob")
        assert ann.send(f"REDACT #tea {id}").one("FAIL").params[1] == "UNKNOWN_MSGID"

    def test_second_redaction_is_refused(self) -> None:
        _, _, bob = two()
        id = said(bob)
        bob.send(f"REDACT #tea {id}").forget()
        assert bob.send(f"REDACT #tea {id}").one("FAIL").params[1] == "UNKNOWN_MSGID"


class TestTelling:
    def test_redact_is_relayed_to_clients_with_the_capability(self) -> None:
        world, _, bob = two()
        old = world.person("old", "#tea", caps="message-tags echo-message")
        id = said(bob)
        bob.send(f"REDACT #tea {id}")
        assert old.lines() == []
        assert old.send(f"REDACT #tea {id}").commands() == ["421"]

    def test_redact_response_carries_the_label(self) -> None:
        _, ann, bob = two()
        id, other = said(bob), said(bob)
        assert bob.send(f"@label=a REDACT #tea {id}").one("REDACT").tags["label"] == "a"
        assert "label" not in ann.one("REDACT").tags
        assert bob.send("@label=b REDACT #tea x").one("FAIL").tags["label"] == "b"
        bob.send("CAP REQ -echo-message").forget()
        assert bob.send(f"@label=c REDACT #tea {other}").one("ACK").tags["label"] == "c"

    def test_redaction_reason_that_does_not_fit_is_refused(self) -> None:
        _, _, bob = two()
        assert bob.send(f"REDACT #tea {said(bob)} :{'x' * 470}").commands() == ["417"]


class TestGone:
    def test_redacted_message_is_gone_from_history_search_and_replay(self) -> None:
        world, ann, bob = two(CAPS + " soju.im/search")
        said(ann, "before")
        id = said(bob, "the secret word")
        said(ann, "after")
        bob.send(f"REDACT #tea {id}").forget()
        ann.forget()
        texts = [m.params[1] for m in ann.send("CHATHISTORY LATEST #tea * 50").read() if m.command == "PRIVMSG"]
        assert texts == ["before", "after"]
        assert "PRIVMSG" not in ann.send("SEARCH text=secret").commands()
        assert "PRIVMSG" not in ann.send("SEARCH from=bob").commands()
        plain = world.connect().send("CAP REQ server-time", "NICK eve", "USER u 0 * :r", "CAP END", "JOIN #tea")
        assert [m.params[1] for m in plain.read() if m.command == "PRIVMSG"] == ["before", "after"]
        assert "secret" not in str(world.facts)

    def test_reaction_can_be_redacted(self) -> None:
        world, ann, bob = two()
        bob.send("@+draft/react=x;+draft/reply=y TAGMSG #tea")
        id = bob.one("TAGMSG").tags["msgid"]
        ann.forget()
        bob.send(f"REDACT #tea {id}")
        assert ann.commands() == ["REDACT"]
        assert "draft/react" not in str(world.facts)

    def test_event_playback_includes_redactions_for_clients_that_know_them(self) -> None:
        world, _, bob = two()
        id = said(bob)
        bob.send(f"REDACT #tea {id} :typo")
        events = "batch draft/chathistory draft/event-playback"
        knows = world.person("knows", "#tea", caps=events + " draft/message-redaction")
        assert knows.send("CHATHISTORY LATEST #tea * 50").one("REDACT").params == ["#tea", id, "typo"]
        old = world.person("old", "#tea", caps=events)
        assert {"REDACT", "REDACTED"}.isdisjoint(old.send("CHATHISTORY LATEST #tea * 50").commands())

    def test_redaction_without_recipients_is_stored(self) -> None:
        world = World()
        ann = world.person("ann", "#tea", caps="message-tags echo-message draft/message-redaction")
        id = said(ann)
        ann.send("CAP REQ -echo-message", f"REDACT #tea {id}")
        assert world.facts[-1].kind == "REDACT"

    def test_unstored_redaction_is_rolled_back(self) -> None:
        journal = HeldJournal()
        world = World(journal=journal)
        ann = world.connect().send(f"CAP REQ :{CAPS}", "NICK ann", "USER u 0 * :r", "CAP END", "JOIN #tea")
        ann.send("PRIVMSG #tea :hi")
        journal.commit()
        world.tick()
        id = ann.one("PRIVMSG").tags["msgid"]
        ann.send(f"REDACT #tea {id}")
        journal.fail()
        world.tick()
        assert ann.one("FAIL").params[:2] == ["REDACT", "NOT_STORED"]


RENAMING = "sasl batch server-time message-tags draft/chathistory draft/message-redaction draft/channel-rename"


class SlowReaders(MemoryJournal):
    """While `held` is a list, answers wait in it: there are several readers, so they come in any order."""

    held: list[Callable[[], None]] | None = None

    def ask(self, query: AnyQuery, done: Callable[[HistoryPage], None]) -> None:
        page = answer(self.facts, query)
        if self.held is None:
            done(page)
        else:
            self.held.append(lambda: done(page))


def test_message_redacted_during_a_room_rename_is_not_shown_again() -> None:
    journal = SlowReaders()
    world = World(accounts.rules(), journal=journal)
    accounts.add(world, "ann")
    one = accounts.enter(world, "ann", "sesame", caps=RENAMING)
    other = accounts.enter(world, "ann", "sesame", caps=RENAMING)
    one.send("JOIN #tea", "PRIVMSG #tea :one", "PRIVMSG #tea :two")
    world.person("vic", caps="server-time message-tags").send("JOIN #tea")  # the tail is held from here on
    message_id = next(fact.message_id for fact in world.facts if fact.text == "one")
    journal.held = []
    one.send(f"REDACT #tea {message_id}")
    other.send("RENAME #tea #new", "JOIN #tea")
    (redact, rename), journal.held = journal.held, None
    rename()
    world.tick()
    redact()
    world.tick()
    zed = world.person("zed", caps="server-time message-tags").send("JOIN #new")
    kept = [fact.text for fact in world.facts if fact.kind == "PRIVMSG"]
    assert [message.params[-1] for message in zed.read() if message.command == "PRIVMSG"] == kept
