"""Many sends in one call are what they would be one by one (server/net/uring)."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.server.net import uring
from chatctl.server.net.uring import MAX_SENDS, ROOM_BYTES, WriteRing

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(scope="module")
def ring() -> Iterator[WriteRing]:
    """One for all tests, so that its queues have been in use for a while."""
    try:
        ring = WriteRing()
    except OSError as error:
        pytest.skip(f"this system has no io_uring for us: {error.strerror}")
    yield ring
    ring.close()


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [socket.socketpair() for _ in range(60)]
    for pair in made:
        for each in pair:
            each.setblocking(False)
    yield made
    for pair in made:
        for each in pair:
            each.close()


def fds(pairs: list[Pair]) -> list[int]:
    return [writer.fileno() for writer, _ in pairs]


def read(pair: Pair) -> bytes:
    """All that has arrived."""
    data = b""
    while True:
        try:
            more = pair[1].recv(1 << 20)
        except BlockingIOError:
            return data
        if not more:
            return data
        data += more


def send(sock: socket.socket, data: bytes) -> int:
    """How many bytes were taken, or minus the error's number."""
    try:
        return sock.send(data)
    except OSError as error:
        return -(error.errno or 0)


def test_each_socket_receives_its_own_bytes(ring: WriteRing, pairs: list[Pair]) -> None:
    chunks = [b"%d" % number * (number + 1) for number in range(len(pairs))]
    assert ring.send(fds(pairs), chunks) == []
    assert [read(pair) for pair in pairs] == chunks


def test_empty_batch_sends_nothing(ring: WriteRing) -> None:
    assert ring.send([], []) == []


def test_queues_wrap_around(ring: WriteRing, pairs: list[Pair]) -> None:
    """Far more than the queue of results has places, in calls that end anywhere in it."""
    for turn in range(6 * MAX_SENDS // len(pairs)):
        chunks = [b"%d/%d" % (turn, number) for number in range(len(pairs))]
        assert ring.send(fds(pairs), chunks) == []
        assert [read(pair) for pair in pairs] == chunks


def test_batch_larger_than_the_queue_takes_several_calls(ring: WriteRing, pairs: list[Pair]) -> None:
    times = 2 * MAX_SENDS // len(pairs)
    assert ring.send(fds(pairs) * times, [b"x"] * (len(pairs) * times)) == []
    assert all(read(pair) == b"x" * times for pair in pairs)


def test_batch_larger_than_the_memory_takes_several_calls(ring: WriteRing, pairs: list[Pair]) -> None:
    chunks = [bytes([number]) * 60_000 for number in range(len(pairs))]
    assert sum(map(len, chunks)) > 3 * ROOM_BYTES
    assert ring.send(fds(pairs), chunks) == []
    assert [read(pair) for pair in pairs] == chunks


def test_shared_bytes_are_copied_once(ring: WriteRing, pairs: list[Pair]) -> None:
    same = b"y" * 100_000
    assert ring.send(fds(pairs), [same] * len(pairs)) == []
    assert all(read(pair) == same for pair in pairs)


def test_chunk_larger_than_the_memory_is_refused(ring: WriteRing, pairs: list[Pair]) -> None:
    with pytest.raises(ValueError, match="more than there is room"):
        ring.send(fds(pairs[:2]), [b"before", b"z" * (ROOM_BYTES + 1)])


def test_unsent_bytes_are_reported(ring: WriteRing, pairs: list[Pair]) -> None:
    """Sockets: one takes a part, one takes nothing, one has lost its peer, and one is not a socket."""
    full, gone, fine = pairs[0], pairs[1], pairs[2]
    big = b"b" * ROOM_BYTES
    gone[1].close()
    ((at, taken),) = ring.send([full[0].fileno()], [big])
    assert at == 0
    assert 0 < taken < ROOM_BYTES
    numbers = [fine[0].fileno(), full[0].fileno(), gone[0].fileno(), 1_000_000, fine[0].fileno()]
    failed = ring.send(numbers, [b"one", b"more", b"lost", b"nobody", b"two"])
    assert failed == [(1, -errno.EAGAIN), (2, -errno.EPIPE), (3, -errno.EBADF)]
    assert read(fine) == b"onetwo"
    assert read(full) == big[:taken]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 300_000)), max_size=40))
