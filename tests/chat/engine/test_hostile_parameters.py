"""User text in any position of any command: it is answered, fits into a line, and ends no session."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatctl.chat.commands.registry import COMMANDS
from chatctl.protocol.capabilities import BY_NAME
from tests.chat.world import Person, World

pytestmark = pytest.mark.e2e

CAPS = " ".join(sorted(set(BY_NAME) - {"sasl"}))
HOSTILE = (
    "",
    ":",
    ":x",
    "::x",
    "a b",
    "#t x",
    ":#t",
    "#t,:x y",
    " ",
    "x" * 300,
    "#" + "界" * 140,
    "@#t x",
    "*",
    "$",
    "a:b c",
)
SAFE_COMMANDS = sorted(set(COMMANDS) - {"QUIT", "KILL"})
PLAUSIBLE = ("#t", "ann", "bob", "NickServ", "LATEST", "TARGETS", "GET", "SET", "+b", "+k", "-v", "C", "A", "REQ")

words = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(
        ["#t", "ann", "bob", "NickServ", "LATEST", "TARGETS", "GET", "SET", "+b", "+k", "-v", "C", "A", "REQ"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=30),
)


def operator_and_bystander() -> tuple[World, Person, Person]:
    """Ann is an operator of #t and of the server; bob is in the room too, and both know every capability."""
    world = World()
    ann = world.person("ann", "#t", caps=CAPS)
    bob = world.person("bob", "#t", caps=CAPS)
    user = world.hub.state.user_named("ann")
    assert user is not None
    user.operator = "root"
    world.now += 60_000
    return world, ann, bob


def line(command: str, params: list[str]) -> str:
    """The command as a client can send it: only the last parameter may hold spaces, a leading colon or nothing."""
    middle = [word for word in params[:-1] if word and word[0] != ":" and " " not in word]
    return " ".join([command, *middle, *([f":{params[-1]}"] if params else [])])


def check(world: World, people: list[Person]) -> None:
    assert world.hub.failures == 0, world.log
    for person in people:
        assert not person.session.closing
        person.read()  # world.Person asserts that each line is whole and fits


@pytest.mark.parametrize("command", SAFE_COMMANDS)
def test_hostile_last_parameter_of_any_command_is_answered(command: str) -> None:
    for first, text in itertools.product(([], ["#t"], ["bob"], ["#t", "bob"], ["x", "y", "z"]), HOSTILE):
        world, ann, bob = operator_and_bystander()
        ann.send("@label=1;+typing=active " + line(command, [*first, text]))
        check(world, [ann, bob])


@given(st.lists(st.tuples(st.sampled_from(SAFE_COMMANDS), st.lists(words, max_size=4)), max_size=12))
@example([("RENAME", ["#t", ":x"])])
@example([("RENAME", ["#t", "my new room"])])
def test_hostile_parameters_in_any_sequence_are_answered(commands: list[tuple[str, list[str]]]) -> None:
    world, ann, bob = operator_and_bystander()
    for command, params in commands:
        ann.send(line(command, params))
        check(world, [ann, bob])


@pytest.mark.parametrize("name", [":my new room", "::", "::x", f":#{'x' * 450}"])
def test_rename_to_a_name_that_is_not_valid_is_refused_with_the_names(name: str) -> None:
    world, ann, bob = operator_and_bystander()
    reply = ann.send(f"RENAME #t {name}").one("FAIL")
    assert reply.params[:3] == ("RENAME", "CANNOT_RENAME", "#t") or reply.params[:3] == [
        "RENAME",
        "CANNOT_RENAME",
        "#t",
    ]
    assert reply.params[3] == "*"
    check(world, [ann, bob])
