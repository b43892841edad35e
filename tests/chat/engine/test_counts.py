"""LUSERS: the counts that every registration reports (modern.ircdocs.horse, "LUSERS message")."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.model.policy import Rules
from chatctl.protocol import scram
from tests.chat.accounts import a_world, add, enter
from tests.chat.world import START, Person, World

RULES = Rules(listener_limit=100, created=START, operators={"root": str(scram.make("tea", b"salt", 4096))})
LINES = (
    *("JOIN #a", "JOIN #b", "JOIN #a,#c", "PART #a", "JOIN 0", "RENAME #a #d", "TOPIC #b :kept", "QUIT"),
    *("MODE p{n} +i", "MODE p{n} -i", "MODE p{n} +iw-i+B", "OPER root tea", "MODE p{n} -o", "KICK #a p0", "KILL p1"),
)


def _told(person: Person) -> dict[str, list[str]]:
    return {m.command: list(m.params[1:]) for m in person.forget().send("LUSERS").read()}


def test_lusers_counts_each_kind() -> None:
    world = World(RULES)
    ann, root = world.person("ann", "#tea", "#more"), world.person("root", "#tea")
    world.connect()
    root.send("OPER root tea", "MODE root +i")
    assert _told(ann) == {
        "251": ["There are 1 users and 1 invisible on 1 server"],
        "252": ["1", "operators of the server are here"],
        "253": ["1", "connections that have not registered yet"],
        "254": ["2", "rooms formed"],
        "255": ["I have 2 clients and 0 servers"],
        "265": ["2", "2", "Current local users 2, max 2"],
        "266": ["2", "2", "Current global users 2, max 2"],
    }
    root.send("MODE root -o")
    assert _told(ann)["252"][0] == "0"
    root.send("QUIT")
    assert _told(ann)["251"] == ["There are 1 users and 0 invisible on 1 server"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from((*LINES, "come"))), min_size=20, max_size=60))
def test_counts_are_correct_after_any_commands(steps: list[tuple[int, str]]) -> None:
    world = World(RULES)
    people: dict[int, Person] = {}
    for number, line in steps:
        person = people.get(number)
        if person is None or person.session.closing:
            people[number] = world.connect() if line == "come" else world.person(f"p{number}")
        elif line == "come":
            person.send(f"NICK p{number}", "USER u 0 * :x")
        else:
            person.send(line.format(n=number))
    ann = world.person("ann", "#tea")
    state = world.hub.state
    users = state.users.values()
    invisible = sum("i" in user.modes for user in users)
    told = _told(ann)
    assert told["251"] == [f"There are {len(users) - invisible} users and {invisible} invisible on 1 server"]
    assert told["252"][0] == str(sum(bool(user.operator) for user in users))
    assert told["253"][0] == str(sum(not session.registered for session in world.hub.sessions.values()))
    assert told["254"][0] == str(sum(bool(room.members) for room in state.rooms.values()))


def test_two_sessions_of_an_account_count_as_one_user() -> None:
    world = a_world()
    add(world, "ann")
    desk, train = (enter(world, "ann", "sesame") for _ in range(2))
    assert (_told(desk)["253"][0], _told(desk)["255"]) == ("0", ["I have 1 clients and 0 servers"])
    train.send("QUIT")
    assert (_told(desk)["253"][0], _told(desk)["255"]) == ("0", ["I have 1 clients and 0 servers"])