def test_results_equal_those_of_single_sends(ring: WriteRing, sends: list[tuple[int, int]]) -> None:
    """To the same sockets, one of which is closed, with buffers that fill up."""
    with_ring, by_hand = [socket.socketpair() for _ in range(5)], [socket.socketpair() for _ in range(5)]
    try:
        for pair in with_ring + by_hand:
            for each in pair:
                each.setblocking(False)
        with_ring[4][1].close()
        by_hand[4][1].close()
        chunks = [b"x" * size for _, size in sends]
        failed = dict(ring.send([with_ring[to][0].fileno() for to, _ in sends], chunks))
        for at, (to, _) in enumerate(sends):
            assert failed.get(at, len(chunks[at])) == send(by_hand[to][0], chunks[at])
        assert [read(pair) for pair in with_ring[:4]] == [read(pair) for pair in by_hand[:4]]
    finally:
        for pair in with_ring + by_hand:
            for each in pair:
                each.close()


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOMEM])
def test_refusing_kernel_is_reported(
    pairs: list[Pair], monkeypatch: pytest.MonkeyPatch, ring: WriteRing, number: int
) -> None:
    """For ever, or for the moment."""
    other = WriteRing()

    def none(*values: int) -> int:
        ctypes.set_errno(number)
        return -1

    other._system = none  # type: ignore[assignment]
    assert other.send(fds(pairs[:3]), [b"x"] * 3) == [(at, -errno.EAGAIN) for at in range(3)]
    assert other.refused is (number == errno.EPERM)
    assert not ring.refused


def test_descriptor_is_closed_with_the_object(ring: WriteRing) -> None:
    del ring
    other = WriteRing()
    fd = other._fd
    assert "io_uring" in os.readlink(f"/proc/self/fd/{fd}")
    del other
    with pytest.raises(FileNotFoundError):
        os.readlink(f"/proc/self/fd/{fd}")


@pytest.mark.parametrize("taken", [0, 7])
def test_entries_left_in_the_queue_are_reported_as_unsent(
    ring: WriteRing, pairs: list[Pair], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be out of memory ([partial])."""
    call = WriteRing._call

    def few(ring: WriteRing, number: int, *values: int) -> int:
        fd, count, *rest = values
        return call(ring, number, fd, min(count, taken), *rest) if taken else -1

    chunks = [b"%d" % number for number in range(20)]
    with monkeypatch.context() as patch:
        patch.setattr(WriteRing, "_call", few)
        assert ring.send(fds(pairs[:20]), chunks) == [(at, -errno.EAGAIN) for at in range(taken, 20)]
    assert [read(pair) for pair in pairs[:20]] == [*chunks[:taken], *[b""] * (20 - taken)]
    assert ring.send(fds(pairs), [b"again"] * len(pairs)) == []
    assert all(read(pair) == b"again" for pair in pairs)


@pytest.mark.usefixtures("ring")
def test_missing_results_raise_an_error(pairs: list[Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    other = WriteRing()

    def forgetful(ring: WriteRing, number: int, fd: int, count: int, *rest: int) -> int:
        """Takes all from the queue."""
        ring._words[ring._sends_head] = ring._tail
        return count or -1

    monkeypatch.setattr(WriteRing, "_call", forgetful)
    with pytest.raises(OSError, match="does not say"):
        other.send(fds(pairs), [b"x"] * len(pairs))
    other.close()


def test_system_without_io_uring_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "alpha")
    with pytest.raises(OSError, match="not implemented"):
        WriteRing()


def test_old_kernel_raises_an_error(ring: WriteRing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending came with 5.6; what says that it is there came with 5.7."""
    monkeypatch.setattr(uring, "_NEEDED", 1 << 31)
    with pytest.raises(OSError, match="not implemented"):
        WriteRing()
