"""Deadlines: looked at when their time comes, and forgotten at once when dropped."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from chatctl.server.limits.deadlines import Deadlines


class Thing:
    """Something with a deadline."""


def test_dropped_keys_are_not_kept_alive() -> None:
    """Connections come and go far faster than their deadlines do, and each may hold a TLS session."""
    deadlines: Deadlines[Thing] = Deadlines()
    thing = Thing()
    gone = weakref.ref(thing)
    deadlines.set(thing, 30.0)
    deadlines.set(thing, 20.0)
    deadlines.drop(thing)
    del thing
    gc.collect()
    assert gone() is None
    deadlines.expire(100.0, lambda key: None)
    assert deadlines.next() is None


def test_dropped_keys_leave_the_heap() -> None:
    deadlines: Deadlines[int] = Deadlines()
    deadlines.set(-1, 20.0)
    for number in range(10_000):
        deadlines.set(number, 30.0)
        deadlines.drop(number)
    assert len(deadlines._heap) < 200
    looked: list[int] = []

    def look(key: int) -> None:
        looked.append(key)

    deadlines.expire(100.0, look)
    assert looked == [-1]


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 100)), max_size=40), st.floats(0, 100))
def test_each_key_is_checked_once_at_its_earliest_time(sets: list[tuple[int, float]], now: float) -> None:
    deadlines: Deadlines[int] = Deadlines()
    earliest: dict[int, float] = {}
    for key, when in sets:
        deadlines.set(key, when)
        earliest[key] = min(when, earliest.get(key, when))
    looked: list[int] = []

    def look(key: int) -> None:
        looked.append(key)

    deadlines.expire(now, look)
    assert sorted(looked) == sorted(key for key, when in earliest.items() if when <= now)
