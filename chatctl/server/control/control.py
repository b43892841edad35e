"""The control socket: how commands on this machine talk to the running server.

Invariants:

- [owner-only] It is a Unix socket in the data folder, accessible to its owner only, who may do everything.
- [json-lines] One JSON object per line in each direction. A request has ``command``; an answer has ``ok`` (true, with
  the result; false, with ``error``: a sentence).
- [in-loop] The event loop serves it like any other socket: nothing here blocks. A slow request is answered later; until
  then there may be lines with ``more``: true, which report progress. A caller waits for the answer before the next
  request.
- [chat] After the request ``chat`` is answered, the connection belongs to the loop and speaks IRC: a session that takes
  no place (:mod:`chatctl.chat.apply.short_visits`).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from chatctl.errors import StartError
from chatctl.poller import READ, WRITE, Poller
from chatctl.protocol.control_socket import control_path, path_problem
from chatctl.protocol.json_text import parse_json

_MAX_LINE_BYTES = 16 * 1024 * 1024
_MAX_CONNECTIONS = 32
_BACKLOG = 128  # a Unix socket refuses a connection at once if its queue is full

Adopt = Callable[[socket.socket], str]
"""Takes a connection over; returns why it is refused, or ``""``."""

Answer = Callable[[Mapping[str, object]], None]
Handler = Callable[[Mapping[str, object], Answer], None]


def control_socket(folder: Path) -> socket.socket:
    """Return a listening socket in `folder`, with mode 0600.

    A socket left by an earlier server is removed. That is safe, since this server holds the folder's lock.

    Raises:
        StartError: The socket cannot be made.
    """
    path = control_path(folder)
    if problem := path_problem(folder):
        raise StartError(f"The data folder {folder} {problem}; choose a shorter one")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                path.unlink()
        before = os.umask(0o177)
        try:
            sock.bind(os.fspath(path))
        finally:
            os.umask(before)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise StartError(f"Cannot make the control socket {path}: {error.strerror or error}") from None
    return sock


class _Caller:
    """One command's connection."""

    __slots__ = ("buffer", "out", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.out = b""


def _file_id(path: str) -> tuple[int, int] | None:
    """Return the file's device and inode; None if it does not exist."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class ControlSocket:
    """Serves the control socket; `handlers` by command. `adopt` takes connections that are to speak IRC."""

    def __init__(self, listener: socket.socket, poller: Poller, handlers: Mapping[str, Handler], adopt: Adopt) -> None:
        self._listener = listener
        self._poller = poller
        self._handlers = handlers
        self._adopt = adopt
        self._callers: dict[int, _Caller] = {}
        self._socket_file_id = _file_id(listener.getsockname())
        poller.add(listener.fileno(), READ)

    def handle_event(self, fd: int, events: int) -> bool:
        """Handle an event of `fd`; return False if it is not a descriptor of the control socket."""
        if fd == self._listener.fileno():
            self._accept()
            return True
        caller = self._callers.get(fd)
        if caller is None:
            return False
        if events & WRITE:
            self._write(caller)
        elif not self._read(caller):
            self._close_caller(caller)
        return True

    def close(self) -> None:
        """Close all sockets, and remove the socket file."""
        for caller in list(self._callers.values()):
            self._close_caller(caller)
        with contextlib.suppress(OSError):
            path = self._listener.getsockname()
            if (
                _file_id(path) == self._socket_file_id
            ):  # else the folder was moved, and another server may have its place
                os.unlink(path)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            if len(self._callers) >= _MAX_CONNECTIONS:
                sock.close()
                return
            sock.setblocking(False)
            self._callers[sock.fileno()] = _Caller(sock)
            self._poller.add(sock.fileno(), READ)

    def _read(self, caller: _Caller) -> bool:
        """Read input; return False if the caller is gone."""
        try:
            data = caller.sock.recv(1 << 20)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if not data:
            return False
        *lines, caller.buffer = (caller.buffer + data).split(b"\n")
        for line in lines:
            self._handle_request(caller, line)
        return len(caller.buffer) <= _MAX_LINE_BYTES

    def _handle_request(self, caller: _Caller, line: bytes) -> None:
        def answer(fields: Mapping[str, object]) -> None:
            if self._callers.get(caller.sock.fileno()) is caller:
                caller.out += json.dumps(fields, ensure_ascii=False).encode() + b"\n"
                self._write(caller)

        try:
            request = parse_json(line)
        except ValueError as error:
            answer({"ok": False, "error": f"The request is not valid JSON: {error}"})
            return
        if isinstance(request, dict) and request.get("command") == "chat":
            self._start_chat(caller, answer)
            return
        handler = self._handlers.get(str(request.get("command"))) if isinstance(request, dict) else None
        if handler is None:
            answer({"ok": False, "error": "The server does not know this request; is it an older version?"})
        else:
            handler(request, answer)

    def _start_chat(self, caller: _Caller, answer: Answer) -> None:
        """Hand the connection to the event loop, where it speaks IRC ([chat])."""
        fd = caller.sock.fileno()
        if self._callers.get(fd) is not caller:
            return
        if caller.buffer or caller.out:
            answer({"ok": False, "error": "The request chat must come alone"})
            return
        del self._callers[fd]
        self._poller.remove(fd)
        refusal = self._adopt(caller.sock)
        if refusal:
            self._callers[fd] = caller
            self._poller.add(fd, READ)
            answer({"ok": False, "error": refusal})

    def _write(self, caller: _Caller) -> None:
        try:
            sent = caller.sock.send(caller.out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._close_caller(caller)
            return
        caller.out = caller.out[sent:]
        self._poller.change(caller.sock.fileno(), WRITE if caller.out else READ)

    def _close_caller(self, caller: _Caller) -> None:
        fd = caller.sock.fileno()
        if self._callers.pop(fd, None) is not None:
            self._poller.remove(fd)
            caller.sock.close()
