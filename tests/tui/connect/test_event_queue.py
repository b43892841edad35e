"""Events come to the screen in order, in slices, whole."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chatctl.client import events as e
from chatctl.tui.connect.event_queue import DRAW_PAUSE_SECONDS, SLICE_SECONDS, EventQueue, EventSlices
from chatctl.tui.terminal import gc_tuning as tidying
from chatctl.tui.terminal.gc_tuning import IDLE_SECONDS, IdleCollector


def latency(number: float) -> e.Latency:
    return e.Latency(time=datetime(2026, 1, 1, tzinfo=UTC), seconds=number)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_flood_of_events_is_handled_in_slices() -> None:
    clock, feed = Clock(), EventQueue()
    heard: list[e.Event] = []

    def slow(event: e.Event) -> None:
        heard.append(event)
        clock.now += 0.0001

    events = [latency(number) for number in range(1000)]
    for event in events:
        feed.put(event)
    hearing = EventSlices(feed, slow, clock)
    drawn: list[float] = []
    while True:
        began = clock.now
        draw, pause = hearing.slice()
        assert clock.now - began < 2 * SLICE_SECONDS
        if draw:
            drawn.append(clock.now)
        if not pause:
            break
        clock.now += pause
    assert heard == events
    assert all(later - earlier >= DRAW_PAUSE_SECONDS for earlier, later in itertools.pairwise(drawn))
    assert 3 <= len(drawn) <= 8
    clock.now += DRAW_PAUSE_SECONDS
    feed.put(latency(1))
    assert hearing.slice() == (True, DRAW_PAUSE_SECONDS), "after a rest it is drawn at once"
    feed.put(latency(1))
    draw, pause = hearing.slice()
    assert not draw
    assert 0 < pause <= DRAW_PAUSE_SECONDS, "later events wait for their time"


def test_screen_is_woken_once_until_it_has_taken_all() -> None:
    feed = EventQueue()
    woken: list[int] = []
    feed.wake = lambda: woken.append(1)
    for _ in range(3):
        feed.put(latency(1))
    assert len(woken) == 1
    assert len(feed.take(2)) == 2
    feed.put(latency(1))
    assert len(woken) == 1
    assert len(feed.take(20)) == 2
    feed.put(latency(1))
    assert len(woken) == 2


@pytest.fixture
def collector() -> Iterator[None]:
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*before)
    sys.setswitchinterval(interval)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_garbage_collection_waits_for_a_quiet_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, gathered, collected = Clock(), [0], [0]
    monkeypatch.setattr(tidying, "monotonic", clock)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, gathered[0]))
    monkeypatch.setattr(gc, "collect", lambda: collected.__setitem__(0, collected[0] + 1))
    collector = IdleCollector()
    for _ in range(10):  # a key is typed
        collector.touched()
        collector.tick()
        clock.now += IDLE_SECONDS / 2
    assert collected == [0]
    clock.now += IDLE_SECONDS
    collector.tick()
    collector.tick()
    assert collected == [1]
    gathered[0] = 100
    collector.tick()
    assert collected == [2]
    collector.touched()
    collector.tick()
    assert collected == [2]
    gathered[0] = 10_000  # enough is enough
    collector.tick()
    assert collected == [3]
