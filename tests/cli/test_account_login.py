"""Logging in to an account by flags, a saved password, or because an earlier visit did (destination/join_plan,
cli/plain/entering)."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatctl.chat.model.policy import Rules
from chatctl.cli.full_screen import FullScreenLogin
from chatctl.cli.plain.entering import enter
from chatctl.cli.saved_visits import VisitStore
from chatctl.client.errors import OwnedNameError
from chatctl.client.profile.profile import Profile
from chatctl.destination.join_plan import JoinArguments, plan_login
from chatctl.errors import ConfigError
from chatctl.server import Server
from chatctl.tui.connect.event_queue import EventQueue
from chatctl.tui.connect.login_worker import LoginSucceeded, LoginWanted, LoginWorker, NameWanted, Outcome
from tests.client.peer import WELCOME, Peer, Talk, eventually
from tests.wire import DEADLINE

pytestmark = pytest.mark.e2e

PASSWORD = "hunter22"
CAPS = ":e CAP * LS :sasl=PLAIN draft/account-registration standard-replies"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in [key for key in os.environ if key.startswith("CHATCTL_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    file = tmp_path / "secret"
    file.write_text(f"{PASSWORD}\n")
    return file


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chatctl", *arguments]
    return subprocess.run(command, input="", capture_output=True, text=True, timeout=DEADLINE * 2, check=False)


def refuse(talk: Talk) -> None:
    """A server such as Ergo, to a guest."""
    talk.until("CAP LS")
    talk.send(CAPS)
    talk.send(f":e CAP * ACK {talk.until('CAP REQ').removeprefix('CAP REQ ')}")
    talk.until("CAP END")
    talk.send(
        ":e 433 * ann :Nickname is reserved by a different account",
        ":e FAIL NICK NICKNAME_RESERVED ann :Nickname is reserved by a different account",
    ).deaf()


def log_in(right: bool = True) -> Callable[[Talk], None]:
    def script(talk: Talk) -> None:
        talk.until("CAP LS")
        talk.send(CAPS)
        talk.send(f":e CAP * ACK {talk.until('CAP REQ').removeprefix('CAP REQ ')}")
        talk.until("AUTHENTICATE PLAIN")
        talk.send("AUTHENTICATE +")
        data = base64.b64decode(talk.until("AUTHENTICATE ").partition(" ")[2])
        assert data == f"ann\0ann\0{PASSWORD}".encode()
        if not right:
            talk.send(":e 904 * :SASL authentication failed: Invalid account credentials").deaf()
            return
        talk.send(":e 900 * * ann :You are now logged in as ann", ":e 903 * :Authentication successful")
        talk.until("CAP END")
        talk.send(*(line.format("ann") for line in WELCOME)).pong()
        talk.rest()

    return script


@pytest.mark.parametrize("command", [("send", "ann", "hi"), ("rooms",), ("users",), ("tail",), ("join",)])
def test_refused_guest_reads_which_flags_log_in(command: tuple[str, ...]) -> None:
    with Peer(refuse) as peer:
        done = run(*command, "--name", "ann", "--port", str(peer.port))
    assert done.returncode == 5
    assert "reserved by a different account" in done.stderr
    assert "log in with --account ann --password-file FILE" in done.stderr


def test_flags_log_in_before_the_first_attempt(alone: Path) -> None:
    with Peer(log_in()) as peer:
        done = run("send", "ann", "hi", "--account", "ann", "--password-file", str(alone), "--port", str(peer.port))
    assert (done.returncode, done.stderr) == (0, "")
    assert "NICK ann" in peer.talks[0].lines
    assert not [line for line in peer.talks[0].lines if line.startswith("PASS")]


def test_wrong_password_is_reported(alone: Path) -> None:
    with Peer(log_in(right=False)) as peer:
        done = run("rooms", "--account", "ann", "--password-file", str(alone), "--port", str(peer.port))
    assert done.returncode == 5
    assert "Invalid account credentials" in done.stderr


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--account", "ann"), "--password-file FILE"),
        (("--password-file", "nowhere"), "--account NAME"),
        (("--account", "ann", "--password-file", "nowhere"), "--password-file names nowhere, which cannot be read"),
        (("--account", "a nn", "--password-file", "nowhere"), "is not a valid account name"),
    ],
)
def test_conflicting_login_flags_are_refused(flags: tuple[str, ...], why: str) -> None:
    done = run("rooms", *flags, "--port", "1")
    assert done.returncode == 2
    assert why in done.stderr


def test_saved_password_of_the_server_logs_in(alone: Path, tmp_path: Path) -> None:
    with Peer(log_in()) as peer:
        config = tmp_path / "chatctl.toml"
        config.write_text(
            f'[client.servers.work]\nhost = "127.0.0.1"\nport = {peer.port}\naccount = "ann"\n'
            f'password_file = "{alone}"\n'
        )
        plan = plan_login(JoinArguments("work", config=str(config)))
        client = enter(plan, lambda _: None, asking=False)
        assert client.account == "ann"
        client.stop()


def test_registered_account_is_logged_in_to_on_the_next_visit() -> None:
    def settled(login_worker: LoginWorker) -> Outcome:
        outcome = login_worker.wait(DEADLINE)
        assert outcome is not None
        return outcome

    def visit(name: str | None = "ann") -> LoginWorker:
        login_worker = LoginWorker(
            FullScreenLogin(plan_login(JoinArguments(port=str(server.port))), Profile(), VisitStore(None)), EventQueue()
        )
        login_worker.begin(name)
        return login_worker

    with Server(port=0, rules=Rules(iterations=4096)) as server:
        address = f"127.0.0.1:{server.port}"
        first = settled(visit())
        assert isinstance(first, LoginSucceeded)
        first.client.register(PASSWORD)
        eventually(lambda: Profile().account(address, "ann") == "ann")
        first.client.stop()

        login_worker = visit()
        wanted = settled(login_worker)
        assert isinstance(wanted, LoginWanted)
        assert wanted.known
        login_worker.service.log_in("ann", PASSWORD)
        login_worker.begin("ann")
        again = settled(login_worker)
        assert isinstance(again, LoginSucceeded)
        assert again.client.account == "ann"
        again.client.stop()

        login_worker = visit()
        settled(login_worker)
        offered: list[Outcome] = []
        login_worker.listen(offered.append)
        login_worker.ask_for_other_name()
        eventually(lambda: any(isinstance(outcome, NameWanted) for outcome in offered))
        login_worker.begin("bob")
        guest = settled(login_worker)
        assert isinstance(guest, LoginSucceeded)
        assert guest.client.account is None
        guest.client.stop()


def test_name_accepted_as_a_guest_forgets_its_account() -> None:
    with Server(port=0) as server:
        memory, address = Profile(), f"127.0.0.1:{server.port}"
        memory.learn_account(address, "ann", "ann")
        plan = plan_login(JoinArguments(port=str(server.port), name="ann"))
        service = FullScreenLogin(plan, memory, VisitStore(None))
        assert service.needs_login("ann")
        service.continue_as_guest()
        with service.create_client("ann", None):
            eventually(lambda: memory.account(address, "ann") == "")


def test_saved_password_of_an_owned_name_logs_in_on_the_full_screen(alone: Path, tmp_path: Path) -> None:
    with Peer(refuse, log_in()) as peer:
        config = tmp_path / "chatctl.toml"
        config.write_text(f'port = {peer.port}\n[client]\nname = "ann"\npassword_file = "{alone}"\n')
        login_worker = LoginWorker(
            FullScreenLogin(plan_login(JoinArguments(config=str(config))), Profile(), VisitStore(None)), EventQueue()
        )
        login_worker.begin("ann")
        outcome = login_worker.wait(DEADLINE)
        assert isinstance(outcome, LoginSucceeded)
        outcome.client.stop()


def test_remembered_account_without_a_password_is_no_error_for_a_script() -> None:
    with Peer(refuse) as peer:
        Profile().learn_account(f"127.0.0.1:{peer.port}", "ann", "ann")
        with pytest.raises(OwnedNameError, match="--account ann"):
            enter(plan_login(JoinArguments(port=str(peer.port), name="ann")), lambda _: None, asking=False)
    with pytest.raises(ConfigError, match="not a valid account name"):
        plan_login(JoinArguments(account=""))
