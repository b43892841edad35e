"""The data folder: permissions, lock, error sentences (journal/store/data_folder)."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chatctl.errors import StartError
from chatctl.journal.store.data_folder import LOCK, LockHolder, holder, lock, prepare, stored_secret
from chatctl.protocol.control_socket import MAX_PATH_BYTES
from chatctl.server.control.control import control_socket
from tests.deadline import DEADLINE


def refusal(folder: Path) -> str:
    with pytest.raises(StartError) as error:
        prepare(folder)
    assert error.value.exit_code == 2
    assert "CHATCTL_DATA_DIR" in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_folder_is_made_with_mode_0700(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        made = prepare(tmp_path / "a" / "b")
    finally:
        os.umask(old)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)] == [0o700, 0o700]
    assert prepare(made) == made


def test_readable_folder_is_refused_with_advice(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "notes").touch()
    for mode in (0o755, 0o770, 0o701):
        folder.chmod(mode)
        assert f"chmod 700 {folder}" in refusal(folder)
    folder.chmod(0o700)
    prepare(folder)


def test_empty_readable_folder_is_made_private(tmp_path: Path) -> None:
    """Docker makes volumes with mode 0755, and so does mkdir."""
    folder = tmp_path / "d"
    folder.mkdir()
    for mode, content in ((0o755, ()), (0o775, ()), (0o701, ("lost+found",))):
        for name in content:
            (folder / name).mkdir()
        folder.chmod(mode)
        assert prepare(folder) == folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_empty_world_writable_folder_is_refused_and_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    assert "open to other users" in refusal(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


def test_path_too_long_for_its_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    room = MAX_PATH_BYTES - len(os.fsencode(tmp_path / "a" / "b" / "control.sock")) + 1
    assert room > 0
    longest = tmp_path / "a" / ("b" * room)
    assert "a socket in it needs one of at most" in refusal(tmp_path / "a" / ("b" * (room + 1)))
    assert "a socket in it needs one of at most" in refusal(tmp_path / "a" / ("\u00e9" * (room // 2 + 1)))
    assert list(tmp_path.iterdir()) == []
    control_socket(prepare(longest)).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_folder_of_another_user_is_permission_denied(tmp_path: Path) -> None:
    """Not "no server runs on it": without permission to look that is unknown."""
    for parent in (tmp_path, *tmp_path.parents[:2]):  # pytest's own
        parent.chmod(0o711)
    folder = prepare(tmp_path / "data")
    with lock(folder):
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(folder)], capture_output=True, text=True, check=False, timeout=DEADLINE
        )
    assert done.stdout.splitlines() == ["denied", "denied"], done.stderr


LOOK = """
import os, sys
from pathlib import Path
from chatctl.cli.control_client import ask_server
from chatctl.errors import ChatctlError
from chatctl.journal.store.data_folder import holder
folder = Path(sys.argv[1])
os.setuid(12345)
for look in (holder, lambda folder: ask_server(folder, {"command": "status"})):
    try:
        look(folder)
    except ChatctlError as error:
        assert error.exit_code == 2, error
        print("denied" if "permission denied" in str(error) else error)
"""


def test_link_file_and_impossible_folder_are_refused(tmp_path: Path) -> None:
    real = prepare(tmp_path / "real")
    link = tmp_path / "link"
    link.symlink_to(real)
    assert f"symbolic link; give what it points to: {real}" in refusal(link)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "symbolic link" in refusal(tmp_path / "dangling")
    (tmp_path / "file").touch()
    assert "is not a folder" in refusal(tmp_path / "file")
    assert "cannot be made (not a directory)" in refusal(tmp_path / "file" / "sub")


OURS = ("chatctl.lock", "journal.db", "journal.db-wal", "journal.db-shm", "cloak.key", "control.sock", "tls.pem")


@pytest.mark.parametrize("name", OURS)
def test_link_inside_the_folder_is_refused_and_unchanged(tmp_path: Path, name: str) -> None:
    folder, elsewhere = prepare(tmp_path / "data"), tmp_path / "elsewhere"
    for there in (True, False):
        if there:
            elsewhere.write_bytes(b"somebody else's")
            elsewhere.chmod(0o600)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(elsewhere if there else tmp_path / "nowhere")
        with pytest.raises(StartError, match=rf"{name} is a symbolic link.*move it away"):
            prepare(folder)
    assert elsewhere.read_bytes() == b"somebody else's"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", OURS)
def test_file_that_others_can_open_is_refused(tmp_path: Path, name: str) -> None:
    file = prepare(tmp_path / "data") / name
    file.touch()
    for mode in (0o640, 0o602, 0o604):
        file.chmod(mode)
        with pytest.raises(StartError, match=rf"{name} is open to other users: run `chmod 600"):
            prepare(file.parent)
    file.chmod(0o600)
    prepare(file.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_folder_owned_by_another_user_is_refused(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    os.chown(folder, 12345, -1)
    assert "belongs to another user (user id 12345)" in refusal(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder_is_refused(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    folder.chmod(0o500)
    assert "cannot be written" in refusal(folder)
    assert "cannot be made (permission denied)" in refusal(folder / "sub")
    folder.chmod(0o700)


def test_lock_names_its_holder(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    assert holder(folder) is None
    assert holder(tmp_path / "nowhere") is None
    assert list(folder.iterdir()) == []
    with lock(folder) as held:
        assert holder(folder) == LockHolder(os.getpid(), "")
        held.note("127.0.0.1:5106")
        assert holder(folder) == LockHolder(os.getpid(), "127.0.0.1:5106")
        held.note("[::1]:1")
        assert json.loads((folder / LOCK).read_bytes()) == {"pid": os.getpid(), "address": "[::1]:1"}
        with pytest.raises(StartError) as error:
            lock(folder, patience=0)
        for part in (f"process {os.getpid()}, listening on [::1]:1", "--data-dir", "--no-history", str(folder)):
            assert part in str(error.value)
    assert holder(folder) is None
    assert stat.S_IMODE((folder / LOCK).stat().st_mode) == 0o600
    held.release()
    lock(folder, patience=0).release()


def test_invalid_lock_file_is_ignored(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    with lock(folder):
        (folder / LOCK).write_text('{"pid": "x"}')
        assert holder(folder) == LockHolder()
        with pytest.raises(StartError, match="in use by another process: stop it"):
            lock(folder, patience=0)


HOLD = """
import sys
from pathlib import Path
from chatctl.journal.store.data_folder import lock
held = lock(Path(sys.argv[1]))
held.note("127.0.0.1:7")
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_is_free_after_kill_9(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "d")
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        assert holder(folder) == LockHolder(other.pid, "127.0.0.1:7")
        with pytest.raises(StartError, match=f"process {other.pid}, listening on 127.0.0.1:7"):
            lock(folder, patience=0)
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert holder(folder) is None
        lock(folder, patience=0).release()


def test_secret_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "data")
    made = stored_secret(folder, "some.key", 32)
    assert len(made) == 32
    assert stored_secret(folder, "some.key", 32) == made
    assert stored_secret(folder, "other.key", 32) != made
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (folder / "some.key").write_bytes(b"short")
    with pytest.raises(StartError, match="damaged"):
        stored_secret(folder, "some.key", 32)
