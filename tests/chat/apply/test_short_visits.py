"""Short visits (`chatctl/transient`): speaking and reading without coming and going, and none of a member's effects."""

from __future__ import annotations

from chatctl.chat.model.policy import Rules
from tests.chat.accounts import a_world, add, enter
from tests.chat.world import START, Person, World

VISITOR = "chatctl/transient echo-message server-time batch draft/chathistory message-tags"


def visitor(world: World, nick: str, *rooms: str, console: bool = False) -> Person:
    """A session on a short visit that has been in `rooms`; all output is kept for assertions."""
    world._ids += 1
    session = world.hub.connect(world._ids, "127.0.0.1", encrypted=True, console=console)
    person = Person(world, session)
    person.send("CAP LS 302", f"CAP REQ :{VISITOR}", f"NICK {nick}", "USER u 0 * :Real Name", "CAP END")
    if rooms:
        person.send("JOIN " + ",".join(rooms))
    return person


def commands(person: Person) -> list[str]:
    return [message.command for message in person.read()]


def test_members_see_the_message_and_neither_join_nor_quit() -> None:
    world = World()
    ann = world.person("ann", "#lobby")
    ben = visitor(world, "ben", "#lobby")
    ben.send("PRIVMSG #lobby :built", "QUIT")
    assert [(message.command, message.source) for message in ann.read()] == [("PRIVMSG", "ben!~u@" + host(ben))]
    assert [fact.kind for fact in world.facts if fact.source.startswith("ben!")] == ["PRIVMSG"]


def host(person: Person) -> str:
    return person.session.host


def test_visitor_reads_join_names_and_its_echo_once() -> None:
    world = World()
    world.person("ann", "#lobby")
    for console in (False, True):
        ben = visitor(world, "ben", console=console).forget()
        ben.send("JOIN #lobby")
        read = ben.read()
        assert [message.command for message in read if message.command in ("JOIN", "353", "366")] == [
            "JOIN",
            "353",
            "366",
        ]
        assert next(message for message in read if message.command == "353").params[-1] == "ann"
        ben.send("PRIVMSG #lobby :hello")
        assert commands(ben) == ["PRIVMSG"]
        ben.send("QUIT")


def test_visitor_is_in_no_list_and_takes_no_place_in_the_room() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    ann.send("MODE #tea +l 2")
    visitor(world, "ben", "#tea")
    ann.forget().send("NAMES #tea", "WHO #tea", "LIST")
    read = ann.read()
    assert next(message for message in read if message.command == "353").params[-1] == "@ann"
    assert [message.param(5) for message in read if message.command == "352"] == ["ann"]
    assert next(message.param(2) for message in read if message.command == "322" and message.param(1) == "#tea") == "1"
    assert world.person("cat").send("JOIN #tea").one("JOIN")


def test_visitor_is_not_reported_by_monitor() -> None:
    world = World()
    ann = world.person("ann")
    ann.send("MONITOR + ben").forget()
    ben = visitor(world, "ben", "#lobby")
    ann.send("MONITOR S")
    assert commands(ann) == ["731"]
    ben.send("NICK bob", "QUIT")
    assert commands(ann) == []


def test_only_control_socket_visitors_receive_messages() -> None:
    world = World()
    ann = world.person("ann", "#lobby")
    ben = visitor(world, "ben", "#lobby").forget()
    owner = visitor(world, "owner", "#lobby", console=True).forget()
    ann.send("PRIVMSG #lobby :hello")
    assert commands(ben) == []
    assert commands(owner) == ["PRIVMSG"]
    owner.send("PART #lobby")
    assert commands(owner) == ["PART"]
    ann.forget().send("PRIVMSG #lobby :again")
    assert commands(owner) == []


def test_visitor_reads_history_until_banned() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    ann.send("PRIVMSG #tea :hello")
    ben = visitor(world, "ben").forget()
    ben.send("CHATHISTORY LATEST #tea * 10")
    assert commands(ben) == ["FAIL"]
    ben.send("JOIN #tea").forget()
    ben.send("CHATHISTORY LATEST #tea * 10")
    assert commands(ben) == ["BATCH", "PRIVMSG", "BATCH"]
    ann.send("MODE #tea +b ben")
    ben.send("CHATHISTORY LATEST #tea * 10", "PRIVMSG #tea :but", "PART #tea", "JOIN #tea")
    assert commands(ben) == ["FAIL", "404", "PART", "474"]


