"""A message sent again after a cut is kept and shown once (chat/commands/dedup)."""

from __future__ import annotations

from tests.chat.world import HeldJournal, Person, World

CAPS = "echo-message message-tags chatctl/resume"


def enter(world: World, nick: str = "ann") -> Person:
    person = world.connect().send(
        f"CAP REQ :{CAPS}", f"RESUME secret-of-{nick} one", f"NICK {nick}", "USER u 0 * :r", "CAP END", "JOIN #tea"
    )
    return person.forget()


def test_resent_stored_message_is_answered_with_its_first_echo() -> None:
    world = World()
    bob = enter(world, "bob")
    ann = enter(world)
    bob.forget()
    ann.send("@chatctl/ref=x.1 PRIVMSG #tea :one", "@chatctl/ref=x.2 PRIVMSG #tea :two")
    first = ann.read()
    assert [m.tags.get("chatctl/ref") for m in bob.read()] == [None, None]
    again = enter(world)
    bob.forget()
    again.send(*(f"@chatctl/ref=x.{n};chatctl/resend PRIVMSG #tea :{t}" for n, t in ((2, "two"), (3, "three"))))
    echoes = again.read()
    assert [m.params[1] for m in echoes] == ["two", "three"]
    assert echoes[0].tags["msgid"] == first[1].tags["msgid"]
    assert [m.params[1] for m in bob.read()] == ["three"]
    assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["one", "two", "three"]


def test_message_sent_after_the_first_lookup_is_looked_up_too() -> None:
    """On one connection: a resend, then new messages, then resends of those."""
    world = World()
    ann = enter(world)
    ann.send("@chatctl/ref=x.1;chatctl/resend PRIVMSG #tea :one")
    ann.send("@chatctl/ref=x.2 PRIVMSG #tea :two")
    ann.send("@chatctl/ref=x.2;chatctl/resend PRIVMSG #tea :two")
    ann.send("@chatctl/ref=x.3;chatctl/resend PRIVMSG #tea :three")
    ann.send("@chatctl/ref=x.3;chatctl/resend PRIVMSG #tea :three", "@chatctl/ref=x.1;chatctl/resend PRIVMSG #tea :one")
    assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["one", "two", "three"]
    assert [m.params[1] for m in ann.read()] == ["one", "two", "two", "three", "three", "one"]


def test_uncommitted_message_is_deduplicated() -> None:
    journal = HeldJournal()
    world = World(journal=journal)
    ann = enter(world)
    journal.commit()
    world.tick()
    ann.send("@chatctl/ref=x.1 PRIVMSG #tea :one")  # parked when the connection breaks
    again = world.connect().send(
        f"CAP REQ :{CAPS}", "RESUME secret-of-ann one", "NICK ann", "USER u 0 * :r", "CAP END", "JOIN #tea"
    )
    again.send("@chatctl/ref=x.1;chatctl/resend PRIVMSG #tea :one")
    for _ in range(3):
        journal.commit()
        world.tick()
    assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["one"]
    assert [m.params[1] for m in again.read() if m.command == "PRIVMSG"] == ["one"]


def test_private_messages_are_deduplicated() -> None:
    world = World()
    enter(world, "bob")
    ann = enter(world)
    ann.send("@chatctl/ref=x.1 PRIVMSG bob :psst").forget()
    enter(world).send("@chatctl/ref=x.1;chatctl/resend PRIVMSG bob :psst")
    assert [fact.text for fact in world.facts if fact.kind == "PRIVMSG"] == ["psst"]


def test_unmarked_message_is_stored_whatever_its_number() -> None:
    world = World()
    ann = enter(world)
    ann.send("@chatctl/ref=x.1 PRIVMSG #tea :one", "@chatctl/ref=x.1 PRIVMSG #tea :one")
    assert len([fact for fact in world.facts if fact.kind == "PRIVMSG"]) == 2
