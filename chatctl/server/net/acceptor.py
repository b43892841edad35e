"""Accepts connections, at a pace that does not delay existing ones."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import sys
from collections.abc import Callable

from chatctl.chat.ports import LogPort
from chatctl.poller import READ, Poller
from chatctl.protocol.message import Message
from chatctl.server.net.listener import numeric

MAX_ACCEPTS_PER_TICK = 128
"""Connections accepted from one socket in one tick."""

_PAUSE_SECONDS = 0.05
_WARNING_INTERVAL_SECONDS = 10.0

RESERVED_DESCRIPTORS = 64
"""Kept free of chat connections: for the control socket and its callers, readers of history, backups, settings."""

_NO_DESCRIPTORS = "The server has too few file descriptors for more connections; try again later"


class Acceptor:
    """The listening sockets. `on_accept` takes an accepted, non-blocking socket and its peer's numeric address;
    while `is_full` returns True, connections wait in the system's queue."""

    def __init__(
        self,
        poller: Poller,
        listeners: list[socket.socket],
        log: LogPort,
        on_accept: Callable[[socket.socket, str], None],
        is_full: Callable[[], bool],
    ) -> None:
        self._poller = poller
        self._listeners = {sock.fileno(): sock for sock in listeners}
        self._log = log
        self._on_accept = on_accept
        self._is_full = is_full
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._next_warning_at = 0.0
        self.resumes_at = 0.0
        """When a pause ends, by the loop's clock; 0 without one."""

    def open(self) -> None:
        """Begin to accept."""
        for fd in self._listeners:
            self._poller.add(fd, READ)

    def accept(self, fd: int, now: float) -> bool:
        """Accept connections at `fd`; return False if that is not a listening socket."""
        listener = self._listeners.get(fd)
        if listener is None:
            return False
        last = _last_descriptor()
        for _ in range(MAX_ACCEPTS_PER_TICK):
            if self._is_full():
                self._pause(now)
                break
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break
            except OSError as error:
                self._out_of_descriptors(listener, error, now)
                break
            if sock.fileno() > last:
                self._refuse_for_descriptors(sock, last, now)
                continue
            self._set_up(sock, address)
        return True

    def end_pause(self, now: float) -> None:
        """Accept again if a pause is over."""
        if self.resumes_at and now >= self.resumes_at:
            self.resumes_at = 0.0
            for fd in self._listeners:
                self._poller.change(fd, READ)

    def close(self) -> None:
        """Stop accepting."""
        self.resumes_at = 0.0
        for fd, sock in self._listeners.items():
            with contextlib.suppress(OSError):
                self._poller.remove(fd)
            sock.close()
        self._listeners = {}
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _set_up(self, sock: socket.socket, address: tuple[object, ...]) -> None:
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # it is gone already
            sock.close()
            return
        self._on_accept(sock, numeric(address))

    def _refuse_for_descriptors(self, sock: socket.socket, last: int, now: float) -> None:
        """Turn a connection away because only the reserve of descriptors is left."""
        if now >= self._next_warning_at:
            self._next_warning_at = now + _WARNING_INTERVAL_SECONDS
            self._log.warning("cannot accept", error="few file descriptors are left", limit=last)
        turn_away(sock, _NO_DESCRIPTORS)

    def _out_of_descriptors(self, listener: socket.socket, error: OSError, now: float) -> None:
        """Take one waiting connection with the spare descriptor and close it, so that its client
        does not hang, and pause."""
        self._log.warning("cannot accept", error=error.strerror or str(error))
        if error.errno in (errno.EMFILE, errno.ENFILE) and self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                sock.close()
            with contextlib.suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)
        self._pause(now)

    def _pause(self, now: float) -> None:
        if not self.resumes_at:
            for fd in self._listeners:
                self._poller.change(fd, 0)
        self.resumes_at = now + _PAUSE_SECONDS


def _last_descriptor() -> int:
    """Return the highest descriptor for a chat connection.

    The system gives out the lowest free number, so a higher one means that only the reserve is left.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    return limit - 1 - min(RESERVED_DESCRIPTORS, limit // 4)


def turn_away(sock: socket.socket, reason: str) -> None:
    """Send the reason to a refused client, as far as the kernel takes it at once, and close."""
    with contextlib.suppress(OSError):
        sock.setblocking(False)  # the caller is the event loop
        sock.send(Message("ERROR", (reason,)).line)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(4096)  # unread bytes would make the kernel take the reason back
    sock.close()
