"""Members of rooms, beyond the tests of the engine."""

from __future__ import annotations

import time

import pytest

from chatctl.client.isupport import Isupport
from chatctl.client.session import rooms as module
from chatctl.client.session.rooms import JoinedRooms


def test_endless_listings_stay_small() -> None:
    rooms = JoinedRooms(Isupport())
    began = time.process_time()
    for number in range(20_000):
        rooms.listed(f"#{number}", ["ann"])
    assert time.process_time() - began < 2.0


def test_listings_are_bounded_and_those_that_end_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 10)
    rooms = JoinedRooms(Isupport())
    for _ in range(100):
        rooms.listed("#a", ["ann", "bob"])
        rooms.listed("#a", ["@ann", "eve"])
        assert [nick for nick, _ in rooms.listing_ended("#A")] == ["ann", "bob", "eve"]
        assert rooms.listing_ended("#none") == []
    for number in range(10):
        rooms.listed("#b", [f"user{number}"])
    assert rooms.listing_ended("#b") == []
