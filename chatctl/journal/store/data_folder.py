"""The data folder: belongs to one user, and while a server runs to one server.

Invariants:

- [private-folder] The folder is made with mode 0700. It is refused if other users can read it, if another user owns it,
  and if it is a symbolic link (its target could be changed under a running server). An empty folder that others can
  read, such as a container's new volume, is made private.
- [private-files] Every file in it is made with mode 0600, before data is written to it. A file of ours that is a
  symbolic link, or that others may open, is refused.
- [one-writer] Writers hold the lock: an exclusive `flock` on ``chatctl.lock``. The kernel frees it when the holder
  ends, however it ends, so no stale lock is left. The file names its holder: ``{"pid": 4711, "address": "host:port"}``.
- [lasting-lock-file] The lock file is never removed: a lock on a removed file would exclude no one.
- [clear-refusal] A refusal is one sentence that names the folder, ``CHATCTL_DATA_DIR`` and what to do (StartError, exit
  code 2).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from chatctl.errors import StartError
from chatctl.protocol import control_socket
from chatctl.protocol.json_text import parse_json

LOCK = "chatctl.lock"
JOURNAL = "journal.db"
CLOAK_KEY = "cloak.key"
CLOAK_BYTES = 32
CERTIFICATE = "tls.pem"
SPARE = "journal.spare"
OURS = (LOCK, JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", CLOAK_KEY, SPARE, control_socket.NAME, CERTIFICATE)
PATIENCE_SECONDS = 0.5  # seconds: a reader of the lock (`holder`) has it for an instant
_LOOK_AGAIN = 0.02
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OF_FILE_SYSTEM = {"lost+found"}  # the root of a volume that is a file system of its own


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The holder of the folder. `pid` is 0 and `address` empty if the lock file does not say (yet)."""

    pid: int = 0
    address: str = ""

    def __str__(self) -> str:
        who = f"process {self.pid}" if self.pid else "another process"
        return f"{who}, listening on {self.address}" if self.address else who


def journal_file(folder: Path) -> Path:
    """Return the path of a data folder's journal."""
    return folder / JOURNAL


def prepare(folder: Path) -> Path:
    """Make the data folder if it is missing, and return its absolute path.

    Raises StartError for one that cannot be used. Nothing is made then.
    """
    folder = Path(os.path.abspath(folder))
    if problem := control_socket.path_problem(folder):
        raise StartError(_unusable(folder, problem))
    try:
        _make(folder)
        found = _made_private(folder, os.lstat(folder))
    except OSError as error:
        raise StartError(_unusable(folder, f"cannot be made ({_why(error)})")) from None
    if problem := _problem(folder, found):
        raise StartError(problem)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise StartError(_unusable(folder, "cannot be written"))
    for name in OURS:
        if problem := _problem_of_file(folder / name):
            raise StartError(problem)
    return folder


