"""Many connections in one thread: they register, join their rooms, and wait until all is quiet.

Invariants:

- [complete-or-void] A run with a missing client is void: a refused or disconnected one ends it, with the server's
  words.
- [bounded-wait] `timeout` seconds without input end the run.
- [joined] All join at once when all are registered. All are in, and have received the JOINs of all others, when a PING
  is answered that was sent after the last JOIN was answered.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chatctl.bench.plan import Plan
from chatctl.bench.streams import StreamReader
from chatctl.errors import ChatctlError, RefusedError, UnreachableError
from chatctl.poller import READ, WRITE, best_poller
from chatctl.protocol import certificate
from chatctl.protocol.loopback import is_local

RECEIVE = 1 << 18
_SPARE_FILES = 64
_BARRIER = b"all-in"
_ENTERING = (b" JOIN ", b" 353 ", b" 366 ", b" PONG ")
"""Input that shows progress; a server that hangs may still send PING."""
_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)
_Address = tuple[int, tuple[object, ...]]

Progress = Callable[[str, int, int], None]
"""The current step, its progress, and its total."""


class LoadClient:
    """One connection. `state`: the last step that the server confirmed."""

    __slots__ = ("cut", "ear", "fd", "index", "nick", "out", "rest", "room", "sock", "state", "timed")

    def __init__(self, index: int, nick: str, room: str, sock: socket.socket) -> None:
        self.index = index
        self.nick = nick
        self.room = room
        self.sock = sock
        self.fd = sock.fileno()
        self.state = "connecting"
        self.out = b""
        self.rest = b""
        self.ear: StreamReader | None = None
        self.timed = False
        self.cut = ""


class LoadClients:
    """All clients of a run. A context: it closes them in the end."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.plan = plan
        self.clients: list[LoadClient] = []
        self.bytes_read = 0
        self.told = ""
        """The first thing that the server had to say to a client while messages flowed: a warning, perhaps."""
        self._by_fd: dict[int, LoadClient] = {}
        self._progress = progress
        self._poller = best_poller(precise=True)
        self._tls = _any_server() if plan.tls else None
        _allow_files(plan.clients)
        self._address = self._reached(_resolve(plan))

    def __enter__(self) -> LoadClients:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.sock.close()
        self._poller.close()

    # The phases.

    def register(self) -> float:
        """Connect and register all clients, `batch` at a time. Return the seconds it took."""
        begin = time.perf_counter()
        plan, under_way = self.plan, 0
        registered = 0
        with self._patience("registered") as waiting:
            while registered < plan.clients:
                while len(self.clients) - registered < plan.batch and len(self.clients) < plan.clients:
                    self._connect(len(self.clients))
                before = registered
                for client, data in self.events(1.0):
                    for line in self._lines(client, data):
                        registered += self._registering(client, line)
                if registered > before or len(self.clients) > under_way:
                    under_way = len(self.clients)
                    waiting(registered)
                    self._progress("registering", registered, plan.clients)
                else:
                    waiting(None)
        return time.perf_counter() - begin

    def join(self) -> float:
        """Join all clients at once. Return the seconds until all were in and had received the JOINs of all others."""
        begin = time.perf_counter()
        for client in self.clients:
            client.state = "joining"
            self.send(client, b"JOIN %s\r\n" % client.room.encode())
        self._until_all("in", b" 366 ")
        for client in self.clients:
            self.send(client, b"PING %s\r\n" % _BARRIER)
        self._until_all("quiet", b" PONG ", _BARRIER)
        return time.perf_counter() - begin

    def _until_all(self, state: str, *signs: bytes) -> None:
        there, total = 0, len(self.clients)
        with self._patience("in their rooms") as waiting:
            while there < total:
                heard = False
                for client, data in self.events(1.0):
                    heard = heard or any(word in data for word in _ENTERING)
                    for line in self._lines(client, data):
                        if client.state != state and all(sign in line for sign in signs):
                            client.state = state
                            there += 1
                        else:
                            self.noise(client, line)
                waiting(there if heard else None)
                self._progress("entering", there, total)

    # One connection.

    def _reached(self, addresses: list[_Address]) -> _Address:
        """Return the first address that answers: ``localhost`` has two, and a server may listen on one of them."""
        *others, last = addresses
        for family, address in others:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(self.plan.timeout)
                if not probe.connect_ex(address):
                    return family, address
        return last

    def _connect(self, index: int) -> None:
        plan = self.plan
        family, address = self._address
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        nick = f"b{plan.token}{index}"
        failed = sock.connect_ex(address)
        self.adopt(LoadClient(index, nick, f"#b{plan.token}{index % plan.rooms}", sock))
        if failed not in _UNDER_WAY:
            raise UnreachableError(self._nobody(OSError(failed, os.strerror(failed))))

    def adopt(self, client: LoadClient) -> None:
        """Add a client, and watch its socket from now on."""
        self.clients.append(client)
        self._by_fd[client.fd] = client
        self._poller.add(client.fd, WRITE if client.state == "connecting" else READ)

    def _connected(self, client: LoadClient) -> None:
        """Handle an established connection: continue with the TLS handshake or with registration."""
        failed = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise UnreachableError(self._nobody(OSError(failed, os.strerror(failed))))
        if self._tls is not None:
            try:
                if client.state == "connecting":
                    client.sock = self._tls.wrap_socket(
                        client.sock, server_hostname=self.plan.host, do_handshake_on_connect=False
                    )
                    client.state = "handshake"
                assert isinstance(client.sock, ssl.SSLSocket)
                client.sock.do_handshake()
                self._believe(client.sock)
            except ssl.SSLWantReadError:
                self._poller.change(client.fd, READ)
                return
            except ssl.SSLWantWriteError:
                self._poller.change(client.fd, WRITE)
                return
            except OSError as error:
                raise UnreachableError(self._nobody(error)) from None
        client.state = "registering"
        self._poller.change(client.fd, READ)
        plan = self.plan
        if plan.password and self._tls is None and not _is_local(client.sock):
            raise RefusedError("The password is not sent in clear text, which others on the way can read; use --tls")
        hello = f"PASS {plan.password}\r\n" if plan.password else ""
        if plan.has_caps(client.index):
            hello += f"CAP REQ :{' '.join(plan.caps)}\r\n"
        self.send(client, f"{hello}NICK {client.nick}\r\nUSER bench 0 * :bench\r\n".encode())

    def _believe(self, sock: ssl.SSLSocket) -> None:
        """Check the certificate before anything is sent: a password may follow."""
        shown = sock.getpeercert(binary_form=True)
        if self.plan.pin and not (shown and certificate.matches(self.plan.pin, shown)):
            raise RefusedError("The server shows another certificate than a moment ago; nothing was sent to it")

    def _registering(self, client: LoadClient, line: bytes) -> bool:
        words = _bare(line).split(b" ")
        if b" 001 " in line and words[1:2] == [b"001"]:
            client.state = "registered"
            return True
        if len(words) > 3 and words[1] == b"CAP":
            if words[3] == b"NAK":
                raise RefusedError(f"The server does not offer the requested capabilities: {_text(line)}")
            if words[3] == b"ACK":
                self.send(client, b"CAP END\r\n")
            return False
        self.noise(client, line)
        return False

    def noise(self, client: LoadClient, line: bytes) -> None:
        """Handle a line that is neither a message of ours nor expected: keep the connection alive, or end the run."""
        line = _bare(line)
        words = line.split(b" ", 3)
        if b"PING" in words[:2]:
            self.send(client, b"PONG " + line.partition(b"PING")[2].strip() + b"\r\n")
            return
        if b"ERROR" in words[:2]:
            client.cut = _text(line.partition(b"ERROR ")[2])
            raise RefusedError(f"The server closed the connection of {client.nick}: {client.cut}")
        command = words[1] if len(words) > 1 else b""
        if command == b"KICK" and line.split(b" ")[3:4] == [client.nick.encode()]:
            raise RefusedError(f"{client.nick} was removed from the room: {_text(line)}")
        if command in {b"NOTICE", b"NOTE", b"WARN"} and client.ear is not None and not self.told:
            self.told = _text(line.partition(b" :")[2])
        refused = command.isdigit() and 400 <= int(command) < 600 and command != b"422"
        if refused or command in {b"FAIL", b"437"}:
            raise RefusedError(f"The server refused {client.nick}: {_text(line)}")

    def send(self, client: LoadClient, data: bytes) -> None:
        """Send what the socket takes now, and the rest when it is writable."""
        if not client.out:
            data = data[self._sent(client, data) :]
            if not data:
                return
            self._poller.change(client.fd, READ | WRITE)
        client.out += data

    def _sent(self, client: LoadClient, data: bytes) -> int:
        try:
            return client.sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError:
            return len(data)  # the read side learns of it too, after the server's last words

    def _writable(self, client: LoadClient) -> None:
        if client.state in {"connecting", "handshake"}:
            self._connected(client)
            return
        client.out = client.out[self._sent(client, client.out) :]
        if not client.out:
            self._poller.change(client.fd, READ)

    def events(self, timeout: float) -> Iterator[tuple[LoadClient, bytes]]:
        """Yield clients with input, within `timeout` seconds."""
        by_fd = self._by_fd
        for fd, mask in self._poller.poll(timeout):
            client = by_fd[fd]
            if mask & WRITE or client.state == "handshake":
                self._writable(client)
                if client.state == "handshake" or not mask & ~WRITE:
                    continue
            if client.state == "connecting":
                self._connected(client)  # an error: it says which
                continue
            try:
                data = client.sock.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError):
                continue
            except OSError as error:
                raise self._gone(client, error) from None
            if self._tls is not None:
                data += _pending(client.sock)
            if not data:
                raise self._gone(client, None)
            self.bytes_read += len(data)
            yield client, data

    def _lines(self, client: LoadClient, data: bytes) -> list[bytes]:
        lines = (client.rest + data).split(b"\n")
        client.rest = lines.pop()
        return [line.rstrip(b"\r") for line in lines]

    # Errors.

    def _gone(self, client: LoadClient, error: OSError | None) -> ChatctlError:
        how = (error.strerror or str(error)) if error else "it was closed without a word"
        if client.state in {"connecting", "handshake", "registering"}:
            return RefusedError(
                f"The server let {sum(other.state == 'registered' for other in self.clients)} of {self.plan.clients}"
                f" clients in, and ended the connection of {client.nick} ({how})"
            )
        return UnreachableError(f"The connection of {client.nick} was lost: {how}")

    def _nobody(self, error: OSError) -> str:
        plan = self.plan
        return f"no server answers at {plan.host} port {plan.port} ({(error.strerror or str(error)).lower()})"

    @contextmanager
    def _patience(self, what: str) -> Iterator[Callable[[int | None], None]]:
        """Raise when nothing happened for `timeout` seconds. The body calls with how many are done, or None for nothing
        new."""
        last, done = time.monotonic(), 0

        def look(now_done: int | None) -> None:
            nonlocal last, done
            if now_done is not None:
                last, done = time.monotonic(), now_done
            elif time.monotonic() - last > self.plan.timeout:
                raise UnreachableError(
                    f"The server has said nothing for {self.plan.timeout:g} s: {done} of {self.plan.clients} are {what}"
                )

        yield look


def _pending(sock: socket.socket) -> bytes:
    """Read the decrypted rest and further records: a TLS record holds at most 16 KiB."""
    pieces = []
    try:
        while piece := sock.recv(RECEIVE):
            pieces.append(piece)
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError, OSError):
        pass
    return b"".join(pieces)


def _bare(line: bytes) -> bytes:
    """Return a line without its tags; with server-time some servers tag every line."""
    return line.partition(b" ")[2].lstrip() if line[:1] == b"@" else line


def _resolve(plan: Plan) -> list[_Address]:
    try:
        found = socket.getaddrinfo(plan.host, plan.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(f"No such host: {plan.host} ({error.strerror or error})") from None
    return list(dict.fromkeys((each[0], each[4]) for each in found))


def _any_server() -> ssl.SSLContext:
    """Return a TLS context that trusts any certificate: it is checked once, for all connections (`Plan.pin`)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _is_local(sock: socket.socket) -> bool:
    return is_local(str(sock.getsockname()[0]), str(sock.getpeername()[0]))


def _allow_files(clients: int) -> None:
    needed = clients + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ChatctlError(f"{clients} clients need {needed} open files, and the system allows {hard}; see ulimit -n")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").strip().removeprefix(":")
