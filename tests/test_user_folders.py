"""Commands of a user without a home folder, as containers have them (chatctl/user_folders.py)."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatctl.cli.app import app
from chatctl.client.profile import store
from chatctl.client.profile.profile import Profile
from chatctl.client.transport.identity import installation_secret
from chatctl.errors import ConfigError
from chatctl.user_folders import expand_home, user_config_folder, user_data_folder


@pytest.fixture(params=[None, "", "relative"])
def homeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HOME unset, empty or relative; no entry in the password database; a working directory of its own."""

    def unknown(key: object) -> pwd.struct_passwd:
        raise KeyError(key)

    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "CHATCTL_DATA_DIR", "CHATCTL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    if request.param is not None:
        monkeypatch.setenv("HOME", request.param)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    monkeypatch.chdir(tmp_path)


@pytest.mark.e2e
@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    "words", [["history"], ["export"], ["accounts", "list"], ["serve", "--port", "0"], ["backup", "x"]]
)
def test_data_command_without_home_says_what_to_set(words: list[str], tmp_path: Path) -> None:
    found = CliRunner().invoke(app, words)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "HOME" in found.stderr
    assert "CHATCTL_DATA_DIR" in found.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
@pytest.mark.usefixtures("homeless")
def test_command_without_data_works_without_home(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["config", "show"]).exit_code == 0
    assert CliRunner().invoke(app, ["rooms", "--port", "1"]).exit_code == 4
    assert CliRunner().invoke(app, ["status"], env={"CHATCTL_PORT": "1"}).exit_code == 4
    assert CliRunner().invoke(app, ["accounts", "list", "--data-dir", str(tmp_path / "d")]).exit_code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("homeless")
def test_client_without_home_remembers_nothing(tmp_path: Path) -> None:
    assert Profile().last is None
    assert installation_secret() != installation_secret()
    with pytest.raises(OSError, match="no home folder"):
        store.folder()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("homeless")
def test_tilde_without_home_names_the_setting(tmp_path: Path) -> None:
    for path in ("~/x", "~nobody-of-that-name/x"):
        with pytest.raises(ConfigError, match=f"--data-dir is {path}"):
            expand_home(Path(path), "--data-dir")
        found = CliRunner().invoke(app, ["history"], env={"CHATCTL_DATA_DIR": path})
        assert found.exit_code == 2
        assert "CHATCTL_DATA_DIR" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_folders_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for folder in (user_data_folder(), user_config_folder()):
        assert folder is not None
        assert folder.is_relative_to(tmp_path)
    assert expand_home(Path("~/x"), "--data-dir") == tmp_path / "x"
