"""Members of a real server: through kill -9, a restart, and a backup that is restored."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.chat.accounts import plain
from tests.e2e.processes import ServeProcess, chatctl
from tests.wire import Wire

pytestmark = pytest.mark.e2e

PASSWORD = "sesame-and-more"
VARIABLES = {"CHATCTL_ACCOUNTS__ALWAYS_ON": "opt-out", "CHATCTL_ACCOUNTS__ITERATIONS": "4096"}


def serve(home: Path, **variables: str) -> ServeProcess:
    (home / "data").mkdir(mode=0o700, exist_ok=True)
    return ServeProcess(home, **{**VARIABLES, "CHATCTL_DATA_DIR": str(home / "data"), **variables})


def come_back(port: int, caps: str = "server-time") -> Wire:
    """Log in as ann, as a client that cannot request history."""
    wire = Wire(port)
    wire.send(
        f"CAP REQ :sasl {caps}", "NICK ann", "USER u 0 * :r", "AUTHENTICATE PLAIN", plain("ann", PASSWORD), "CAP END"
    )
    wire.until("001")
    return wire


def make_member(server: ServeProcess) -> Wire:
    """Make the account ann, and join #tea with it."""
    wire = Wire(server.port).login("ann")
    wire.send(f"REGISTER * * {PASSWORD}").until("REGISTER")
    wire.send("JOIN #tea").until("366")
    return wire


def private(wire: Wire) -> list[str]:
    """Return the texts of the messages that were sent to ann up to now."""
    wire.ping("end")
    return [m.params[1] for m in wire.read if m.command == "PRIVMSG" and m.params[0] == "ann"]


def test_member_survives_kill_9_and_misses_nothing(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        ann = make_member(server)
        assert server.stop(signal.SIGKILL)[0] == -signal.SIGKILL
        ann.close()
    with serve(tmp_path) as server, Wire(server.port).login("bob", "#tea") as bob:
        names = next(m for m in bob.read if m.command == "353")
        assert "@ann" in names.params[-1].split()
        bob.send("PRIVMSG ann :are you there?")
        assert bob.until("301").params[-1].startswith("Offline since ")
        bob.send("PRIVMSG #tea :in the room").ping()
        with come_back(server.port) as ann:
            ann.until(lambda message: message.command == "PRIVMSG" and message.params[0] == "ann")
            assert private(ann) == ["are you there?"]
            assert next(m.params for m in ann.read if m.command == "PRIVMSG") == ["#tea", "in the room"]
        assert [m.command for m in bob.read if m.source.startswith("ann!")] == []
        assert server.stop()[0] == 0


def test_restored_backup_has_the_members(tmp_path: Path) -> None:
    data = {"CHATCTL_DATA_DIR": str(tmp_path / "data")}
    with serve(tmp_path) as server:
        make_member(server).close()
        assert chatctl(tmp_path, "backup", "copy.tar", **data).returncode == 0
        assert server.stop()[0] == 0
    assert chatctl(tmp_path, "restore", "copy.tar", "--yes", **data).returncode == 0
    with serve(tmp_path) as server, Wire(server.port).login("bob", "#tea") as bob:
        assert any("@ann" in m.params[-1].split() for m in bob.read if m.command == "353")
        assert server.stop()[0] == 0


def test_account_chooses_with_the_command_and_with_nickserv(tmp_path: Path) -> None:
    data = {"CHATCTL_DATA_DIR": str(tmp_path / "data")}
    with serve(tmp_path, CHATCTL_ACCOUNTS__ALWAYS_ON="opt-in") as server:
        bob = Wire(server.port).login("bob")
        with make_member(server) as ann:
            bob.send("JOIN #tea").until("366")
            ann.send("PRIVMSG NickServ :SET ALWAYS-ON ON")
            assert "stays in the chat" in ann.until("NOTICE").params[-1]
            ann.send("QUIT").until_end()
        bob.send("WHOIS ann").until("318")
        assert chatctl(tmp_path, "accounts", "list", **data).stdout.rstrip().endswith("  offline")
        assert "QUIT" not in [m.command for m in bob.read]
        done = chatctl(tmp_path, "accounts", "set", "ann", "--always-on", "off", **data)
        assert (done.returncode, done.stdout) == (0, "ann leaves the chat with its last device\n")
        bob.until("QUIT")
        bob.close()
        assert server.stop()[0] == 0
