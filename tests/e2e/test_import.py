"""`chatctl import` and `prune` as an operator uses them: on a stopped folder, through a running server, broken off."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.crash import history
from tests.e2e.processes import DEADLINE, ServeProcess, Terminal, chatctl, environment
from tests.wire import Wire

pytestmark = pytest.mark.e2e

CAPS = "batch message-tags server-time draft/chathistory draft/event-playback echo-message"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the export of a chat with all kinds of events."""
    home = tmp_path_factory.mktemp("first")
    with ServeProcess(home) as server:
        with Wire(server.port).login("ann", "#tea") as ann, Wire(server.port).login("bob", "#tea", "#lobby") as bob:
            for number in range(300):
                ann.send(f"PRIVMSG #tea :hello {number}")
            ann.send("TOPIC #tea :Green or black?", "MODE #tea +m", "NICK anna", "PRIVMSG bob :for you alone")
            bob.send(
                "PRIVMSG #lobby :我喜欢北京烤鸭 \x01", "NOTICE #lobby :  spaces  ", "PART #tea :bye", "QUIT :gone"
            ).until("ERROR")
            ann.send("KICK #tea anna :out").ping()
        assert server.stop()[0] == 0
    return chatctl(home, "export").stdout


def test_import_of_an_export_restores_the_same_history(tmp_path: Path, exported: str) -> None:
    done = chatctl(tmp_path, "import", "-", "--verbose", stdin=exported)
    assert done.returncode == 0, done.stderr
    count = len(exported.splitlines())
    assert f"Imported: {count} messages and events." in done.stdout
    assert "no server runs on it" in done.stderr
    assert chatctl(tmp_path, "export").stdout == exported
    again = chatctl(tmp_path, "import", "-", stdin=exported)
    assert f"0 messages and events; {count} were there already" in again.stdout
    assert chatctl(tmp_path, "export").stdout == exported
    with ServeProcess(tmp_path) as server:
        assert [text for _, text in history(server.port, "hello", "#tea")] == [f"hello {n}" for n in range(300)]


def test_import_into_a_running_server_is_visible_at_once(tmp_path: Path, exported: str) -> None:
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#tea", "#lobby", caps=CAPS) as ann:
        ann.send("PRIVMSG #lobby :before").until("PRIVMSG")
        done = chatctl(tmp_path, "import", "-", "-v", stdin=exported)
        assert done.returncode == 0, done.stderr
        assert "Through the running server" in done.stderr
        assert str(server.process.pid) in done.stderr
        ann.send("PRIVMSG #lobby :after").until("PRIVMSG")
        assert [text for _, text in history(server.port, "hello", "#tea")] == [f"hello {n}" for n in range(300)]
        with Wire(server.port).login("cleo", caps="server-time batch") as cleo:
            cleo.send("JOIN #lobby")
            seen = [cleo.until("PRIVMSG").params[1] for _ in range(3)]
            assert seen == ["我喜欢北京烤鸭 \x01", "before", "after"]
        assert f"{len(exported.splitlines())} were there" in chatctl(tmp_path, "import", "-", stdin=exported).stdout
    ids = [json.loads(line)["message_id"] for line in chatctl(tmp_path, "export").stdout.splitlines()]
    assert len(ids) == len(set(ids))
    assert {json.loads(line)["message_id"] for line in exported.splitlines()} < set(ids)


def test_import_reports_invalid_lines_and_takes_the_others(tmp_path: Path, exported: str) -> None:
    lines = exported.splitlines()
    file = tmp_path / "chat.jsonl"
    file.write_text("\n".join([*lines[:5], '{"text": "hi"}', *lines[5:9], lines[9][:40]]))
    done = chatctl(tmp_path, "import", str(file))
    assert done.returncode == 1
    assert "Imported: 9 messages and events." in done.stdout
    assert [line.split(" is left out")[0] for line in done.stderr.splitlines() if "left out" in line] == [
        "chatctl: Line 6",
        "chatctl: Line 11",
    ]
    nothing = chatctl(tmp_path, "import", "-", stdin="a\nb\n")
    assert (nothing.returncode, "no valid records" in nothing.stderr) == (1, True)
    missing = chatctl(tmp_path, "import", "nowhere.jsonl")
    assert (missing.returncode, missing.stderr) == (1, "chatctl: nowhere.jsonl: No such file or directory\n")


BREAK_OFF = """
import os, sys
from chatctl.__main__ import main
from chatctl.journal.exchange.jsonl import FactFile

number, after, batches = int(sys.argv.pop(1)), int(sys.argv.pop(1)), FactFile.batches

def broken_off(file):
    for count, batch in enumerate(batches(file)):
        if count == after:
            os.kill(os.getpid(), number)
        yield batch

FactFile.batches = broken_off
main()
"""
"""The command, but it sends itself a signal after the given number of batches."""


