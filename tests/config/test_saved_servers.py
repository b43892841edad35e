"""Servers in the settings: one word each."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.config import load
from chatctl.config.saved import SavedServer
from chatctl.errors import ConfigError

PREFIX = "CHATCTL_CLIENT__SERVERS"


def complaint(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(environ=environ)
    return str(caught.value)


def test_saved_servers_are_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "chatctl.toml"
    file.write_text(
        '[client.servers]\nhome = "irc://10.0.0.7/tea"\n'
        '[client.servers.work]\nhost = "chat.example"\nport = 6697\ntls = true\n'
        'name = "ann"\npassword_file = "secret"\n'
    )
    found = load(config_file=str(file), environ={}).settings.client.servers
    assert found == {
        "home": SavedServer("irc://10.0.0.7/tea"),
        "work": SavedServer("chat.example", 6697, "ann", tls=True, password_file=Path("secret")),
    }


@pytest.mark.parametrize(
    ("environ", "origin"),
    [
        ({PREFIX: '{"work": {"host": "h", "port": 7}}'}, PREFIX),
        ({"CHATCTL_CLIENT": '{"servers": {"work": {"host": "h", "port": 7}}}'}, "CHATCTL_CLIENT"),
        ({f"{PREFIX}__WORK": '{"host": "h", "port": 7}'}, f"{PREFIX}__WORK"),
        ({f"{PREFIX}__WORK__HOST": "h", f"{PREFIX}__WORK__PORT": "7"}, f"{PREFIX}__*"),
    ],
)
def test_saved_servers_are_read_from_variables(environ: dict[str, str], origin: str) -> None:
    loaded = load(environ=environ)
    assert loaded.settings.client.servers == {"work": SavedServer("h", 7)}
    assert loaded.origins["client.servers"] == origin


def test_address_in_a_variable_names_the_server() -> None:
    loaded = load(environ={f"{PREFIX}__WORK": "ircs://chat.example/tea"})
    assert loaded.settings.client.servers == {"work": SavedServer("ircs://chat.example/tea")}


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({PREFIX: '{"work": {"port": 7}}'}, f"{PREFIX}: work has no host"),
        ({f"{PREFIX}__A__HOST": "h", f"{PREFIX}__A__PRT": "7"}, f'{PREFIX}__*: a has an unknown setting "prt"; '),
        ({f"{PREFIX}__A__B__C": "7"}, f'{PREFIX}__A__B__C: a has an unknown setting "b"; it may have host, port, name'),
        ({PREFIX: '{"a": {"host": "h", "port": "x"}}'}, f'{PREFIX}: a.port is "x": a port is a whole number from 0'),
        ({f"{PREFIX}__WORK": "http://x/tea"}, f'{PREFIX}__WORK: work.host is "http://x/tea": an address is'),
        ({PREFIX: '{"a": 5}'}, f"{PREFIX}: a must be an address such as ircs://"),
        ({PREFIX: '{"ircs://a": "b"}'}, f"{PREFIX}: a server's word is 1 to 64 characters, and not an address"),
        ({PREFIX: '{"\\u001b[2J": {}}'}, f"{PREFIX}: a server's word is"),
        ({PREFIX: "5"}, f"{PREFIX} is not a JSON object; this is a table of words"),
        ({"CHATCTL_CLIENT": '{"servers": 5}'}, "CHATCTL_CLIENT: client.servers is 5, but this is a table of words"),
    ],
)
def test_invalid_saved_server_is_reported(environ: dict[str, str], line: str) -> None:
    found = complaint(environ)
    assert found.startswith(line)
    assert "\n" not in found
    assert "\x1b" not in found
