"""IRCv3 sts: who is told to insist on TLS, and how."""

from __future__ import annotations

import pytest

from tests.chat.world import World


@pytest.mark.parametrize(
    ("address", "secure", "offered"),
    [
        ("192.0.2.7", False, ["sts=port=5106"]),
        ("192.0.2.7", True, ["sts=duration=2592000"]),
        ("127.0.0.1", False, []),
    ],
)
def test_sts_is_offered_with_a_trusted_certificate(address: str, secure: bool, offered: list[str]) -> None:
    world = World()
    world.hub.sts_port = 5106
    person = world.connect(address, secure=secure)
    words = " ".join(message.params[-1] for message in person.send("CAP LS 302").read()).split()
    assert [word for word in words if word.startswith("sts")] == offered


def test_sts_cannot_be_requested_and_is_hidden_from_old_clients() -> None:
    world = World()
    world.hub.sts_port = 5106
    person = world.connect("192.0.2.7", secure=False)
    assert "sts" not in person.send("CAP LS").read()[0].params[-1]
    assert person.send("CAP REQ :sts").read()[0].params[1] == "NAK"