def _problem_of_file(path: Path) -> str:
    """Return how [private-files] is violated; ``""`` if it holds, or there is no file."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at ({_why(error)}); see CHATCTL_DATA_DIR."
    if stat.S_ISLNK(mode):
        return f"{path} is a symbolic link, and nothing in the data folder may be one: move it away (CHATCTL_DATA_DIR)."
    if mode & _OTHERS:
        return f"{path} is open to other users: run `chmod 600 {path}` (CHATCTL_DATA_DIR)."
    return ""


def _make(folder: Path) -> None:
    """Make the folder and its missing parents, all for their owner alone."""
    missing = []
    at = folder
    while not os.path.lexists(at):
        missing.append(at)
        at = at.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if missing:
        folder.chmod(0o700)  # the umask may have taken away too much


def _made_private(folder: Path, found: os.stat_result) -> os.stat_result:
    """Take an empty folder away from its group and from readers; its state afterwards. Raises OSError.

    A world-writable folder is left alone: it is shared on purpose, as /tmp is. A file that another user adds meanwhile
    is seen, since the folder is listed again when others can no longer write to it.
    """
    mode = stat.S_IMODE(found.st_mode)
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or not mode & _OTHERS or mode & stat.S_IWOTH or not _is_empty(folder):
        return found
    folder.chmod(0o700)
    if not _is_empty(folder):
        folder.chmod(mode)
    return os.lstat(folder)


def _is_empty(folder: Path) -> bool:
    return set(os.listdir(folder)) <= _OF_FILE_SYSTEM


def _problem(folder: Path, found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return _unusable(
            folder, f"is a symbolic link; give what it points to: {os.path.realpath(folder)}", advice=False
        )
    if not stat.S_ISDIR(found.st_mode):
        return _unusable(folder, "is not a folder")
    if found.st_uid != os.geteuid():
        return _unusable(folder, f"belongs to another user (user id {found.st_uid})")
    if found.st_mode & _OTHERS:
        return f"The data folder {folder} is open to other users: run `chmod 700 {folder}`, or set CHATCTL_DATA_DIR."
    return ""


def _unusable(folder: Path, what: str, *, advice: bool = True) -> str:
    end = "; set CHATCTL_DATA_DIR (or --data-dir) to a folder of your own." if advice else " (CHATCTL_DATA_DIR)."
    return f"The data folder {folder} {what}{end}"


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def make_file(path: Path) -> None:
    """Ensure that a private file exists before data is written to it ([private-files]). Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Return how many bytes the file system of `folder` has left for this user. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def stored_secret(folder: Path, name: str, size: int) -> bytes:
    """Return the random bytes in the file `name`, which is made once, and durable before it has its name.

    The caller holds the lock. Raises StartError if it cannot be read or made.
    """
    path = folder / name
    try:
        if path.exists():
            made = path.read_bytes()
            if len(made) != size:
                raise StartError(f"{path} is damaged: remove it, and a new one is made (CHATCTL_DATA_DIR).")
            return made
        made, part = secrets.token_bytes(size), path.with_suffix(".part")
        part.unlink(missing_ok=True)
        make_file(part)
        with part.open("wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise StartError(f"{path} cannot be read or made ({_why(error)}); see CHATCTL_DATA_DIR.") from None
    return made


class FolderLock:
    """The folder's lock, held until `release` or the end of the process. A context manager."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.note("")

    def note(self, address: str) -> None:
        """Write down who holds the lock: this process, and where it listens."""
        data = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))  # after writing, so that a reader never finds nothing

    def release(self) -> None:
        """Release the lock. Idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock(folder: Path, patience: float = PATIENCE_SECONDS, tries: int = 3) -> FolderLock:
    """Take the lock of a folder that `prepare` has checked. Raises StartError if it is held for `patience` seconds."""
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(_unusable(folder, f"cannot be written ({_why(error)})")) from None
    try:
        _take(descriptor, folder, patience)
        if _is_file(descriptor, path) or tries <= 1:
            return FolderLock(descriptor)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise StartError(_unusable(folder, f"cannot be locked ({_why(error)})")) from None
        raise
    os.close(descriptor)  # that lock is on a folder that was moved away meanwhile
    return lock(folder, patience, tries - 1)


def _is_file(descriptor: int, path: Path) -> bool:
    """Return whether a file that was opened still has its name: else its folder was moved (restore.py)."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _take(descriptor: int, folder: Path, patience: float) -> None:
    by = time.monotonic() + patience
    while not _try(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= by:
            raise StartError(
                f"The data folder {folder} is in use by {_read(descriptor)}: stop it, or give this server a folder of "
                f"its own with --data-dir (CHATCTL_DATA_DIR), or start it with --no-history."
            )
        time.sleep(_LOOK_AGAIN)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _read(descriptor: int) -> LockHolder:
    try:
        said = parse_json(os.pread(descriptor, 4096, 0))
        return LockHolder(int(said["pid"]), str(said["address"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LockHolder()


def holder(folder: Path) -> LockHolder | None:
    """Return who holds a folder's lock now; None if it is free or there is no such folder.

    Changes nothing on disk. Raises StartError if this user may not look into the folder.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except PermissionError:
        raise StartError(
            _unusable(folder, "cannot be read: permission denied; it belongs to another user", advice=False)
        ) from None
    except OSError:
        return None
    try:
        return None if _try(descriptor, fcntl.LOCK_SH) else _read(descriptor)
    except OSError:  # this file system has no locks, so no server can hold one
        return None
    finally:
        os.close(descriptor)
