"""Queued and dropped output of a connection (chatctl/server/net/connection)."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from chatctl.chat.delivery.session import Session
from chatctl.chat.model.ids import SessionId
from chatctl.server.net.connection import Connection


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(10)
    yield Connection(ours, Session(SessionId(1), "127.0.0.1", "host", 0), 0.0), theirs
    ours.close()
    theirs.close()


def test_output_not_taken_is_queued_in_order(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    chunks = [b"%07d\n" % number * 1000 for number in range(1000)]
    connection.write(chunks[:500])
    connection.write(chunks[500:])
    assert connection.pending_bytes > 0
    total = sum(map(len, chunks))
    received = bytearray()
    while len(received) < total:
        received += theirs.recv(65536)
        connection.write_pending()
    assert bytes(received) == b"".join(chunks)
    assert connection.pending_bytes == 0


def test_empty_chunks_are_not_queued(pair: tuple[Connection, socket.socket]) -> None:
    """A lone sender without echoes gets no output, however often it sends. That many empty writes in a row would be
    taken for a kernel that takes nothing, for ever."""
    connection, theirs = pair
    whole = b"x" * 10_000_000
    connection.write([whole])
    for _ in range(200):
        connection.write([b""])
    connection.write([b"", b"end\n"])
    total = len(whole) + 4
    received = bytearray()
    while len(received) < total:
        received += theirs.recv(65536)
        connection.write_pending()
    assert received.endswith(b"xend\n")
    assert connection.pending_bytes == 0
    assert connection.session.send == connection.sock.send


def test_drop_pending_completes_the_current_line_and_adds_the_reason(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    line = b"x" * 99 + b"\n"
    connection.write([line * 100_000])
    connection.write([line * 10])
    sent_before = len(line) * 100_010 - connection.pending_bytes
    connection.drop_pending(b"ERROR :why\r\n")
    received = bytearray()
    while connection.pending_bytes or len(received) < sent_before:
        received += theirs.recv(65536)
        connection.write_pending()
    connection.close()
    while data := theirs.recv(65536):
        received += data
    lines = bytes(received).split(b"\n")
    assert lines[-2:] == [b"ERROR :why\r", b""]
    assert set(lines[:-2]) == {line[:-1]}


def test_closed_peer_is_noticed_without_an_exception(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    theirs.close()
    connection.write([b"x"])
    connection.write([b"x"])
    assert connection.broken
    assert connection.read() is None


def test_fast_path_is_open_only_while_it_is_safe(
    pair: tuple[Connection, socket.socket],
) -> None:
    connection, theirs = pair
    session = connection.session
    assert session.send is None, "the first bytes may begin TLS"
    theirs.send(b"NICK a\r\n")
    connection.read()
    assert session.send == connection.sock.send

    connection.write([b"x" * 10_000_000])
    assert session.send is None, "something waits: nothing may overtake it"
    while connection.pending_bytes:
        theirs.recv(1 << 20)
        connection.write_pending()
    assert session.send == connection.sock.send

    connection.close_at(1.0)
    assert session.send is None, "nothing follows the last line"
    theirs.setblocking(False)
    connection.queue_rest(b"last\n", 0)
    connection.write_pending()
    assert session.send is None
    connection.close()
    assert session.send is None


def test_handshake_is_never_answered_in_plain_text(pair: tuple[Connection, socket.socket]) -> None:
    connection, theirs = pair
    theirs.send(b"\x16\x03\x01")
    assert connection.read() == []
    assert connection.tls_hello
    assert connection.session.send is None
