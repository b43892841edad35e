"""Addresses, as settings, flags and URLs give them."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from chatctl.cli.app import app
from chatctl.config.settings import Settings
from chatctl.destination.server_address import target
from chatctl.errors import ConfigError

URLS = {
    "ircs://chat.example/lobby": ("chat.example", 6697, "lobby", True),
    "ircs://chat.example:5106/%23tea": ("chat.example", 5106, "#tea", True),
    "IRC://Chat.Example/#tea": ("chat.example", 6667, "#tea", False),
    "irc://[::1]:7000": ("::1", 7000, "", False),
    "irc://[fe80::1%25eth0]:7000/tea": ("fe80::1%eth0", 7000, "tea", False),
    "irc://[fe80::1%eth0]/": ("fe80::1%eth0", 6667, "", False),
    "ircs://chat.example/tea,isnick": ("chat.example", 6697, "tea", True),
}


@pytest.mark.parametrize("url", URLS)
def test_address_is_parsed(url: str) -> None:
    for found in (target(Settings(), url=url), target(Settings(host=url))):
        assert (found.host, found.port, found.room, found.trust.tls) == URLS[url]


@pytest.mark.parametrize("url", ["ircs://", "ircs:///lobby", "irc://h:x/", "irc://h:99999/", "ircs://[::1/x"])
def test_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid address"):
        target(Settings(), url=url)


@pytest.mark.parametrize("host", ["127.0.0.1:5106", "chat.example:5106", "[::1]:5106"])
def test_host_with_a_port_is_refused_with_advice(host: str) -> None:
    with pytest.raises(ConfigError, match="--port 5106"):
        target(Settings(host=host))


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "::ffff:127.0.0.1", "[::1]"])
def test_colons_of_an_ipv6_address_are_not_a_port(host: str) -> None:
    assert target(Settings(host=host)).host == host.strip("[]")


def test_flags_override_the_address() -> None:
    assert target(Settings(), tls=True, url="irc://h").trust.tls is True
    assert target(Settings(), tls=False, url="ircs://h").trust.tls is False
    assert target(Settings()).trust.tls is None
    assert target(Settings(), fingerprint="sha256:" + "a" * 43).trust.tls is True


def test_fingerprint_is_accepted_in_any_usual_form() -> None:
    digits = "AB:" * 31 + "AB"
    assert target(Settings(), fingerprint=digits).trust.fingerprint == "ab" * 32
    assert target(Settings(), fingerprint="SHA256:" + "+/" * 21 + "A=").trust.fingerprint == "SHA256:" + "-_" * 21 + "A"
    for wrong in ("x", "SHA256:short", "ab" * 31):
        with pytest.raises(ConfigError, match="--fingerprint"):
            target(Settings(), fingerprint=wrong)


@pytest.mark.parametrize("words", [["history", "{}"], ["search", "tea", "--room", "{}"], ["export", "--room", "{}"]])
def test_local_command_with_an_address_names_the_remote_one(words: list[str]) -> None:
    address = "ircs://chat.example/lobby"
    found = CliRunner().invoke(app, [word.format(address) for word in words])
    assert found.exit_code == 2
    assert f"chatctl tail {address}" in found.stderr
