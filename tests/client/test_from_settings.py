"""`client_from_settings` reads what the commands read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatctl.errors import ConfigError, InvalidNameError
from chatctl.server import Server
from chatctl.settings_client import client_from_settings
from tests.wire import Wire


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in list(os.environ):
        if key.startswith("CHATCTL_"):
            monkeypatch.delenv(key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_variables_set_server_name_and_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(port=0) as server, Wire(server.port).login("bob", "#tea") as bob:
        monkeypatch.setenv("CHATCTL_PORT", str(server.port))
        monkeypatch.setenv("CHATCTL_CLIENT__NAME", "robot")
        monkeypatch.setenv("CHATCTL_CLIENT__ROOM", "tea")
        with client_from_settings() as client:
            client.say("#tea", "hello")
            assert bob.until("PRIVMSG").params == ["#tea", "hello"]
            assert client.name == "robot"


def test_arguments_override_the_address_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "chatctl.toml"
    file.write_text('port = 7000\n[client]\nname = "ann"\n[client.servers]\nwork = "irc://192.0.2.1:6000/dev"\n')
    monkeypatch.setenv("CHATCTL_CONFIG", str(file))
    first = client_from_settings()
    assert (first.host, first.port, first.name) == ("127.0.0.1", 7000, "ann")
    assert (client_from_settings("work").host, client_from_settings("work").port) == ("192.0.2.1", 6000)
    assert client_from_settings("irc://192.0.2.2:1/x", name="zoe").name == "zoe"
    monkeypatch.delenv("CHATCTL_CONFIG")
    assert client_from_settings(config_file=str(file)).port == 7000


def test_server_password_of_the_settings_is_used_for_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatctl.chat.model.policy import Rules

    (tmp_path / "password").write_text("sesame\n")
    with Server(port=0, rules=Rules(password="sesame")) as server:
        monkeypatch.setenv("CHATCTL_PORT", str(server.port))
        monkeypatch.setenv("CHATCTL_CLIENT__PASSWORD_FILE", str(tmp_path / "password"))
        with client_from_settings(name="robot") as client:
            assert client.online


def test_invalid_settings_raise_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="CHATCTL_CLIENT__NAME"):
        client_from_settings()
    with pytest.raises(InvalidNameError):
        client_from_settings(name="a b")
    monkeypatch.setenv("CHATCTL_PORT", "x")
    with pytest.raises(ConfigError, match="CHATCTL_PORT"):
        client_from_settings(name="robot")
