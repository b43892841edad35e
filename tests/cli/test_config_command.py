"""`chatctl config show`, `path` and `init`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chatctl.cli.commands.config import app
from chatctl.config import KEYS
from chatctl.config.example import text


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *args, **kwargs: str(tmp_path / "platform"))
    return tmp_path


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environ)


def row(result: Result, key: str) -> list[str]:
    [found] = [line.split() for line in result.stdout.splitlines() if line.split()[0] == key]
    return found[1:]


def test_show_names_each_key_its_value_and_its_origin(folder: Path) -> None:
    (folder / "chatctl.toml").write_text('network = "Example"\n')
    result = run("show", CHATCTL_PORT="7000")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(KEYS)
    assert row(result, "port") == ["7000", "CHATCTL_PORT"]
    assert row(result, "network") == ["Example", "chatctl.toml"]
    assert row(result, "listener_limit") == ["5", "default"]
    assert row(result, "log.format") == ["auto", "default"]
    assert len({line.rindex("default") for line in result.stdout.splitlines() if line.endswith(" default")}) == 1


def test_show_hides_secrets_and_joins_lines() -> None:
    result = run("show", CHATCTL_PASSWORD="s3cret", CHATCTL_MOTD="one\ntwo")
    assert row(result, "password") == ["********", "CHATCTL_PASSWORD"]
    assert row(run("show"), "password") == ["-", "default"]
    assert "one / two" in result.stdout
    assert "s3cret" not in result.output
    assert "s3cret" not in run("show", "--json", CHATCTL_PASSWORD="s3cret").output


def test_show_as_json() -> None:
    result = run("show", "--json", CHATCTL_PORT="7000", CHATCTL_PASSWORD="s3cret")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["key"] for record in records] == list(KEYS)
    found = {record["key"]: (record["value"], record["origin"]) for record in records}
    assert found["port"] == (7000, "CHATCTL_PORT")
    assert found["password"] == ("********", "CHATCTL_PASSWORD")
    assert found["motd"] == (None, "default")


def test_show_separates_notices_from_the_settings() -> None:
    result = run("show", CHATCTL_PASSWORD="")
    assert result.stderr == "chatctl: CHATCTL_PASSWORD is empty and counts as not set\n"


def test_invalid_settings_are_one_line_and_exit_with_2() -> None:
    result = run("show", CHATCTL_PORT="abc")
    assert result.exit_code == 2
    assert result.stderr == 'chatctl: CHATCTL_PORT is "abc", but a port is a whole number from 0 to 65535\n'
    assert result.stdout == ""


def test_named_file_is_read(folder: Path) -> None:
    (folder / "mine.toml").write_text("port = 1\n")
    assert row(run("show", "--config", "mine.toml"), "port") == ["1", "mine.toml"]
    assert run("path", "--config", "mine.toml").stdout == f"{folder / 'mine.toml'}\n"
    assert run("show", "--config", "no.toml").exit_code == 2


def test_path_shows_the_searched_places(folder: Path) -> None:
    result = run("path")
    assert result.exit_code == 1
    assert f"chatctl.toml and {folder}/platform/chatctl.toml" in result.stderr
    (folder / "chatctl.toml").touch()
    assert run("path").stdout == f"{folder / 'chatctl.toml'}\n"


def test_init_writes_the_example_with_mode_0600(folder: Path) -> None:
    result = run("init")
    assert (result.exit_code, result.stdout) == (0, "wrote chatctl.toml\n")
    written = folder / "chatctl.toml"
    assert written.read_text(encoding="utf-8") == text()
    assert written.stat().st_mode & 0o777 == 0o600
    assert run("show").exit_code == 0


def test_init_replaces_a_file_only_with_force(folder: Path) -> None:
    mine = folder / "mine.toml"
    mine.write_text("port = 1\n")
    mine.chmod(0o644)
    result = run("init", "mine.toml")
    assert (result.exit_code, result.stderr) == (2, "chatctl: mine.toml exists already; --force replaces it\n")
    assert mine.read_text() == "port = 1\n"
    assert run("init", "--force", "mine.toml").exit_code == 0
    assert mine.read_text(encoding="utf-8") == text()
    assert mine.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["mine.toml"]


def test_init_does_not_follow_a_dangling_link(folder: Path) -> None:
    (folder / "chatctl.toml").symlink_to(folder / "elsewhere")
    assert run("init").exit_code == 2
    assert not (folder / "elsewhere").exists()


@pytest.mark.parametrize("arguments", [["no/such/folder.toml"], ["--force", "no/such/folder.toml"]])
def test_init_in_a_missing_folder_is_an_error(arguments: list[str]) -> None:
    result = run("init", *arguments)
    assert result.exit_code == 2
    assert result.stderr == "chatctl: no/such/folder.toml cannot be written: No such file or directory\n"


def test_failed_init_leaves_no_file(folder: Path) -> None:
    (folder / "chatctl.toml").mkdir()
    assert run("init", "--force").exit_code == 2
    assert [path.name for path in folder.iterdir()] == ["chatctl.toml"]
