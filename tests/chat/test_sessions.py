"""Several sessions that are one user: the same account from two terminals, under one name."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.identity import MOST_SESSIONS
from chatctl.chat.rules import Rules
from tests.chat.accounts import a_world, add, enter, rules
from tests.chat.world import Person, World


def two(world: World, caps: str = "echo-message message-tags") -> tuple[Person, Person, Person]:
    """Ann at the desk, Ann on the train, and Bob; all in #lobby."""
    add(world, "ann")
    desk = enter(world, "ann", "sesame", caps=caps)
    desk.send("JOIN #lobby")
    bob = world.person("bob", "#lobby", caps="message-tags")
    train = enter(world, "ann", "sesame", caps=caps)
    for person in (desk, bob):
        person.forget()
    return desk, train, bob


def test_the_second_one_gets_the_rooms_and_nobody_notices() -> None:
    world = a_world()
    desk, train, bob = two(world)
    got = train.read()
    commands = [m.command for m in got]
    assert commands.index("001") < commands.index("JOIN") < commands.index("353")
    assert next(m for m in got if m.command == "JOIN").nick == "ann"
    assert desk.lines() == bob.lines() == []
    assert len(world.hub.state.users) == 2
    assert world.hub.state.registered == len(world.hub.sessions) == 3


def test_a_name_that_is_not_the_accounts_own_is_given_to_its_other_terminal_too() -> None:
    """Ann is called annie today: NICK comes before the login, as clients send it, and is not refused for that."""
    world = a_world()
    add(world, "ann")
    enter(world, "annie", "sesame", account="ann")
    train = enter(world, "annie", "sesame", account="ann").commands()
    assert ("433" in train, "001" in train) == (False, True)
    assert len(world.hub.state.users) == 1
    stranger = world.connect().send("CAP LS 302", "NICK annie", "USER u 0 * :r", "CAP REQ :standard-replies", "CAP END")
    assert "433" in stranger.commands()
    asks = world.connect().send("CAP LS 302", "CAP REQ :standard-replies").forget()
    assert asks.send("NICK annie").one("NOTE").params[:3] == ["NICK", "NICKNAME_IN_USE", "annie"]
    assert world.connect().send("NICK annie").commands() == ["433"]


def test_each_sees_what_the_other_says() -> None:
    world = a_world()
    desk, train, bob = two(world)
    train.forget()
    desk.send("PRIVMSG #lobby :from the desk")
    assert [person.one("PRIVMSG").params[1] for person in (desk, train, bob)] == ["from the desk"] * 3
    train.send("PRIVMSG bob :from the train")
    assert [person.one("PRIVMSG").params for person in (desk, train, bob)] == [["bob", "from the train"]] * 3
    bob.send("PRIVMSG ann :hello both")
    assert [person.one("PRIVMSG").params[1] for person in (desk, train)] == ["hello both"] * 2


def test_without_echoes_the_other_one_sees_it_all_the_same() -> None:
    world = a_world()
    desk, train, bob = two(world, caps="")
    train.forget()
    desk.send("PRIVMSG #lobby :one", "PRIVMSG bob :two")
    assert desk.lines() == []
    assert [m.params for m in train.read()] == [["#lobby", "one"], ["bob", "two"]]
    assert [m.params[1] for m in bob.read()] == ["one", "two"]


def test_answers_go_to_the_one_who_asked_and_changes_to_both() -> None:
    world = a_world()
    desk, train, bob = two(world, caps="labeled-response batch message-tags")
    train.forget()
    train.send("JOIN nowhere", "WHO #lobby", "TOPIC #elsewhere :x")
    assert desk.lines() == []
    assert {"403", "315"} <= set(train.commands())
    assert train.send("@label=x JOIN #tea").read()[0].tags.get("label") == "x"
    assert "JOIN" in desk.commands()
    desk.send("NICK annie")
    assert [person.one("NICK").params for person in (desk, train, bob)] == [["annie"]] * 3
    train.send("PART #tea")
    assert desk.one("PART").params == ["#tea"]
    assert train.send("NAMES #lobby").one("353").params[-1].count("annie") == 1


def test_one_leaves_and_the_other_stays_whichever_came_first() -> None:
    for first in (True, False):
        world = a_world()
        desk, train, bob = two(world)
        train.forget()
        goes, stays = (desk, train) if first else (train, desk)
        goes.send("QUIT :bye")
        assert goes.commands() == ["ERROR"]
        assert bob.lines() == []
        stays.send("PRIVMSG #lobby :still here", "WHOIS ann")
        assert "PRIVMSG" in bob.commands()
        assert "318" in stays.commands()
        bob.send("PRIVMSG ann :good")
        assert stays.one("PRIVMSG").params[1] == "good"
        third = enter(world, "ann", "sesame")
        assert "353" in third.commands()
        world.gone(stays)
        world.gone(third)
        assert "QUIT" in bob.commands()
        assert not world.hub.state.attached
        assert world.hub.state.more_sessions == 0
        assert world.hub.failures == 0


def test_a_dead_connection_is_no_obstacle() -> None:
    """The owner is in at once, whatever became of the connection before."""
    world = a_world()
    add(world, "ann")
    enter(world, "ann", "sesame").send("JOIN #lobby")
    bob = world.person("bob", "#lobby")
    assert enter(world, "ann", "sesame").session.registered
    assert bob.lines() == []


def test_the_same_program_coming_back_takes_the_place_of_its_dead_self() -> None:
    world = a_world()
    add(world, "ann")
    people = []
    for _ in range(3):
        person = world.connect().send("CAP REQ :sasl chatctl/resume", "RESUME secret one", "NICK ann", "USER u 0 * :r")
        person.send("AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZXNhbWU=", "CAP END")
        people.append(person)
    user = world.hub.state.user_named("ann")
    assert user is not None
    assert user.ids == (people[-1].session.id,)
    assert people[-1].session.registered
    assert people[0].session.closing


@pytest.mark.parametrize(("limit", "held"), [(MOST_SESSIONS, True), (1000, False)])
def test_they_take_one_place_and_there_is_an_end_to_them(
    limit: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatctl.chat.apply.identity.MOST_SESSIONS", limit)
    world = World(Rules(listener_limit=1, created=0, iterations=4096))
    add(world, "ann")
    many = [enter(world, "ann", "sesame") for _ in range(MOST_SESSIONS + 1)]
    assert [person.session.registered for person in many] == [True] * MOST_SESSIONS + [not held]
    assert ("more is not possible" in many[-1].lines()[-1]) is held


def test_kicked_and_killed_are_both() -> None:
    world = World(rules())
    desk, train, bob = two(world)
    train.forget()
    bob.send("JOIN #his").forget()
    desk.send("JOIN #his").forget()
    train.forget()
    bob.send("KICK #his ann :out")
    assert desk.one("KICK").params == train.one("KICK").params
    bob.send("PRIVMSG #his :alone")
    assert desk.lines() == train.lines() == []
    add(world, "root", operator=True)
    root = enter(world, "root", "sesame")
    root.send("KILL ann :enough")
    assert "ERROR" in desk.commands()
    assert "ERROR" in train.commands()
    assert world.hub.state.user_named("ann") is None
    assert world.hub.failures == 0


def test_logging_out_is_of_both_and_guests_are_never_one() -> None:
    world = a_world()
    desk, train, _ = two(world)
    train.forget()
    desk.send("NS LOGOUT")
    assert "901" in desk.commands()
    assert train.session.account == desk.session.account == ""
    eve = world.connect().send("NICK bob", "USER u 0 * :r")
    assert eve.commands() == ["433"]
