"""Settings read again by a running server (REHASH, SIGHUP): immediate changes, and the report on the rest."""

from __future__ import annotations

from pathlib import Path

from chatctl.config import load
from chatctl.wiring import SettingsReader


def a_reader(file: Path, text: str) -> SettingsReader:
    """Reads `file`, which holds `text` at the start."""
    file.write_text(text, encoding="utf-8")
    return SettingsReader(load(config_file=str(file), environ={}, cwd=file.parent))


def test_reread_applies_live_settings_and_reports_the_others(tmp_path: Path) -> None:
    file = tmp_path / "chatctl.toml"
    reader = a_reader(file, 'motd = "one"\nport = 5106\n')
    file.write_text('motd = "two"\nlistener_limit = 7\nport = 6000\npassword = "pw"\n', encoding="utf-8")
    found = reader.read()
    expected = {"admin": "", "listener_limit": 7, "motd": "two", "operators": {}, "password": "pw"}
    assert found.changes.items() >= expected.items()
    assert found.report == (
        "In force now: listener_limit, motd, password.",
        "In force after a restart: port.",
    )
    assert found.file == str(file)
    assert "pw" not in repr(found)
    # Again: nothing is new, but the port still waits.
    assert reader.read().report == (
        "Nothing that can change now is different.",
        "In force after a restart: port.",
    )


def test_invalid_reread_settings_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "chatctl.toml"
    reader = a_reader(file, 'motd = "one"\n')
    for broken in ("motd = [", "listener_limit = -3\n"):
        file.write_text(broken, encoding="utf-8")
        found = reader.read()
        assert not found.changes
        assert found.report[0].startswith("Nothing was changed: ")
    file.unlink()
    assert not reader.read().changes
    file.write_text('motd = "three"\n', encoding="utf-8")
    assert reader.read().changes["motd"] == "three"


def test_reread_reads_the_password_file_again(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first\n", encoding="utf-8")
    reader = a_reader(tmp_path / "chatctl.toml", 'password_file = "secret"\n')
    secret.write_text("second\n", encoding="utf-8")
    assert reader.read().changes["password"] == "second"