@pytest.mark.parametrize("running", [False, True])
def test_interrupted_import_can_be_repeated(tmp_path: Path, exported: str, running: bool) -> None:
    many = [
        {**json.loads(line), "message_id": f"other-{n}-{at}"}
        for n in range(20)
        for at, line in enumerate(exported.splitlines())
    ]
    file = tmp_path / "chat.jsonl"
    file.write_text("\n".join(map(json.dumps, many)))
    server = ServeProcess(tmp_path) if running else None

    def broken_off(number: signal.Signals, after: int) -> list[str]:
        return [sys.executable, "-c", BREAK_OFF, str(int(number)), str(after), "import", str(file)]

    try:
        with Terminal(broken_off(signal.SIGINT, 2), environment(tmp_path), cwd=tmp_path) as terminal:
            assert terminal.until_end() == 130
            assert any("Importing" in line for line in terminal.shown())
            assert any("Repeat the command to continue" in line for line in terminal.shown())
        half = subprocess.run(broken_off(signal.SIGKILL, 5), env=environment(tmp_path), cwd=tmp_path, check=False)
        assert half.returncode == -signal.SIGKILL
        done = chatctl(tmp_path, "import", str(file))
        assert done.returncode == 0, done.stderr
        assert "were there already" in done.stdout
    finally:
        if server is not None:
            server.stop()
    kept = [json.loads(line) for line in chatctl(tmp_path, "export").stdout.splitlines()]
    assert sorted(fact["message_id"] for fact in kept) == sorted(str(fact["message_id"]) for fact in many)
    assert [fact["time"] for fact in kept] == sorted(fact["time"] for fact in many)


def test_pruned_messages_are_not_recoverable(tmp_path: Path, exported: str) -> None:
    chatctl(tmp_path, "import", "-", stdin=exported)
    facts = [json.loads(line) for line in exported.splitlines()]
    assert chatctl(tmp_path, "prune", "--older-than", "1d", "--yes").stdout == "Deleted: 0 messages and events.\n"
    assert chatctl(tmp_path, "prune", "--older-than", "soon").returncode == 2
    assert chatctl(tmp_path, "prune").returncode == 2
    with ServeProcess(tmp_path) as server, Wire(server.port).login("ann", "#tea", caps="server-time batch") as ann:
        assert ann.until("PRIVMSG").params[1] == "hello 280"
        done = chatctl(tmp_path, "prune", "--older-than", "0s", "--yes", "-v")
        assert done.stdout.startswith("Deleted: "), done.stderr
        assert int(done.stdout.split()[1].replace(",", "")) >= len(facts)
        assert "Through the running server" in done.stderr
        with Wire(server.port).login("cleo", caps=CAPS) as cleo:
            cleo.send("JOIN #tea", "CHATHISTORY LATEST #tea * 100").until(
                lambda m: m.command == "BATCH" and m.params[0][0] == "-"
            )
            assert not [m for m in cleo.read if m.command == "PRIVMSG"]
        with Wire(server.port).login("dora", "#tea", caps="server-time batch") as dora:
            dora.ping()
            assert not [m for m in dora.read if m.command == "PRIVMSG"]
        ann.send("PRIVMSG #tea :we are still here").ping()
        assert server.stop()[0] == 0
    folder = next(path.parent for path in tmp_path.rglob("journal.db"))
    assert not any(b"hello 29" in path.read_bytes() for path in folder.iterdir())
    assert "we are still here" in chatctl(tmp_path, "history", "tea").stdout
    stopped = chatctl(tmp_path, "prune", "--older-than", "0s", "--yes", "-v")
    assert "no server runs on it" in stopped.stderr
    assert chatctl(tmp_path, "history", "tea").stdout == ""
    nowhere = chatctl(tmp_path, "prune", "--older-than", "1d", "--yes", "--data-dir", str(tmp_path / "none"))
    assert (nowhere.returncode, "no history" in nowhere.stderr) == (4, True)


def test_import_into_a_locked_folder_is_refused(tmp_path: Path, exported: str) -> None:
    chatctl(tmp_path, "import", "-", stdin=exported)
    folder = next(path.parent for path in tmp_path.rglob("journal.db"))
    hold = (
        "import sys; from pathlib import Path; from chatctl.journal import lock;"
        "held = lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holding:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"held\n"
        done = chatctl(tmp_path, "import", "-", stdin=exported)
        assert done.returncode == 2
        assert f"in use by process {holding.pid}" in done.stderr
        holding.communicate(timeout=DEADLINE)
