"""send, tail, rooms and users at the server of one's own data folder: without a place, a password, or any noise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.cli.own_server import own_server
from chatctl.client import Client
from chatctl.client import events as e
from chatctl.client.transport.trust import Trust
from chatctl.destination.login_plan import LoginPlan
from chatctl.destination.server_address import ServerAddress
from chatctl.server import Server
from tests.cli.commands import COMMAND, run
from tests.wire import DEADLINE

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("environment")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose one place is taken by ann, and which has a password."""
    with Server(port=0, listener_limit=1, rules=Rules(password="sesame"), control=folder) as running:
        monkeypatch.setenv("CHATCTL_DATA_DIR", str(folder))
        monkeypatch.setenv("CHATCTL_PORT", str(running.port))
        yield running


@pytest.fixture
def ann(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="ann", secret="ann's", rooms=["#tea"], password="sesame") as client:
        yield client


def told(client: Client, count: int) -> list[e.Event]:
    """Return the events of others that `client` gets, up to this many messages."""
    found: list[e.Event] = []
    for event in client.events(timeout=DEADLINE):
        if isinstance(event, e.RoomMessage | e.Joined | e.Parted) and client.fold(event.name) != "ann":
            found.append(event)
            if sum(isinstance(each, e.RoomMessage) for each in found) == count:
                break
    return found


def test_commands_work_silently_on_a_full_server(ann: Client) -> None:
    assert run("rooms").stdout == b"#tea  1\n"
    assert run("users", "#tea").stdout == b"ann  here  operator\n"
    for number in range(2):
        done = run("send", "#tea", f"hello {number}", "--name", "ci")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert run("tail", "#tea").stdout.decode().splitlines()[-1].endswith("[ci]: hello 1")
    assert [type(event) for event in told(ann, 2)] == [e.RoomMessage, e.RoomMessage]
    assert ann.members("#tea") == ("ann",)


def test_follow_prints_messages_from_now_on(ann: Client) -> None:
    ann.say("#tea", "before")
    ann.flush(DEADLINE)
    command = [*COMMAND, "tail", "#tea", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as tail:
        assert tail.stdout is not None
        assert tail.stdout.readline().endswith("[ann]: before\n")
        ann.say("#tea", "after")
        assert tail.stdout.readline().endswith("[ann]: after\n")
        assert ann.members("#tea") == ("ann",)
        tail.terminate()


def test_name_of_a_connected_user_is_refused(ann: Client) -> None:
    done = run("send", "#tea", "hello", "--name", "ann")
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"chatctl: The name ann is taken")


def plan(server: Server, folder: Path, host: str = "127.0.0.1") -> LoginPlan:
    return LoginPlan(ServerAddress(host, server.port, "", Trust()), "#tea", "ci", None, folder=folder)


def test_control_socket_is_used_for_this_very_server_only(server: Server, folder: Path, tmp_path: Path) -> None:
    here = plan(server, folder)
    assert own_server(here) == folder
    assert own_server(plan(server, folder, "localhost")) == folder
    assert own_server(plan(server, folder, "chat.example")) is None
    assert own_server(plan(server, tmp_path)) is None
    assert own_server(replace(here, folder=None)) is None
    assert own_server(replace(here, to=replace(here.to, port=server.port + 1))) is None
    assert own_server(replace(here, to=replace(here.to, trust=Trust(True)))) is None
    assert own_server(replace(here, to=replace(here.to, trust=Trust(fingerprint="aa")))) is None


def test_remote_commands_make_short_visits(
    tmp_path: Path, server: Server, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATCTL_DATA_DIR", str(tmp_path / "none"))
    with Server(port=0) as other, Client(port=other.port, name="ann", secret="ann's", rooms=["#tea"]) as there:
        for _ in range(2):
            assert run("send", "#tea", "hello", "--name", "ci", "--port", str(other.port)).returncode == 0
        assert run("tail", "#tea", "--port", str(other.port)).stdout.decode().splitlines()[-1].endswith("[ci]: hello")
        assert [type(event) for event in told(there, 2)] == [e.RoomMessage, e.RoomMessage]


def test_commands_that_only_read_stay_quick_to_import() -> None:
    program = (
        "import sys, chatctl.cli.own_server, chatctl.destination.join_plan; print('chatctl.wiring' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
