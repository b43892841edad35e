"""Too fast is slowed, and nothing is lost: sessions, addresses, and what things cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatctl.chat.engine.rate_limit import ADDRESS_FACTOR, BURST_SECONDS, RateLimiter
from chatctl.chat.model.hosts import origin
from chatctl.chat.model.token_bucket import TokenBucket
from tests.chat.world import Person, World

RATE = 10
BURST = RATE * BURST_SECONDS


def slowed_world(rate: float | None = RATE) -> World:
    return World(rate_limiter=RateLimiter(rate) if rate else None)


def said(person: Person) -> list[str]:
    return [message.params[1] for message in person.read() if message.command == "PRIVMSG"]


def let_pass(world: World, ms: int) -> None:
    """Time passes, and the loop looks when it said that it would."""
    end = world.now + ms
    while (due := world.hub.next_deadline()) is not None and due <= end:
        world.now = max(world.now, due)
        world.tick()
    world.now = end
    world.tick()


def test_burst_passes_and_the_rest_is_delayed_in_order() -> None:
    world = slowed_world()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    let_pass(world, 10_000)
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(100)))
    first = said(bob)
    assert first == [str(number) for number in range(BURST)]
    let_pass(world, 1000)
    second = said(bob)
    assert len(second) == RATE
    let_pass(world, 10_000)
    assert first + second + said(bob) == [str(number) for number in range(100)]


def test_burst_without_a_limit_is_not_delayed() -> None:
    world = slowed_world(None)
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(100)))
    assert len(said(bob)) == 100


@pytest.mark.parametrize(("caps", "command"), [("standard-replies", "NOTE"), ("", "NOTICE")])
def test_slowed_session_is_notified_once(caps: str, command: str) -> None:
    world = slowed_world()
    ann = world.person("ann", "#lobby", caps=caps)
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(100)))
    let_pass(world, 5000)
    told = [message for message in ann.read() if message.command == command and "10 messages a second" in str(message)]
    assert len(told) == 1


def test_other_sessions_are_not_slowed() -> None:
    world = slowed_world()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(100)))
    ann.forget()
    bob.send("PRIVMSG #lobby :and I")
    assert said(ann) == ["and I"]


@pytest.mark.parametrize(
    ("line", "at_once"), [("NICK ann{}", 4), ("JOIN #r{}", BURST), ("WHO ann", BURST * 2), ("MODE #r", BURST * 5)]
)
def test_nick_changes_cost_more_and_queries_less(line: str, at_once: int) -> None:
    world = slowed_world()
    ann = world.person("ann")
    let_pass(world, 10_000)
    ann.forget().send(*(line.format(number) for number in range(200)))
    kinds = {"NICK": "NICK", "JOIN": "366", "WHO": "315", "MODE": "403"}
    wanted = kinds[line.split(maxsplit=1)[0]]
    assert sum(message.command == wanted for message in ann.read()) == at_once


@pytest.mark.parametrize(
    "line",
    [
        "TOPIC #tea :{}",
        "MODE #tea +l {}",
        "INVITE bob #tea",
        "KICK #tea n{0},n{0}b",
        "AWAY :{}",
        "SETNAME :{}",
        "REDACT #tea {}",
        "PART #r{}",
        "METADATA * SET display-name :{}",
        "PRIVMSG #tea,#coffee :{}",
        "SEARCH text={}",
    ],
)
def test_broadcast_to_several_rooms_costs_a_message_for_each(line: str) -> None:
    """With 20 at once, and 2 named in some: without a cost of its own a line would be told to others 100 times."""
    world = slowed_world()
    ann, named = world.person("ann", "#tea", "#coffee"), line.count(",") + 1
    let_pass(world, 10_000)
    ann.send(*(line.format(number + 1) for number in range(100)))
    assert len(ann.session.inbox) == 100 - BURST // named


def test_line_for_very_many_rooms_is_not_delayed_for_ever() -> None:
    world = slowed_world()
    ann = world.person("ann")
    ann.send("JOIN " + ",".join(f"#r{number}" for number in range(40)), "PART " + ",".join(f"#r{n}" for n in range(40)))
    let_pass(world, 10_000)
    assert not ann.session.inbox
    assert not ann.user.rooms


@pytest.mark.parametrize(("share", "held"), [(ADDRESS_FACTOR, True), (1000, False)])
def test_sessions_of_an_address_share_its_rate(share: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.chat.engine.rate_limit.ADDRESS_FACTOR", share)
    counts = []
    for addresses in (["192.0.2.7"] * 20, [f"192.0.2.{number}" for number in range(20)], ["127.0.0.1"] * 20):
        world = slowed_world()
        bob = world.person("bob", "#lobby")
        people = []
        for number, address in enumerate(addresses):
            person = world.connect(address)
            person.send(f"NICK n{number}", "USER u 0 * :r", "JOIN #lobby")
            people.append(person)
        let_pass(world, 10_000)
        bob.forget()
        for person in people:
            person.send(*(f"PRIVMSG #lobby :{number}" for number in range(50)))
        counts.append(len(said(bob)))
    assert counts == [BURST * (ADDRESS_FACTOR if held else 20), BURST * 20, BURST * 20]


def test_pong_and_quit_are_hardly_delayed() -> None:
    world = slowed_world()
    ann = world.person("ann", "#lobby")
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(25)), "PING t", "QUIT")
    let_pass(world, 1000)
    assert [message.command for message in ann.read()][-2:] == ["PONG", "ERROR"]


def test_disconnected_slowed_session_leaves_after_its_messages() -> None:
    world = slowed_world()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    ann.send(*(f"PRIVMSG #lobby :{number}" for number in range(30)))
    world.hub.leave(ann.session, "gone")
    let_pass(world, 5000)
    assert [message.command for message in bob.read()][-2:] == ["PRIVMSG", "QUIT"]


def test_ipv6_addresses_are_counted_by_network() -> None:
    assert origin("2001:db8:1:2:3:4:5:6") == origin("2001:db8:1:2::1") != origin("2001:db8:1:3::1")
    assert origin("192.0.2.7") == "192.0.2.7"


EIGHTHS = (st.integers(-40, 40).map(lambda count: count / 8), st.integers(0, 24).map(lambda count: count / 8))
"""Times and costs in which floats are exact, or a rounded wait would be taken for none."""


@given(st.lists(st.tuples(*EIGHTHS), max_size=60))
def test_bucket_never_exceeds_its_burst_and_rate(steps: list[tuple[float, float]]) -> None:
    """Also where the clock goes back now and then; who asks again after the wait gets it."""
    bucket, now, given_out, forward = TokenBucket(), 0.0, 0.0, 0.0
    for step, cost in steps:
        now += step
        forward += abs(step)
        wait = bucket.wait(now, cost, 3.0)
        assert 0 <= wait <= cost
        if not wait:
            given_out += cost
        elif cost <= 3.0:
            assert bucket.wait(now + wait, cost, 3.0) == 0
            now += wait
            forward += wait
            given_out += cost
    assert given_out <= 3.0 + 2 * forward


def test_long_reply_is_charged_by_its_lines() -> None:
    """WHO of a big room: consecutive ones would leave no time for other sessions."""
    world = slowed_world()
    for number in range(300):
        world.person(f"user{number}x", "#big")
    ann = world.person("ann", "#big")
    let_pass(world, 10_000)
    ann.forget().send(*["WHO #big"] * 10)
    assert ann.commands().count("315") == 6  # each half a message, and three for 301 lines
    let_pass(world, 400)
    assert ann.commands().count("315") == 1
    let_pass(world, 60_000)
    assert ann.commands().count("315") == 3


def test_departed_session_waits_only_for_its_visible_input() -> None:
    world = slowed_world()
    ann, bob = world.person("ann", "#lobby"), world.person("bob", "#lobby")
    let_pass(world, 10_000)
    world.hub.receive(
        ann.session, [*["WHO *", "OPER ann wrong", "nonsense"] * 300, "TOPIC #lobby :x", "PRIVMSG #lobby :y"]
    )
    world.hub.leave(ann.session, "gone")
    world.tick()
    assert bob.commands() == ["TOPIC", "PRIVMSG", "QUIT"]
