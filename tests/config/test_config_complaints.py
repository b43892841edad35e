"""Error sentences for wrong settings: one line with source, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.config import KEYS, load
from chatctl.errors import ConfigError

PORT = "but a port is a whole number from 0 to 65535"


def complaint(
    environ: dict[str, str] | None = None, flags: dict[str, object] | None = None, config_file: str | None = None
) -> str:
    with pytest.raises(ConfigError) as caught:
        load(environ=environ or {}, flags=flags, config_file=config_file)
    assert caught.value.exit_code == 2
    return str(caught.value)


def in_file(tmp_path: Path, content: str | bytes) -> str:
    """The complaint about a file, without the folder it is in."""
    path = tmp_path / "chatctl.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return complaint(config_file=str(path)).replace(str(path), "chatctl.toml")


@pytest.mark.parametrize("value", ["abc", "70000", "-1", "5.5", "true", "0x50", "1e3"])
def test_invalid_port_in_the_environment_names_the_variable(value: str) -> None:
    assert complaint({"CHATCTL_PORT": value}) == f'CHATCTL_PORT is "{value}", {PORT}'


def test_error_names_the_source_of_the_value(tmp_path: Path) -> None:
    assert complaint(flags={"port": "abc"}) == f'--port is "abc", {PORT}'
    assert in_file(tmp_path, 'port = "abc"') == f'chatctl.toml: port is "abc", {PORT}'
    assert complaint({"CHATCTL_LIMITS": '{"idle_seconds": "x"}'}).startswith(
        'CHATCTL_LIMITS: limits.idle_seconds is "x", but'
    )


@pytest.mark.parametrize("value", ["true", "70000", "-1", "[1]", "5.5", "2024-01-01", '""'])
def test_invalid_port_in_the_file_names_the_key(tmp_path: Path, value: str) -> None:
    shown = value if not value.startswith("2024") else f'"{value}"'
    assert in_file(tmp_path, f"port = {value}") == f"chatctl.toml: port is {shown}, {PORT}"


def test_table_and_value_in_the_place_of_each_other_are_errors(tmp_path: Path) -> None:
    assert in_file(tmp_path, "[port]\nx = 1") == f"chatctl.toml: port is a table, {PORT}"
    assert (
        in_file(tmp_path, "tls = 1")
        == "chatctl.toml: tls is one value, but tls is a table with mode, certificate, key in it"
    )


WRONG = {
    "host": ["a b", "\x1b[2J", "http://a.example"],
    "port": ["65536"],
    "listener_limit": ["0", "-5", "five"],
    "advertise": ["a b", "300.1.1.1", "-x.example", "a/b", "x" * 254, "."],
    "name": ["local", "a b.c", "-a.b", "a..b", "a.b" * 30, "é.example", "a.b\n"],
    "network": ["my net", "x" * 31, "a=b", "a\\b"],
    "motd": ["\x07", "\udcff", "x" * 301, "a\rb"],
    "password": ["a\nb", "\udcff", "x" * 401, "\x00"],
    "tls.mode": ["on", "yes"],
    "limits.unregistered": ["0"],
    "limits.registration_seconds": ["0", "86401", "1.5"],
    "limits.idle_seconds": ["-1", "soon"],
    "limits.outbox_bytes": ["1", "12,000", "1kb", "5 parsec", "-4MiB", "4 MiB/s"],
    "limits.outbox_total_bytes": ["lots"],
    "log.level": ["loud"],
    "accounts.registration": ["maybe"],
    "accounts.iterations": ["4095", "10000001"],
    "log.format": ["xml"],
    "client.name": ["a\nb", "\udcff"],
    "client.room": ["#\udcff", "#a b", "#a,#b"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_invalid_value_is_one_line_with_the_allowed_values(name: str, value: str) -> None:
    key = KEYS[name]
    line = complaint({key.variable: value})
    assert line.startswith(key.variable)
    assert line.endswith(key.says.clause)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert "Input should" not in line
    assert "pydantic" not in line


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("chat.example:5106", "a host alone, without a scheme or a port"),
        ("[::1]:5106", "a host alone, without a scheme or a port"),
        ("ircs://chat.example/", "a host alone, without a scheme or a port"),
        ("0.0.0.0", "not the address of a computer"),
        ("::", "not the address of a computer"),
    ],
)
def test_advertise_that_is_not_an_address_is_refused(value: str, what: str) -> None:
    line = complaint({"CHATCTL_ADVERTISE": value})
    assert line.startswith(f'CHATCTL_ADVERTISE is "{value}", but ')
    assert what in line


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("[::1]", "::1"),
        ("[fe80::1%25eth0]", "fe80::1%eth0"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("chat.example.", "chat.example."),
        ("b\u00fccher.example", "b\u00fccher.example"),
    ],
)
def test_host_in_brackets_is_accepted(value: str, host: str) -> None:
    for name in ("host", "advertise"):
        assert KEYS[name].value(load(environ={KEYS[name].variable: value}).settings) == host


def test_long_value_is_shortened_in_the_error() -> None:
    line = complaint({"CHATCTL_PORT": "9" * 5000})
    assert len(line) < 150
    assert "…" in line


# Unknown names.


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("CHATCTL_PROT", "CHATCTL_PORT"),
        ("CHATCTL_LIMITS__IDLE", "CHATCTL_LIMITS__IDLE_SECONDS"),
        ("CHATCTL_LIMITS_IDLE_SECONDS", "CHATCTL_LIMITS__IDLE_SECONDS"),
        ("CHATCTL_IDLE_SECONDS", "CHATCTL_LIMITS__IDLE_SECONDS"),
        ("CHATCTL_LOG_LEVEL", "CHATCTL_LOG__LEVEL"),
        ("CHATCTL_LISTENERS_LIMIT", "CHATCTL_LISTENER_LIMIT"),
        ("CHATCTL_CONFIG_FILE", "CHATCTL_CONFIG"),
        ("chatctl_port", "CHATCTL_PORT"),
        ("Chatctl_Tls__Mode", "CHATCTL_TLS__MODE"),
    ],
)
def test_unknown_variable_suggests_the_nearest_known_one(wrong: str, meant: str) -> None:
    assert complaint({wrong: "1"}) == f"unknown variable {wrong}; did you mean {meant}?"


def test_empty_unknown_variable_is_refused() -> None:
    assert "did you mean CHATCTL_PORT?" in complaint({"CHATCTL_PROT": ""})


def test_unknown_variable_without_a_similar_one_has_no_suggestion() -> None:
    assert complaint({"CHATCTL_ZZZZ": "1"}) == (
        "unknown variable CHATCTL_ZZZZ; `chatctl config init` writes a file with every setting"
    )


@pytest.mark.parametrize(
    ("content", "wrong", "advice"),
    [
        ("listner_limit = 3", "listner_limit", "did you mean listener_limit?"),
        ("listener-limit = 3", "listener-limit", "did you mean listener_limit?"),
        ("Port = 3", "Port", "did you mean port?"),
        ("idle_seconds = 3", "idle_seconds", "did you mean limits.idle_seconds?"),
        ("[limits]\nidle = 3", "limits.idle", "did you mean limits.idle_seconds?"),
        ("[limits]\nport = 3", "limits.port", "did you mean port?"),
        ("[limit]\nidle_seconds = 3", "limit", "did you mean limits?"),
        ("[client]\nfoo.bar = 3", "client.foo", "client has name, room, password_file, servers"),
        ("zzz = 3", "zzz", "`chatctl config init` writes a file with every setting"),
        ("_env_file = 3", "_env_file", "`chatctl config init` writes a file with every setting"),
    ],
)
def test_unknown_key_suggests_the_nearest_known_one(tmp_path: Path, content: str, wrong: str, advice: str) -> None:
    assert in_file(tmp_path, content) == f'chatctl.toml: unknown setting "{wrong}"; {advice}'


def test_unknown_key_in_json_is_refused() -> None:
    line = complaint({"CHATCTL_LIMITS": '{"idle": 60}'})
    assert line == 'CHATCTL_LIMITS: unknown setting "limits.idle"; did you mean limits.idle_seconds?'


@pytest.mark.parametrize("value", ["{", "5", "[]", "null", "{'idle_seconds': 60}", "[" * 100_000])
def test_table_that_is_not_a_json_object_is_refused(value: str) -> None:
    assert complaint({"CHATCTL_LIMITS": value}) == (
        'CHATCTL_LIMITS is not a JSON object such as {"messages_per_second": 10}; '
        "or set single keys, as in CHATCTL_LIMITS__MESSAGES_PER_SECOND"
    )


# Files.


def test_missing_named_file_is_an_error(tmp_path: Path) -> None:
    assert complaint(config_file="no.toml") == "--config names no.toml, but there is no such file"
    assert complaint({"CHATCTL_CONFIG": "no.toml"}) == "CHATCTL_CONFIG names no.toml, but there is no such file"


def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    assert complaint(config_file=str(tmp_path)) == f"{tmp_path} cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("port\n", "is not valid TOML: Expected '=' after a key in a key/value pair (at line 1, column 5)"),
        ("port = 1\nport = 2\n", "is not valid TOML: Cannot overwrite a value (at line 2, column 9)"),
        ("a = " + "[" * 5000, "is not valid TOML: it is nested too deeply"),
        (b"# fine\nmotd = '\xff'\n", ", line 2: this is not UTF-8; save the file as UTF-8"),
    ],
)
def test_invalid_toml_is_an_error(tmp_path: Path, content: str | bytes, reason: str) -> None:
    assert in_file(tmp_path, content).removeprefix("chatctl.toml").strip() == reason.strip()


# Several problems, secrets.


def test_each_error_is_one_line() -> None:
    lines = complaint({"CHATCTL_PORT": "x", "CHATCTL_PROT": "1"}, {"listener_limit": 0}).splitlines()
    assert [line.split(" is ")[0].split(";")[0] for line in lines] == [
        "unknown variable CHATCTL_PROT",
        "CHATCTL_PORT",
        "--listener-limit",
    ]


def test_overridden_value_is_not_checked() -> None:
    assert load(environ={"CHATCTL_PORT": "abc"}, flags={"port": "1"}).settings.port == 1


def test_password_and_password_file_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "chatctl.toml"
    path.write_text('password_file = "secret"')
    assert complaint({"CHATCTL_PASSWORD": "s3cret"}, config_file=str(path)) == (
        f"CHATCTL_PASSWORD and {path}: password_file are both set; keep one of them"
    )


def test_error_never_shows_a_secret(tmp_path: Path) -> None:
    for line in (
        complaint({"CHATCTL_PASSWORD": "s3cret\n"}),
        in_file(tmp_path, 'password = ["s3cret"]'),
        in_file(tmp_path, 'password = {s3cret = "s3cret"}'),
        in_file(tmp_path, 'password = "s3cret\\u0000"\nport = "x"'),
    ):
        assert "password" in line.lower()
        assert "s3cret" not in line
