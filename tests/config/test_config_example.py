"""config.example.toml says what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from chatctl.config import KEYS, Settings, load
from chatctl.config.example import text
from chatctl.config.settings import SettingKey

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def uncommented() -> str:
    return re.sub(r"^#(?=\w+ = )", "", text(), flags=re.MULTILINE)


def test_example_file_in_the_repository_is_up_to_date() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == text(), (
        "write it anew: chatctl config init --force config.example.toml"
    )


def test_example_file_as_written_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "chatctl.toml"
    path.write_text(text(), encoding="utf-8")
    loaded = load(config_file=str(path), environ={})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_uncommented_example_file_holds_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "chatctl.toml"
    path.write_text(uncommented(), encoding="utf-8")
    loaded = load(config_file=str(path), environ={})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {str(path)}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_example_file_has_each_key_with_its_help_and_variable(key: SettingKey) -> None:
    table, _, last = key.name.rpartition(".")
    parsed = tomllib.loads(uncommented())
    assert last in (parsed[table] if table else parsed)
    before = text().split(f"\n#{last} = ")
    comments = [part.rsplit("\n", 1)[-1] for part in before[:-1]]
    assert any(line.startswith(f"# {key.about} [{key.variable}") for line in comments)
    assert all(len(line) <= 120 for line in comments)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_variable_named_in_the_example_sets_its_key(key: SettingKey) -> None:
    value = {
        "limits.outbox_bytes": "1 MiB",
        "limits.outbox_total_bytes": "1 MiB",
        "name": "a.b",
        "history.enabled": "false",
        "tls.mode": "off",
        "operators": json.dumps({"root": "SCRAM-SHA-256$4096:c2FsdA==$%s:%s" % ((f"{'A' * 43}=",) * 2)}),
        "client.servers": '{"work": "irc://localhost"}',
        "accounts.always_on": "off",
        "accounts.registration": "closed",
        "advertise": "chat.example",
        "accounts.guests": "false",
        "local": "false",
        "accounts.iterations": "5000",
        "log.level": "error",
        "log.format": "json",
    }
    given = value.get(key.name, "77")
    loaded = load(environ={key.variable: given})
    assert loaded.origins[key.name] == key.variable
    assert key.value(loaded.settings) != key.default
