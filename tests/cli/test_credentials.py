"""A saved password goes to the server it belongs to, and to no other."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatctl.bench import crowd
from chatctl.bench.drive import measure
from chatctl.bench.plan import Plan
from chatctl.chat.model.policy import Rules
from chatctl.client.profile.profile import Profile, SavedVisit
from chatctl.destination.join_plan import JoinArguments, plan_login
from chatctl.errors import RefusedError
from chatctl.server import Server as ChatServer
from tests.cli.commands import run
from tests.wire import DEADLINE

SECRET = "open-sesame"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "secret").write_text(f"{SECRET}\n")


def settings(tmp_path: Path, text: str) -> str:
    file = tmp_path / "chatctl.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return str(file)


WRITTEN = {
    "password": f'password = "{SECRET}"\n',
    "password_file": 'password_file = "secret"\n',
    "client.password_file": 'client.password_file = "secret"\n',
}
OTHER = [
    JoinArguments("ircs://other.example:5106/tea"),
    JoinArguments("ircs://chat.example/tea"),
    JoinArguments("ircs://chat.example.other.example:5106"),
    JoinArguments(host="other.example"),
    JoinArguments(port="5107"),
    JoinArguments(host="irc://chat.example:5107"),
    JoinArguments("other"),
]


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
class TestSettings:
    """Where host, port and password stand in the settings."""

    def test_password_goes_to_the_host_and_port_of_the_settings(self, tmp_path: Path, written: str) -> None:
        file = settings(tmp_path, f'host = "chat.example"\n{written}')
        for said in (
            JoinArguments(),
            JoinArguments("ircs://chat.example:5106/tea"),
            JoinArguments(host="Chat.Example."),
            JoinArguments(port="5106"),
        ):
            assert plan_login(replace(said, config=file)).password == SECRET

    @pytest.mark.parametrize("said", OTHER, ids=str)
    def test_password_is_sent_nowhere_else_and_the_reason_is_shown(
        self, tmp_path: Path, written: str, said: JoinArguments
    ) -> None:
        Profile().entered(SavedVisit("other.example", 5106), "other")
        file = settings(tmp_path, f'host = "chat.example"\n{written}')
        plan = plan_login(replace(said, config=file))
        assert plan.password is None
        assert "belongs to chat.example:5106" in plan.withheld
        assert SECRET not in plan.withheld

    def test_password_is_not_sent_to_the_last_visited_server(self, tmp_path: Path, written: str) -> None:
        Profile().entered(SavedVisit("other.example", 5106))
        file = settings(tmp_path, written)
        assert plan_login(JoinArguments(config=file), remembering=True).password is None

    def test_password_of_a_file_is_not_sent_to_a_host_of_a_variable(
        self, tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = settings(tmp_path, f'host = "chat.example"\n{written}')
        monkeypatch.setenv("CHATCTL_HOST", "other.example")
        assert plan_login(JoinArguments(config=file)).password is None

    def test_names_of_this_computer_are_one_server(self, tmp_path: Path, written: str) -> None:
        file = settings(tmp_path, f'host = "::"\n{written}')
        for host in ("localhost", "127.0.0.1", "[::1]", "0.0.0.0"):
            assert plan_login(JoinArguments(host=host, config=file)).password == SECRET
        assert plan_login(JoinArguments(host="127.0.0.1", port="5107", config=file)).password is None


def test_password_of_a_variable_belongs_to_host_and_port_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATCTL_PASSWORD", SECRET)
    file = settings(tmp_path, 'host = "chat.example"\n')
    assert plan_login(JoinArguments(config=file)).password == SECRET
    monkeypatch.setenv("CHATCTL_HOST", "ircs://other.example:5106")
    assert plan_login(JoinArguments(config=file)).password == SECRET
    assert plan_login(JoinArguments(host="chat.example", config=file)).password is None
    assert plan_login(JoinArguments()).password == SECRET


def test_password_of_a_saved_server_is_its_own(tmp_path: Path) -> None:
    file = settings(
        tmp_path,
        '[client.servers.work]\nhost = "chat.example"\nport = 7000\npassword_file = "secret"\n'
        '[client.servers.url]\nhost = "ircs://chat.example/tea"\npassword_file = "secret"\n'
        '[client.servers.open]\nhost = "chat.example"\n',
    )
    assert plan_login(JoinArguments("work", config=file)).password == SECRET
    assert plan_login(JoinArguments("url", config=file)).password == SECRET
    assert plan_login(JoinArguments("open", config=file)).password is None
    for said in (
        JoinArguments("work", host="other.example"),
        JoinArguments("work", port="7001"),
        JoinArguments("url", host="other.example"),
    ):
        plan = plan_login(replace(said, config=file))
        assert plan.password is None
        assert "client.servers" in plan.withheld


def test_password_file_of_another_server_is_not_even_read(tmp_path: Path) -> None:
    file = settings(tmp_path, 'client.password_file = "missing"\n')
    assert plan_login(JoinArguments("ircs://other.example", config=file)).password is None


# With real commands.


class Listener:
    """Takes connections, says nothing, and keeps all that is sent."""

    def __init__(self) -> None:
        self.read = b""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):
                sock.settimeout(DEADLINE)
                while b"NICK" not in self.read.rpartition(b"\0")[2]:
                    data = sock.recv(65536)
                    self.read += data
                    if not data:
                        break
                sock.sendall(b":x 464 * :Password incorrect\r\nERROR :Password incorrect\r\n")
                self.read += b"\0"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.socket.close()


COMMANDS = {
    "join": ("join", "{}", "--name", "ci"),
    "send": ("send", "{}", "hello", "--name", "ci"),
    "tail": ("tail", "{}"),
    "rooms": ("rooms", "{}"),
    "users": ("users", "{}"),
    "bench": ("bench", "{}", "--clients", "2", "--messages", "1"),
    "check-name": ("check-name", "{}", "ci"),
}


@pytest.mark.e2e
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("variable", ["CHATCTL_PASSWORD", "CHATCTL_PASSWORD_FILE", "CHATCTL_CLIENT__PASSWORD_FILE"])
def test_no_command_sends_a_saved_password_elsewhere(
    tmp_path: Path, listener: Listener, command: tuple[str, ...], variable: str
) -> None:
    value = SECRET if variable == "CHATCTL_PASSWORD" else str(tmp_path / "secret")
    where = f"irc://127.0.0.1:{listener.port}"
    done = run(*(word.format(where) for word in command), **{variable: value})
    assert listener.read
    assert SECRET.encode() not in listener.read + done.stdout + done.stderr
    if command[0] != "check-name":
        assert done.returncode == 5
        assert b"belongs to 127.0.0.1:5106" in done.stderr


def test_bench_sends_no_password_in_clear_to_another_machine(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd, "is_local", lambda own, peer: False)
    plan = Plan("127.0.0.1", listener.port, clients=2, messages=1, password=SECRET)
    with pytest.raises(RefusedError, match="use --tls"):
        measure(plan, lambda what, done, of: None)
    assert SECRET.encode() not in listener.read


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["send", "tail", "rooms", "users", "bench"])
def test_each_command_sends_the_password_to_its_server(name: str) -> None:
    with ChatServer(port=0, listener_limit=10, rules=Rules(password=SECRET)) as server:
        words = [word for word in COMMANDS[name] if word != "{}"]
        if name == "send":
            words.insert(1, "#lobby")
        done = run(*words, CHATCTL_PASSWORD=SECRET, CHATCTL_PORT=str(server.port))
    assert (done.returncode, b"password" in done.stderr) == (0, False), done.stderr
