"""Names that belong to the server are refused to users and accounts in every way a name can be taken."""

from __future__ import annotations

import pytest

from chatctl.chat.apply.accounts import CONTROL
from chatctl.chat.entries import proposals as p
from chatctl.chat.model.ids import NO_SESSION
from chatctl.chat.model.policy import Rules
from chatctl.protocol import names
from tests.chat.world import START, World

ALIKE = ["NickServ", "nickserv", "N\u026a\u1d04kServ", "N\u026ackServ", "NlckServ", "N1ckServ", "chatct1"]
ALIKE += ["HistServ", "H\u026astServ", "Tea"]


def world() -> World:
    return World(Rules(listener_limit=1000, created=START, server_name="tea"))


def test_look_alikes_of_reserved_names_are_otherwise_valid() -> None:
    assert [name for name in ALIKE if names.problem(name) is not None] == []


@pytest.mark.parametrize("name", ALIKE)
def test_reserved_name_is_refused_before_registration(name: str) -> None:
    chat = world()
    told = chat.connect().send(f"NICK {name}", "USER u 0 * :r").read()
    assert [message.command for message in told] == ["433"]
    assert "the server's own" in told[0].params[-1]


@pytest.mark.parametrize("name", ALIKE)
def test_reserved_name_is_refused_to_a_user(name: str) -> None:
    assert "the server's own" in world().person("eve").send(f"NICK {name}").one("433").params[-1]


@pytest.mark.parametrize("name", ALIKE)
def test_reserved_name_is_refused_while_capabilities_are_negotiated(name: str) -> None:
    eve = world().connect().send("CAP LS 302", f"NICK {name}", "USER u 0 * :r", "CAP END")
    assert eve.one("433").params[-1].endswith("the server's own; please choose another")
    assert not eve.session.registered


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("form", [CONTROL, "REGISTER"])
def test_reserved_name_cannot_be_an_account(name: str, form: str) -> None:
    chat = world()
    chat.order.propose(p.AddAccount(NO_SESSION, "", name, "verifier", "", form))
    chat.tick()
    assert chat.hub.state.accounts.named(name) is None


def test_names_similar_to_a_reserved_one_are_free() -> None:
    chat = world()
    for name in ("NickServer", "Nick", "Serv", "chatctl2", "teapot", "hist"):
        assert chat.person(name).session.registered
