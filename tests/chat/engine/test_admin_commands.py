"""Operators of the server at work: modern.ircdocs.horse, "Operator Messages"."""

from __future__ import annotations

from chatctl.chat.entries.tasks import ReadSettings
from tests.chat.world import Person, World


def an_operator(world: World, nick: str = "root", *rooms: str) -> Person:
    """Somebody who is an operator of the server."""
    person = world.person(nick, *rooms)
    user = world.hub.state.user_named(nick)
    assert user is not None
    user.operator = "root"
    return person


def test_kill_disconnects_the_user() -> None:
    """ "KILL message": who goes reads KILL, QUIT and ERROR, the others the same QUIT."""
    world = World()
    root, bob, alice = an_operator(world), world.person("bob", "#tea"), world.person("alice", "#tea")
    root.send("KILL bob :enough of that")
    read = bob.read()
    assert [(m.command, m.nick, m.params[-1]) for m in read] == [
        ("KILL", "root", "enough of that"),
        ("QUIT", "bob", "Killed (root (enough of that))"),
        ("ERROR", "", "Killed (root (enough of that))"),
    ]
    assert alice.one("QUIT").params == ["Killed (root (enough of that))"]
    assert root.forget().send("KILL absent").commands() == ["401"]
    assert root.send("KILL").commands() == ["461"]
    assert alice.send("KILL root :no").commands() == ["481"]
    assert root.send("KILL root").commands()[-1] == "ERROR"


def test_kill_ends_every_session_of_the_user() -> None:
    world = World()
    root = an_operator(world)
    world.person("bob").send("PRIVMSG NickServ :REGISTER sesame", "QUIT")
    bobs = []
    for _ in range(2):
        bobs.append(world.connect().send("CAP REQ :sasl", "NICK bob", "AUTHENTICATE PLAIN"))
        bobs[-1].send("AUTHENTICATE AGJvYgBzZXNhbWU=", "USER u 0 * :r", "CAP END").forget()
    root.send("KILL bob :enough")
    assert [person.commands() for person in bobs] == [["KILL", "QUIT", "ERROR"]] * 2


def test_wallops_reach_users_with_mode_w() -> None:
    """ "WALLOPS message", "Wallops User Mode"."""
    world = World()
    root, bob, alice = an_operator(world), world.person("bob"), world.person("alice")
    assert bob.send("MODE bob +w").one("MODE").params == ["bob", "+w"]
    root.send("WALLOPS :back in five minutes")
    assert bob.one("WALLOPS").params == ["back in five minutes"]
    assert alice.lines() == []
    assert root.lines() == []
    assert alice.send("WALLOPS :hey").commands() == ["481"]
    assert root.send("WALLOPS :").commands() == ["461"]


def test_former_operator_is_refused() -> None:
    """The entry looks again: MODE -o may have come between."""
    world = World()
    root, bob = an_operator(world), world.person("bob")
    user = world.hub.state.user_named("root")
    assert user is not None
    user.modes = "o"
    root.send("MODE root -o", "KILL bob")
    assert "481" in root.commands()
    assert bob.lines() == []


def test_rehash_applies_live_settings_and_reports_the_others() -> None:
    """ "REHASH message"."""
    world = World()
    root, alice = an_operator(world), world.person("alice")
    world.workers.settings = ReadSettings(
        {"motd": "Hello again", "listener_limit": 2},
        ("In force now: motd.", "In force after a restart: port."),
        "/f.toml",
    )
    read = root.send("REHASH").read()
    assert [m.command for m in read] == ["382", "NOTICE", "NOTICE"]
    assert read[0].params[1] == "/f.toml"
    assert [m.params[1] for m in read[1:]] == ["In force now: motd.", "In force after a restart: port."]
    assert "Hello again" in alice.send("MOTD").read()[1].params[-1]
    full = world.connect().send("NICK late", "USER l 0 * :L").read()
    assert "listener_limit = 2" in full[-1].params[0]
    assert alice.send("REHASH").commands() == ["481"]


def test_settings_are_reread_for_the_control_socket() -> None:
    world = World()
    world.workers.settings = ReadSettings({"admin": "Ann"}, ("In force now: admin.",))
    world.hub.reread_settings()
    world.tick()
    assert world.hub.rules.admin == "Ann"
    assert ("settings read again", {"report": "In force now: admin."}) in [
        (event, {key: value for key, value in fields.items() if key == "report"}) for event, fields in world.log.events
    ]


def test_rehash_is_refused_if_too_many_tasks_wait() -> None:
    world = World()
    root = an_operator(world)
    world.workers.held = True
    root.send("REHASH", "PING x")
    assert root.lines() == []  # its next lines wait
    _, _, done = world.workers.tasks.pop()
    done(None)
    world.tick()
    assert root.commands() == ["400", "PONG"]


def test_commands_of_linked_servers_are_refused() -> None:
    world = World()
    root = an_operator(world)
    assert root.send("CONNECT other.example").commands() == ["402"]
    assert root.send("SQUIT other.example :bye").commands() == ["402"]
    assert root.send("RESTART").commands() == ["400"]


def test_operator_can_join_any_room() -> None:
    world = World()
    alice = world.person("alice", "#tea")
    alice.send("MODE #tea +ik key").forget()
    assert an_operator(world).send("JOIN #tea").commands()[0] == "JOIN"
