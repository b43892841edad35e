"""History as an operator and a user meet it: restart, commands, the folder's lock, no history at all."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from chatctl.journal import lock
from tests.e2e.crash import history
from tests.e2e.processes import ServeProcess, chatctl
from tests.journal.index.test_place_index import second_version
from tests.wire import Wire

pytestmark = pytest.mark.e2e


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder in which Ann and Bob have talked; the server has been stopped."""
    with ServeProcess(tmp_path) as server:
        with Wire(server.port).login("ann", "#tea") as ann, Wire(server.port).login("bob", "#tea", "#lobby") as bob:
            for number in range(5):
                ann.send(f"PRIVMSG #tea :hello {number}")
            ann.send("TOPIC #tea :Green or black?")
            bob.until("TOPIC")
            bob.send("PRIVMSG #lobby :我喜欢北京烤鸭")
            bob.ping()
        assert server.stop()[0] == 0
    return tmp_path


def test_rooms_and_messages_survive_a_restart(home: Path) -> None:
    with ServeProcess(home) as server, Wire(server.port).login("cleo", caps="server-time batch") as cleo:
        cleo.send("JOIN #tea")
        assert cleo.until("332").params[-1] == "Green or black?"
        replayed = [cleo.until("PRIVMSG").params[1] for _ in range(5)]
        assert replayed == [f"hello {number}" for number in range(5)]


