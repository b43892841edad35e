"""Several sessions that are one user: the same account from two terminals, under one name."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.members import MAX_SESSIONS
from chatctl.chat.model.policy import Rules
from tests.chat.accounts import a_world, add, enter, plain, rules
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


def test_second_session_attaches_silently_to_the_rooms() -> None:
    world = a_world()
    desk, train, bob = two(world)
    got = train.read()
    commands = [m.command for m in got]
    assert commands.index("001") < commands.index("JOIN") < commands.index("353")
    assert next(m for m in got if m.command == "JOIN").nick == "ann"
    assert desk.lines() == bob.lines() == []
    assert len(world.hub.state.users) == 2
    assert world.hub.state.registered == len(world.hub.sessions) == 3


def test_second_session_takes_the_current_nick() -> None:
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


def test_each_session_receives_the_messages_of_the_other() -> None:
    world = a_world()
    desk, train, bob = two(world)
    train.forget()
    desk.send("PRIVMSG #lobby :from the desk")
    assert [person.one("PRIVMSG").params[1] for person in (desk, train, bob)] == ["from the desk"] * 3
    train.send("PRIVMSG bob :from the train")
    assert [person.one("PRIVMSG").params for person in (desk, train, bob)] == [["bob", "from the train"]] * 3
    bob.send("PRIVMSG ann :hello both")
    assert [person.one("PRIVMSG").params[1] for person in (desk, train)] == ["hello both"] * 2


def test_other_session_receives_messages_without_echo_message() -> None:
    world = a_world()
    desk, train, bob = two(world, caps="")
    train.forget()
    desk.send("PRIVMSG #lobby :one", "PRIVMSG bob :two")
    assert desk.lines() == []
    assert [m.params for m in train.read()] == [["#lobby", "one"], ["bob", "two"]]
    assert [m.params[1] for m in bob.read()] == ["one", "two"]


def test_replies_go_to_one_session_and_changes_to_both() -> None:
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


def test_user_stays_while_one_session_is_left() -> None:
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
        assert set(world.hub.state.by_session) == {bob.session.id}
        assert world.hub.failures == 0


def test_dead_session_does_not_prevent_a_login() -> None:
    """The owner is in at once, whatever became of the connection before."""
    world = a_world()
    add(world, "ann")
    enter(world, "ann", "sesame").send("JOIN #lobby")
    bob = world.person("bob", "#lobby")
    assert enter(world, "ann", "sesame").session.registered
    assert bob.lines() == []


def test_returning_client_replaces_its_dead_session() -> None:
    world = a_world()
    add(world, "ann")
    people = []
    for _ in range(3):
        person = world.connect().send("CAP REQ :sasl chatctl/resume", "RESUME secret one", "NICK ann", "USER u 0 * :r")
        person.send("AUTHENTICATE PLAIN", "AUTHENTICATE AGFubgBzZXNhbWU=", "CAP END")
        people.append(person)
    user = world.hub.state.user_named("ann")
    assert user is not None
    assert user.session_ids == (people[-1].session.id,)
    assert people[-1].session.registered
    assert people[0].session.closing


@pytest.mark.parametrize(("limit", "held"), [(MAX_SESSIONS, True), (1000, False)])
def test_sessions_of_an_account_take_one_place_and_are_bounded(
    limit: int, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatctl.chat.apply.members.MAX_SESSIONS", limit)
    world = World(Rules(listener_limit=1, created=0, iterations=4096))
    add(world, "ann")
    many = [enter(world, "ann", "sesame") for _ in range(MAX_SESSIONS + 1)]
    assert [person.session.registered for person in many] == [True] * MAX_SESSIONS + [not held]
    assert ("more is not possible" in many[-1].lines()[-1]) is held


def test_kick_and_kill_affect_all_sessions() -> None:
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


def test_logout_affects_all_sessions_and_guests_are_never_merged() -> None:
    world = a_world()
    desk, train, _ = two(world)
    train.forget()
    desk.send("NS LOGOUT")
    assert "901" in desk.commands()
    assert train.session.account_id == desk.session.account_id == ""
    eve = world.connect().send("NICK bob", "USER u 0 * :r")
    assert eve.commands() == ["433"]


AWAY_CAPS = "away-notify message-tags"


def three(world: World) -> tuple[Person, Person, Person]:
    """Ann at the desk, Ann on the train, and Bob, who is told of absences; all in #lobby."""
    desk, train, _ = two(world)
    bob = world.person("bert", "#lobby", caps=AWAY_CAPS)
    for person in (desk, train):
        person.forget()
    return desk, train, bob


