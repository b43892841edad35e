"""Internal errors end one connection at most, never the server, and are logged without text of users."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatctl.chat.delivery.session import Session
from chatctl.errors import StartError
from chatctl.server import Server, TlsConfig
from chatctl.server.net.connection import Connection
from tests.logs import ListLog
from tests.wire import DEADLINE, Wire


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=50, log=ListLog()) as server:
        yield server


def logged(server: Server, event: str) -> list[dict[str, object]]:
    assert isinstance(server._log, ListLog)
    return [fields for name, fields in server._log.events if name == event]


def in_loop(server: Server, function: Callable[[], None]) -> None:
    """Have the loop do it, and wait until it has."""
    done = threading.Event()
    assert server._loop is not None
    server._loop.call(function)
    server._loop.call(done.set)
    assert done.wait(DEADLINE)


def session_of(server: Server, nick: str) -> Session:
    """To be called in the loop."""
    assert server._hub is not None
    user = server._hub.state.user_named(nick)
    assert user is not None
    return server._hub.sessions[user.session]


def descriptor(server: Server, nick: str) -> int:
    found: list[int] = []

    def look() -> None:
        assert server._loop is not None
        found.append(server._loop._by_session[session_of(server, nick).id].fd)

    in_loop(server, look)
    return found[0]


def test_error_in_writing_ends_one_connection(server: Server) -> None:
    with (
        Wire(server.port).login("ann", "#lobby") as ann,
        Wire(server.port).login("bad", "#lobby") as bad,
        Wire(server.port).login("bob", "#lobby") as bob,
    ):

        def fail(data: bytes) -> int:
            raise ValueError("text of a user")

        def broken() -> None:
            session_of(server, "bad").send = fail

        in_loop(server, broken)
        ann.send("PRIVMSG #lobby :one")
        for wire in (bob, ann):
            assert wire.until("QUIT").nick == "bad"
        assert [m.params[1] for m in bob.read if m.command == "PRIVMSG"] == ["one"]
        assert all(message.command != "PRIVMSG" for message in bad.until_end())
        assert bob.ping()
    assert [fields["error"] for fields in logged(server, "writing failed")] == ["ValueError"]
    assert "text of a user" not in repr(logged(server, "writing failed"))


def test_error_in_reading_ends_one_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire(server.port).login("bad", "#lobby") as bad, Wire(server.port).login("bob", "#lobby") as bob:
        broken, read = descriptor(server, "bad"), Connection.read

        def reading(connection: Connection) -> object:
            if connection.fd == broken:
                raise ValueError("text of a user")
            return read(connection)

        monkeypatch.setattr(Connection, "read", reading)
        bad.send("PRIVMSG #lobby :one")
        assert bob.until("QUIT").nick == "bad"
        assert bob.ping()
    assert len(logged(server, "a socket failed")) == 1


def test_error_in_a_call_of_another_thread_ends_no_connection(server: Server) -> None:
    def fail() -> None:
        raise ValueError("text of a user")

    with Wire(server.port).login("ann", "#lobby") as ann:
        in_loop(server, fail)
        assert ann.ping()
    assert len(logged(server, "a call failed")) == 1


def test_failed_start_leaves_no_thread(tmp_path: Path) -> None:
    """A thread that makes a certificate while the interpreter ends can take the whole process down with it."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    before = set(threading.enumerate())
    server = Server(port=0, control=folder, tls=TlsConfig(folder=tmp_path))
    with pytest.raises(StartError, match="choose a shorter one"):
        server.start()
    assert set(threading.enumerate()) <= before
