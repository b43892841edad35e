"""Precedence of sources, the choice of the file, skipped variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.config import KEYS, Settings, load
from chatctl.errors import ConfigError


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The platform's configuration folder, empty, wherever the platform has it."""
    folder = tmp_path / "platform"
    folder.mkdir()
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *args, **kwargs: str(folder))
    return folder


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def write(folder: Path, text: str, name: str = "chatctl.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_settings_without_sources_are_the_defaults() -> None:
    loaded = load(environ={})
    settings = loaded.settings
    assert (settings.host, settings.port, settings.listener_limit) == ("127.0.0.1", 5106, 5)
    assert (settings.name, settings.network, settings.motd) == ("chatctl.local", "chatctl", None)
    assert (settings.tls.mode, settings.log.level, settings.log.format) == ("auto", "info", None)
    assert (settings.limits.unregistered, settings.limits.registration_seconds) == (256, 30)
    assert settings.limits.idle_seconds == 120
    assert (settings.limits.outbox_bytes, settings.limits.outbox_total_bytes) == (4 << 20, 512 << 20)
    assert (settings.client.name, settings.client.room) == (None, "#lobby")
    assert loaded.file is None
    assert set(loaded.origins) == set(KEYS)
    assert set(loaded.origins.values()) == {"default"}


def test_flags_win_over_environment_over_file_over_defaults(cwd: Path) -> None:
    file = write(cwd, 'port = 1\nlistener_limit = 2\nhost = "::1"\n')
    environ = {"CHATCTL_PORT": "10", "CHATCTL_LISTENER_LIMIT": "20"}
    loaded = load(flags={"port": "100", "host": None}, environ=environ, use_files=True, cwd=cwd)
    assert (loaded.settings.port, loaded.settings.listener_limit, loaded.settings.host) == (100, 20, "::1")
    assert loaded.origins["port"] == "--port"
    assert loaded.origins["listener_limit"] == "CHATCTL_LISTENER_LIMIT"
    assert loaded.origins["host"] == str(file)
    assert loaded.origins["name"] == "default"


def test_nested_tables_are_merged_key_by_key(cwd: Path) -> None:
    write(cwd, "[limits]\nunregistered = 3\nidle_seconds = 4\n")
    loaded = load(environ={"CHATCTL_LIMITS__IDLE_SECONDS": "5"}, use_files=True, cwd=cwd)
    limits = loaded.settings.limits
    assert (limits.unregistered, limits.idle_seconds, limits.registration_seconds) == (3, 5, 30)


def test_table_as_json_is_overridden_by_the_variable_of_one_key() -> None:
    environ = {
        "CHATCTL_LIMITS": '{"idle_seconds": 60, "unregistered": 7}',
        "CHATCTL_LIMITS__IDLE_SECONDS": "61",
    }
    loaded = load(environ=environ)
    assert (loaded.settings.limits.idle_seconds, loaded.settings.limits.unregistered) == (61, 7)
    assert loaded.origins["limits.idle_seconds"] == "CHATCTL_LIMITS__IDLE_SECONDS"
    assert loaded.origins["limits.unregistered"] == "CHATCTL_LIMITS"


def test_nested_settings_have_flags() -> None:
    loaded = load(flags={"tls": {"mode": "off"}, "name": "a.b", "client": {"room": "#x"}}, environ={})
    assert loaded.origins["tls.mode"] == "--tls"
    assert loaded.origins["name"] == "--server-name"
    assert loaded.origins["client.room"] == "--room"


def test_process_environment_is_the_default_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATCTL_PORT", "77")
    assert load().settings.port == 77
    assert Settings().port == 5106  # the model itself reads nothing
    assert load(environ={}).settings.port == 5106


# The file.


def test_settings_file_is_searched_in_the_documented_order(cwd: Path, config_folder: Path) -> None:
    named = write(cwd, "port = 1", "named.toml")
    variable = write(cwd, "port = 2", "variable.toml")
    environ = {"CHATCTL_CONFIG": str(variable)}
    platform = write(config_folder, "port = 4")
    assert load(environ={}, use_files=True, cwd=cwd).file == platform
    here = write(cwd, "port = 3")
    assert load(environ={}, use_files=True, cwd=cwd).file == here
    assert load(environ=environ, use_files=True, cwd=cwd).file == variable
    loaded = load(config_file=str(named), environ=environ, use_files=True, cwd=cwd)
    assert (loaded.file, loaded.settings.port) == (named, 1)


def test_other_commands_read_only_a_named_settings_file(cwd: Path, config_folder: Path) -> None:
    write(cwd, "port = 3")
    write(config_folder, "port = 4")
    assert load(environ={}, cwd=cwd).file is None
    assert load(environ={"CHATCTL_CONFIG": "chatctl.toml"}, cwd=cwd).settings.port == 3


def test_empty_config_variable_counts_as_unset() -> None:
    assert load(environ={"CHATCTL_CONFIG": ""}).file is None


def test_byte_order_mark_is_skipped(cwd: Path) -> None:
    (cwd / "chatctl.toml").write_bytes(b"\xef\xbb\xbfport = 9\n")
    assert load(environ={}, use_files=True, cwd=cwd).settings.port == 9


def test_dangling_link_is_an_error(cwd: Path) -> None:
    (cwd / "chatctl.toml").symlink_to(cwd / "gone.toml")
    with pytest.raises(ConfigError, match=r"chatctl\.toml cannot be read: No such file or directory"):
        load(environ={}, use_files=True, cwd=cwd)


# Empty values, Kubernetes, notices.


def test_empty_variable_counts_as_unset(cwd: Path) -> None:
    write(cwd, "port = 3")
    loaded = load(environ={"CHATCTL_PORT": "", "CHATCTL_MOTD": ""}, use_files=True, cwd=cwd)
    assert (loaded.settings.port, loaded.notices) == (3, ())


def test_empty_password_counts_as_unset_and_is_reported() -> None:
    loaded = load(environ={"CHATCTL_PASSWORD": ""})
    assert loaded.settings.password is None
    assert loaded.notices == ("CHATCTL_PASSWORD is empty and counts as not set",)


def test_empty_text_in_the_file_is_none_for_optional_keys(cwd: Path) -> None:
    write(cwd, 'motd = ""\npassword = ""\npassword_file = ""\n[log]\nformat = ""\n')
    settings = load(environ={}, use_files=True, cwd=cwd).settings
    assert (settings.motd, settings.password, settings.password_file, settings.log.format) == (None, None, None, None)


def test_kubernetes_variables_are_ignored_with_a_notice() -> None:
    names = [
        "CHATCTL_PORT_5106_TCP",
        "CHATCTL_PORT_5106_TCP_ADDR",
        "CHATCTL_SERVICE_HOST",
        "CHATCTL_SERVICE_PORT_IRC",
        "CHATCTL_WEB_PORT_80_TCP_PROTO",
        "CHATCTL_WEB_SERVICE_HOST",
    ]
    environ = dict.fromkeys(names, "10.0.0.1") | {
        "CHATCTL_PORT": "tcp://10.0.0.1:5106",
        "CHATCTL_WEB_PORT": "tcp://10.0.0.2:80",
    }
    loaded = load(environ=environ)
    assert loaded.settings.port == 5106
    [notice] = loaded.notices
    assert "Kubernetes" in notice
    assert all(name in notice for name in environ)


def test_variables_of_other_programs_are_ignored() -> None:
    assert load(environ={"PATH": "/bin", "CHATCTLX": "1", "_CHATCTL_COMPLETE": "x"}).notices == ()


def test_password_in_a_readable_file_is_reported(cwd: Path) -> None:
    file = write(cwd, 'password = "s3cret"')
    assert load(environ={}, use_files=True, cwd=cwd).notices == ()
    file.chmod(0o644)
    [notice] = load(environ={}, use_files=True, cwd=cwd).notices
    assert "chmod 600" in notice
    assert "s3cret" not in notice


# Passwords.


def test_password_file_is_read_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes("pä ss\r\n".encode())
    loaded = load(environ={"CHATCTL_PASSWORD_FILE": str(tmp_path / "secret")})
    assert loaded.server_password() == "pä ss"
    assert loaded.client_password() is None


def test_relative_password_file_is_relative_to_the_settings_file(cwd: Path) -> None:
    write(cwd, 'password_file = "secret"\n[client]\npassword_file = "mine"\n')
    (cwd / "secret").write_text("one")
    (cwd / "mine").write_text("two\n")
    loaded = load(environ={}, use_files=True, cwd=cwd)
    assert (loaded.server_password(), loaded.client_password()) == ("one", "two")


def test_password_in_the_environment_is_read() -> None:
    loaded = load(environ={"CHATCTL_PASSWORD": "s3cret"})
    assert loaded.server_password() == "s3cret"
    assert "s3cret" not in repr(loaded)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"two\nlines\n", "one line"),
        (b"x" * 401, "400 bytes"),
    ],
)
def test_unusable_password_file_is_an_error(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    loaded = load(environ={"CHATCTL_PASSWORD_FILE": str(path)})
    with pytest.raises(ConfigError, match=f"^CHATCTL_PASSWORD_FILE names {path}, .*{reason}") as caught:
        loaded.server_password()
    assert "lines" not in str(caught.value).removeprefix("CHATCTL").replace("one line", "")


# Values.


@pytest.mark.parametrize(
    ("text", "size"),
    [("65536", 65536), ("4MiB", 4 << 20), ("512 KiB", 512 << 10), ("1.5 MiB", 3 << 19), ("1 GB", 10**9)],
)
def test_sizes_take_units(text: str, size: int) -> None:
    found = load(environ={"CHATCTL_LIMITS__OUTBOX_BYTES": text}).settings.limits.outbox_bytes
    assert (found, type(found)) == (size, int)


def test_motd_keeps_its_lines(cwd: Path) -> None:
    write(cwd, 'motd = """\nWelcome, добро пожаловать 👋\n\nBe kind.\n"""\n')
    assert load(environ={}, use_files=True, cwd=cwd).settings.motd == "Welcome, добро пожаловать 👋\n\nBe kind."
    assert load(environ={"CHATCTL_MOTD": "a\r\nb"}).settings.motd == "a\nb"


def test_choices_are_case_insensitive() -> None:
    settings = load(environ={"CHATCTL_LOG__LEVEL": "DEBUG", "CHATCTL_LOG__FORMAT": "Auto"}).settings
    assert (settings.log.level, settings.log.format) == ("debug", None)