def aways(person: Person) -> list[list[str]]:
    return [list(message.params) for message in person.read() if message.command == "AWAY"]


def test_away_ends_when_the_session_that_set_it_ends() -> None:
    desk, train, bob = three(a_world())
    desk.send("AWAY :lunch")
    assert aways(bob) == [["lunch"]]
    desk.send("QUIT")
    assert aways(bob) == [[]]
    assert bob.send("PRIVMSG ann :hi").commands() == []
    assert "301" not in bob.send("WHOIS ann").commands()
    assert train.one("PRIVMSG").params[1] == "hi"


def test_away_stays_when_another_session_ends() -> None:
    world = a_world()
    desk, train, bob = three(world)
    desk.send("AWAY :lunch")
    bob.forget()
    world.gone(train)
    assert bob.lines() == []
    assert bob.send("WHOIS ann").one("301").params[-1] == "lunch"


def test_latest_away_message_counts_and_the_earlier_one_after_its_session() -> None:
    desk, train, bob = three(a_world())
    desk.send("AWAY :lunch")
    train.send("AWAY :tunnel")
    assert aways(bob) == [["lunch"], ["tunnel"]]
    train.send("QUIT")
    assert aways(bob) == [["lunch"]]


def test_back_from_any_session_clears_all_away_messages() -> None:
    desk, train, bob = three(a_world())
    desk.send("AWAY :lunch")
    assert train.send("AWAY").commands() == ["305"]
    assert aways(bob) == [["lunch"], []]
    train.send("QUIT")
    assert aways(bob) == []


def test_away_of_the_first_session_is_known_before_there_are_others() -> None:
    world = a_world()
    add(world, "ann")
    desk = enter(world, "ann", "sesame").send("JOIN #lobby", "AWAY :lunch")
    bob = world.person("bob", "#lobby", caps=AWAY_CAPS)
    train = enter(world, "ann", "sesame")
    assert bob.send("WHOIS ann").one("301").params[-1] == "lunch"
    desk.send("QUIT")
    assert aways(bob) == [[]]
    train.send("QUIT")
    assert bob.commands() == ["QUIT"]


def test_session_that_registers_as_away_marks_the_user_away_once_it_is_alone() -> None:
    world = a_world()
    add(world, "ann")
    desk = enter(world, "ann", "sesame").send("JOIN #lobby")
    bob = world.person("bob", "#lobby", caps=AWAY_CAPS)
    phone = world.connect().send("CAP LS 302", "NICK ann", "USER u 0 * :r", "CAP REQ :sasl draft/pre-away")
    phone.send("AWAY :in the background", "AUTHENTICATE PLAIN", plain("ann", "sesame"), "CAP END")
    assert phone.session.registered
    assert bob.lines() == []
    desk.send("QUIT")
    assert aways(bob) == [["in the background"]]


def test_away_of_a_dead_session_ends_when_its_program_comes_back() -> None:
    world = a_world()
    add(world, "ann")
    enter(world, "ann", "sesame").send("JOIN #lobby")
    old = resuming(world).send("AWAY :lunch")
    bob = world.person("bob", "#lobby", caps=AWAY_CAPS)
    assert resuming(world).session.registered
    assert not old.session.registered or old.session.closing
    assert aways(bob) == [[]]


def resuming(world: World) -> Person:
    """A session of Ann's whose program shows its tokens."""
    person = world.connect().send("CAP LS 302", "CAP REQ :sasl chatctl/resume", "RESUME secret instance")
    return person.send("NICK ann", "USER u 0 * :r", "AUTHENTICATE PLAIN", plain("ann", "sesame"), "CAP END")
