"""The pollers agree, whatever the platform offers."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from chatctl.poller import READ, WRITE, Poller, SelectorsPoller, best_poller


@pytest.fixture(params=["best", "precise", "selectors"])
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made = SelectorsPoller() if request.param == "selectors" else best_poller(precise=request.param == "precise")
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_poll_reports_a_descriptor_for_the_watched_events_only(
    poller: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    poller.add(left.fileno(), READ)
    assert poller.poll(0) == []
    right.send(b"x")
    assert poller.poll(1) == [(left.fileno(), READ)]
    poller.change(left.fileno(), WRITE)
    assert poller.poll(1) == [(left.fileno(), WRITE)]
    poller.change(left.fileno(), READ | WRITE)
    assert poller.poll(1) == [(left.fileno(), READ | WRITE)]


def test_poll_is_silent_without_events_and_after_remove(
    poller: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    right.send(b"x")
    poller.add(left.fileno(), 0)
    assert poller.poll(0) == []
    poller.change(left.fileno(), READ)
    assert poller.poll(1) == [(left.fileno(), READ)]
    poller.change(left.fileno(), 0)
    assert poller.poll(0) == []
    poller.remove(left.fileno())
    assert poller.poll(0) == []


@pytest.mark.parametrize("days", [30, 1e6])
def test_poll_accepts_a_timeout_that_the_system_does_not(
    poller: Poller, pair: tuple[socket.socket, socket.socket], days: float
) -> None:
    left, right = pair
    poller.add(left.fileno(), READ)
    right.send(b"x")
    assert poller.poll(days * 24 * 3600) == [(left.fileno(), READ)]


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_precise_poller_does_not_round_a_short_wait_up(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    poller = best_poller(precise=True)
    poller.add(pair[0].fileno(), READ)
    waits = []
    for _ in range(50):
        begin = time.perf_counter()
        assert poller.poll(0.0002) == []
        waits.append(time.perf_counter() - begin)
    poller.close()
    assert 0.0002 <= min(waits) < 0.001