def test_older_journal_is_migrated_by_any_reading_command(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    path = tmp_path / "data" / "journal.db"
    second_version(path).close()
    path.chmod(0o600)
    with lock(path.parent):
        refused = chatctl(tmp_path, "history", "--data-dir", str(path.parent))
    assert refused.returncode == 2
    assert "An older chatctl is running" in refused.stderr
    shown = chatctl(tmp_path, "history", "--data-dir", str(path.parent))
    assert "Migrating the history" in shown.stderr
    assert shown.stdout.splitlines()[0].partition("  ")[2] == "#lobby  [alice]: hello"
    again = chatctl(tmp_path, "history", "--data-dir", str(path.parent))
    assert (again.stdout, "Migrating" in again.stderr) == (shown.stdout, False)


def test_history_search_export_and_backup_read_the_data_folder(home: Path) -> None:
    shown = chatctl(home, "history", "#tea", "--limit", "2", "--verbose")
    assert [line.partition("  ")[2] for line in shown.stdout.splitlines()] == [
        "#tea  [ann]: hello 3",
        "#tea  [ann]: hello 4",
    ]
    assert "no server runs on it" in shown.stderr
    objects = [json.loads(line) for line in chatctl(home, "history", "tea", "--json").stdout.splitlines()]
    assert [item["text"] for item in objects] == [f"hello {number}" for number in range(5)]
    assert {"type", "time", "room", "name", "text", "id"} == set(objects[0])
    nothing = chatctl(home, "history", "#tae", "-v")
    assert (nothing.stdout, nothing.stderr.splitlines()[1:]) == ("", ["chatctl: No stored messages in #tae"])
    assert "北京烤鸭" in chatctl(home, "search", "北京").stdout
    missing = chatctl(home, "search", "nothing-like-it", "-v")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.splitlines()[1:] == ["chatctl: Nothing was found"]
    quiet = [chatctl(home, "history", "#tae"), chatctl(home, "search", "nothing-like-it"), chatctl(home, "export")]
    assert [done.stderr for done in quiet] == ["", "", ""], "cron would send it as a mail"
    assert chatctl(home, "search", "").returncode == 2  # a script's variable that is not set
    kinds = [json.loads(line)["kind"] for line in chatctl(home, "export", "--room", "tea").stdout.splitlines()]
    assert kinds[:2] == ["JOIN", "JOIN"]
    assert kinds.count("PRIVMSG") == 5
    copied = home / "copy.db"
    assert chatctl(home, "backup", str(copied)).returncode == 0
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    again = chatctl(home, "backup", str(copied))
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


def test_status_is_a_health_check(home: Path) -> None:
    stopped = chatctl(home, "status")
    assert stopped.returncode == 4
    with ServeProcess(home) as server, Wire(server.port).login("ann", "#lobby") as ann:
        ann.send("PRIVMSG #lobby :hi").ping()
        done = chatctl(home, "status", "--json")
        assert done.returncode == 0
        status = json.loads(done.stdout)
        assert (status["users"], status["messages"], status["journal_trouble"]) == (1, 1, "")
        shown = chatctl(home, "status").stdout
        assert "1 of 5" in shown
        assert " ago, took " in shown


def test_moved_data_folder_is_noticed_by_the_server(home: Path, tmp_path: Path) -> None:
    with ServeProcess(home) as server, Wire(server.port).login("ann", "#lobby") as ann:
        status = json.loads(chatctl(home, "status", "--json").stdout)
        assert status["journal"]["file_bytes"] > 0
        [journal] = home.rglob("journal.db")
        moved = tmp_path / "moved"
        journal.parent.rename(moved)
        trouble, by = "", time.monotonic() + 20
        while not trouble:
            assert time.monotonic() < by
            answer = chatctl(home, "status", "--json", "--data-dir", str(moved))
            trouble = json.loads(answer.stdout)["journal_trouble"]
        ann.send("PRIVMSG #lobby :into the void")
        assert "was removed or moved while the server runs" in ann.until("FAIL").params[-1]
        shown = chatctl(home, "status", "--data-dir", str(moved)).stdout
        assert "Storing:     in trouble: the data folder" in shown
        assert " MB on disk" in shown
    assert "into the void" not in chatctl(home, "history", "#lobby", "--data-dir", str(moved)).stdout


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_status_finds_a_server_without_history_by_its_address(tmp_path: Path, mode: str) -> None:
    settings = {"CHATCTL_HISTORY__ENABLED": "false", "CHATCTL_TLS__MODE": mode}
    with ServeProcess(tmp_path, **settings) as server:
        here = {"CHATCTL_PORT": str(server.port)}
        for variables in ({**here, **settings}, here):  # by the settings; and where a flag alone said it
            done = chatctl(tmp_path, "status", **variables)
            assert (done.returncode, done.stderr) == (0, "")
            assert f"127.0.0.1:{server.port}" in done.stdout
            assert "--no-history" in done.stdout
        as_json = json.loads(chatctl(tmp_path, "status", "--json", **here, **settings).stdout)
        assert as_json == {"address": f"127.0.0.1:{server.port}", "answers": True}
        # A command with a folder talks to the server on it; no other program writes there.
        assert chatctl(tmp_path, "status", "--data-dir", str(tmp_path), **here).returncode == 4
        kick = chatctl(tmp_path, "kick", "ann", **here)
        assert (kick.returncode, "--no-history" in kick.stderr) == (4, True)
    stopped = chatctl(tmp_path, "status", **here, **settings)
    assert (stopped.returncode, stopped.stdout) == (4, "")
    assert f"127.0.0.1:{server.port}" in stopped.stderr


def test_second_server_on_the_same_folder_is_refused_with_advice(home: Path) -> None:
    with ServeProcess(home) as server:
        second = chatctl(home, "serve", "--port", "0")
        assert second.returncode == 2
        for expected in (str(server.process.pid), f"127.0.0.1:{server.port}", "--data-dir", "--no-history"):
            assert expected in second.stderr
        with ServeProcess(home, "--no-history") as third, Wire(third.port).login("ann", "#tea") as ann:
            assert ann.ping()
            assert "in memory only" in third.banner


def test_server_without_history_writes_nothing(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_HISTORY__ENABLED="false") as server:
        caps = "batch message-tags server-time draft/chathistory echo-message"
        with Wire(server.port).login("ann", "#busy", caps=caps) as ann:
            ann.send("PRIVMSG #busy :one")
            ann.until("PRIVMSG")
            assert [text for _, text in history(server.port, "one")] == ["one"]
        server.stop()
    assert not list(tmp_path.rglob("journal.db"))


def test_unusable_data_folder_exits_with_2(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    done = chatctl(tmp_path, "serve", "--data-dir", str(blocked / "inside"))
    assert done.returncode == 2
    assert "CHATCTL_DATA_DIR" in done.stderr
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o755)
    (loose / "notes").touch()
    done = chatctl(tmp_path, "serve", "--data-dir", str(loose))
    assert (done.returncode, "chmod 700" in done.stderr) == (2, True)


def test_data_folder_and_files_are_private(home: Path) -> None:
    folder = next(path.parent for path in home.rglob("journal.db"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_cloaked_host_of_an_address_survives_a_restart(tmp_path: Path) -> None:
    hosts = set()
    for _ in range(2):
        with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#a", caps="echo-message") as ann:
            hosts.add(ann.send("PRIVMSG #a :hi").until("PRIVMSG").source)
            assert server.stop()[0] == 0
    assert len(hosts) == 1