def test_rules_of_the_room_hold_for_visitors() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    ann.send("MODE #tea +m")
    ben = visitor(world, "ben", "#tea").forget()
    ben.send("PRIVMSG #tea :hello")
    assert commands(ben) == ["404"]
    ann.send("MODE #tea -m+k key")
    eve = visitor(world, "eve").forget()
    eve.send("JOIN #tea", "PRIVMSG #tea :hello")
    assert commands(eve) == ["475", "404"]
    eve.send("JOIN #tea key", "PRIVMSG #tea :hello")
    assert "PRIVMSG" in commands(eve)


def test_kick_ends_a_visit() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    ben = visitor(world, "ben", "#tea").forget()
    ann.send("KICK #tea ben :enough")
    assert ann.one("KICK").params == ["#tea", "ben", "enough"]
    assert commands(ben) == ["KICK"]
    ben.send("PRIVMSG #tea :hello")
    assert commands(ben) == ["404"]


def test_first_member_of_a_room_opened_by_visitors_is_operator() -> None:
    world = World()
    visitor(world, "ben", "#new").send("PRIVMSG #new :first")
    ann = world.person("ann")
    ann.send("JOIN #new")
    assert next(message for message in ann.read() if message.command == "353").params[-1] == "@ann"


def test_room_with_visitors_only_ends_with_them() -> None:
    world = World()
    ben = visitor(world, "ben", "#new")
    assert "#new" in world.hub.state.rooms
    ben.send("QUIT")
    assert "#new" not in world.hub.state.rooms
    ben = visitor(world, "ben", "#new")
    world.gone(ben)
    assert "#new" not in world.hub.state.rooms


def test_visitors_follow_a_renamed_room() -> None:
    world = World()
    ann = world.person("ann", "#tea")
    ben = visitor(world, "ben", "#tea").forget()
    ann.send("RENAME #tea #coffee")
    ben.send("PRIVMSG #coffee :hello", "QUIT")
    assert ann.one("PRIVMSG").params == ["#coffee", "hello"]


def test_control_socket_takes_no_place() -> None:
    world = World(Rules(listener_limit=1, created=START))
    ann = world.person("ann", "#lobby")
    ben = visitor(world, "ben")
    assert "ERROR" in commands(ben)
    owner = visitor(world, "owner", "#lobby", console=True)
    owner.send("PRIVMSG #lobby :hello", "QUIT")
    assert commands(ann) == ["PING", "PRIVMSG"] or commands(ann) == []
    assert world.hub.state.places_taken == 1


def test_control_socket_needs_neither_password_nor_account() -> None:
    for rules in (Rules(created=START, password="secret"), Rules(created=START, guests=False)):
        world = World(rules)
        assert visitor(world, "owner", "#lobby", console=True).session.registered


def test_name_of_another_user_is_refused() -> None:
    world = World()
    world.person("ann", "#lobby")
    owner = visitor(world, "ann", console=True)
    assert next(m for m in owner.read() if m.command == "433").params[-1].startswith("The name ann is taken")


def test_name_of_an_account_is_refused_without_its_password() -> None:
    world = a_world()
    add(world, "ann")
    owner = visitor(world, "ann", console=True)
    assert "433" in commands(owner)


def test_capability_cannot_be_requested_after_registration() -> None:
    world = World()
    ann = world.person("ann", "#lobby")
    ann.send("CAP REQ :chatctl/transient")
    assert ann.one("CAP").params[1] == "NAK"


def test_visit_of_a_connected_account_leaves_no_room_and_moves_no_position() -> None:
    world = a_world()
    add(world, "ann")
    ann = enter(world, "ann", "sesame")
    ann.send("JOIN #lobby")
    ben = world.person("ben", "#lobby", "#tea")
    script = enter(world, "ann", "sesame", caps="chatctl/transient echo-message")
    assert script.session.transient
    script.forget().send("JOIN #tea", "PRIVMSG #tea :hello", "PRIVMSG #lobby :hello", "QUIT")
    assert commands(ben) == ["PRIVMSG", "PRIVMSG"]
    assert list(world.hub.state.user_named("ann").rooms) == ["#lobby"]  # type: ignore[union-attr]
    ann.forget().send("PRIVMSG #tea :still here?")
    assert commands(ann) == ["404"]


def test_owner_who_joins_during_a_visit_is_announced() -> None:
    world = a_world()
    add(world, "ann")
    ben = world.person("ben", "#lobby")
    ben.send("MONITOR + ann").forget()
    script = enter(world, "ann", "sesame", caps="chatctl/transient")
    script.send("JOIN #lobby")
    assert commands(ben) == []
    ann = enter(world, "ann", "sesame")
    ann.send("JOIN #lobby")
    assert commands(ben) == ["730", "JOIN"]
    script.send("QUIT")
    assert commands(ben) == []
    ann.send("QUIT")
    assert commands(ben) == ["QUIT", "731"]
