"""Nothing is seen that is not on the disk: the order of the system's calls, a full disk, a copy under load."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatctl.client import events
from chatctl.journal.maintenance.integrity_check import faults
from chatctl.protocol.message import Message
from tests.client.clients import client, heard
from tests.e2e.crash import ROOM, SENDERS, Talker
from tests.e2e.processes import CHATCTL, DEADLINE, ServeProcess, chatctl, environment, needs, works
from tests.wire import Wire

pytestmark = pytest.mark.e2e


# The sync before the echo.

_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)")


def test_message_is_on_disk_before_its_echo_is_sent(tmp_path: Path) -> None:
    needs("strace", "-o", "/dev/null", "true")
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,pwritev,fsync,fdatasync,sendto,sendmsg,write,writev"
    under = ["strace", "-f", "-y", "-s", "16384", "-e", calls, "-e", "signal=none", "-o", str(trace)]
    texts = [f"message-{number}-end" for number in range(40)]
    with ServeProcess(tmp_path, under=under) as server:
        with Wire(server.port).login("ann", "#a", caps="echo-message") as ann:
            for text in texts[:20]:  # one by one, then many at once
                ann.send(f"PRIVMSG #a :{text}").until("PRIVMSG")
            ann.send(*(f"PRIVMSG #a :{text}" for text in texts[20:]))
            ann.until(lambda message: message.params[-1] == texts[-1])
        folder = next(tmp_path.rglob("chatctl.lock"))
        os.kill(json.loads(folder.read_text())["pid"], signal.SIGTERM)
        assert server.process.wait(DEADLINE) == 0
    lines = trace.read_text().splitlines()
    for text in texts:
        written = next(at for at, line in enumerate(lines) if text in line and "journal.db-wal" in line)
        synced = _synced(lines, written)
        sent = next(at for at, line in enumerate(lines) if f"PRIVMSG #a :{text}\\r\\n" in line)
        assert written < synced < sent, f"{text}: {written}, {synced}, {sent}"


def _synced(lines: list[str], written: int) -> int:
    """The line where a sync of the WAL returned that began after the line `written`."""
    begun: set[str] = set()
    for at in range(written + 1, len(lines)):
        found = _CALL.match(lines[at])
        if found is None or found[2] not in ("fsync", "fdatasync"):
            continue
        if "journal.db-wal" in lines[at] and "resumed" not in lines[at]:
            begun.add(found[1])
        if found[1] in begun and lines[at].rstrip().endswith("= 0"):
            return at
    raise AssertionError("never synced")


# A full disk.


class SmallDisk:
    """Some megabytes, seen by those alone who are started with `under`; `path` is the way there from outside."""

    def __init__(self, mount: Path, pid: int) -> None:
        self.path = Path(f"/proc/{pid}/root{mount}")
        self.under = ["nsenter", "--preserve-credentials", "-U", "-m", "-t", str(pid)]
        self._filler = self.path / "filler"

    def fill(self) -> None:
        """Leave nothing free."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def free(self) -> None:
        """As it was."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if not works("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"):
        pytest.skip("mounting a small disk is not permitted here")
    mount = tmp_path / "disk"
    mount.mkdir()
    script = f"mount -t tmpfs -o size=8m,mode=700 none {mount} && echo ready && exec cat"
    with subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        yield SmallDisk(mount, holder.pid)
        holder.communicate(timeout=DEADLINE)


class Careful:
    """Says one thing after the other, and knows what became of each."""

    def __init__(self, port: int, nick: str) -> None:
        self.nick = nick
        self.wire = Wire(port).login(nick, ROOM, caps="echo-message message-tags standard-replies")
        self.echoed: list[str] = []
        self.refused: list[str] = []
        self.waiting = ""

    def say(self) -> bool:
        """One more; True where it was echoed, False where it was refused."""
        self.waiting = f"{self.nick}.{len(self.echoed) + len(self.refused)}." + "x" * 300
        self.wire.send(f"PRIVMSG {ROOM} :{self.waiting}")
        answer = self.wire.until(self._mine)
        echoed = answer.command == "PRIVMSG"
        (self.echoed if echoed else self.refused).append(self.waiting)
        if not echoed:
            assert list(answer.params[:2]) == ["PRIVMSG", "NOT_STORED"]
        self.waiting = ""
        return echoed

    def _mine(self, message: Message) -> bool:
        return message.command == "FAIL" or (message.command == "PRIVMSG" and message.params[1] == self.waiting)


@pytest.mark.parametrize("killed", ["while full", "after"])
def test_full_disk_refuses_messages_and_recovers(tmp_path: Path, disk: SmallDisk, killed: str) -> None:
    """Echoed messages are stored, refused ones are not, and with free space everything continues."""
    variables = {"CHATCTL_DATA_DIR": str(tmp_path / "disk" / "data"), "CHATCTL_LOG__LEVEL": "error"}
    with ServeProcess(tmp_path, under=disk.under, **variables) as server:
        people = [Careful(server.port, f"p{number}") for number in range(3)]
        for _ in range(50):
            assert [person.say() for person in people] == [True] * 3
        disk.fill()
        while not all(person.refused for person in people):
            for person in people:
                person.say()
        for _ in range(20):
            for person in people:
                person.say()
        if killed == "after":
            disk.free()
            _works_again(people)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        for person in people:
            person.wire.close()
    if killed == "while full":
        disk.free()
    with ServeProcess(tmp_path, under=disk.under, **variables) as again:
        with Wire(again.port).login("late", ROOM, caps="echo-message") as late:
            late.send(f"PRIVMSG {ROOM} :it goes on").until("PRIVMSG")
        assert again.stop()[0] == 0
    copy = tmp_path / "copy" / "journal.db"
    copy.parent.mkdir()
    shutil.copy(disk.path / "data" / "journal.db", copy)
    kept = _exported(copy.parent, tmp_path)
    assert len(kept) == len(set(kept))
    assert kept[-1] == "it goes on"
    for person in people:
        assert [text for text in kept if text.startswith(f"{person.nick}.")] == person.echoed
        assert len(person.refused) > 3
    assert faults(copy) == []


def _works_again(people: list[Careful]) -> None:
    by = time.monotonic() + DEADLINE
    while not people[0].say():
        assert time.monotonic() < by, "nothing is stored though there is space"
    assert all(person.say() for person in people)


def _exported(folder: Path, home: Path) -> list[str]:
    done = chatctl(home, "export", "--data-dir", str(folder))
    assert done.returncode == 0, done.stderr
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    return [fact["text"] for fact in facts if fact["kind"] == "PRIVMSG"]


def test_client_that_joins_on_a_full_disk_is_in_its_room_afterwards(tmp_path: Path, disk: SmallDisk) -> None:
    variables = {"CHATCTL_DATA_DIR": str(tmp_path / "disk" / "data"), "CHATCTL_LOG__LEVEL": "error"}
    with ServeProcess(tmp_path, under=disk.under, **variables) as server:
        person = Careful(server.port, "p")
        disk.fill()
        while person.say():
            pass
        with client(server.port, rooms=[ROOM]) as ann:
            [failed] = heard(ann, events.Failed)
            assert isinstance(failed, events.Failed)
            assert (failed.code, failed.about) == ("NOT_STORED", ROOM)
            ann.say(ROOM, "typed while the disk was full")
            assert not ann.rooms
            disk.free()
            assert ann.flush(DEADLINE)
            assert ann.rooms == (ROOM,)
            person.wire.until(lambda message: message.params[-1] == "typed while the disk was full")
        person.wire.close()
        assert server.stop()[0] == 0


# A copy under load.


@contextmanager
def _talking(port: int) -> Iterator[list[Talker]]:
    talkers = [Talker(port, f"t{number}") for number in range(SENDERS)]
    yield talkers
    for talker in talkers:
        talker.sock.close()


def test_backup_under_load_is_a_prefix_without_gaps(tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "journal.db"
    with ServeProcess(tmp_path, CHATCTL_LISTENER_LIMIT="20", CHATCTL_LOG__LEVEL="error") as server:
        with _talking(server.port) as talkers:
            while not all(len(talker.data) > 100_000 for talker in talkers):
                _talk(talkers)
            before = max(len(talker.saw()) for talker in talkers)
            command = [CHATCTL, "backup", str(tmp_path / "backup.tar")]
            with subprocess.Popen(command, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE) as backup:
                while backup.poll() is None:
                    _talk(talkers)
            assert backup.returncode == 0
            for _ in range(20):
                _talk(talkers)
        assert server.stop()[0] == 0
    restored = chatctl(tmp_path, "restore", str(tmp_path / "backup.tar"), "--data-dir", str(copy.parent))
    assert restored.returncode == 0, restored.stderr
    assert faults(copy) == []
    whole, part = (
        _exported(next(tmp_path.rglob("chatctl/journal.db")).parent, tmp_path),
        _exported(copy.parent, tmp_path),
    )
    assert before <= len(part) < len(whole)
    assert part == whole[: len(part)]
    with ServeProcess(tmp_path, "--data-dir", str(copy.parent)) as again:
        with Wire(again.port).login("ann", ROOM, caps="echo-message") as ann:
            ann.send(f"PRIVMSG {ROOM} :from the copy").until("PRIVMSG")
        assert again.stop()[0] == 0
    assert _exported(copy.parent, tmp_path) == [*part, "from the copy"]


def _talk(talkers: list[Talker]) -> None:
    for talker in talkers:
        talker.say()
    ready, _, _ = select.select([talker.sock for talker in talkers], [], [], 1.0)
    for talker in talkers:
        if talker.sock in ready:
            assert talker.read()
