"""Memory does not grow with the names that were ever seen (journal/store/rows)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest

from chatctl.chat.entries.facts import Fact
from chatctl.journal.store.rows import HeadNumbers
from tests.journal.journals import fact

pytestmark = pytest.mark.e2e

SETTLED = 7_000
NAMES = 21_000


def _guest(number: int) -> Iterable[Fact]:
    """Come, speak privately, and go, under a name never seen before."""
    source = f"guest{number}!~g@{number:x}.example.org"
    seq = 3 * number + 1
    yield fact(seq, kind="JOIN", source=source)
    yield fact(seq + 1, source=source, place=f"bob\x1fguest{number}")
    yield fact(seq + 2, kind="QUIT", source=source)


def _encode(dictionary: HeadNumbers, facts: Iterable[Fact]) -> int:
    """Encode a batch as the store does; return how many new heads it has."""
    batch = list(facts)
    dictionary.missing(batch)
    return len(dictionary.encode(batch).heads)


def test_memory_stays_flat_while_new_names_come() -> None:
    dictionary = HeadNumbers(0, 0)
    tracemalloc.start()
    try:
        for number in range(SETTLED):
            _encode(dictionary, _guest(number))
        before = tracemalloc.get_traced_memory()[0]
        for number in range(SETTLED, NAMES):
            _encode(dictionary, _guest(number))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4 * 1024 * 1024  # before it was bounded like this: 0.9 KiB a name, 12 MiB here


def test_name_in_use_stays_in_the_dictionary_while_new_names_come() -> None:
    dictionary = HeadNumbers(0, 0)
    _encode(dictionary, [fact(1, source="regular!u@h")])
    for number in range(1, NAMES):
        _encode(dictionary, _guest(number))
        if not number % 1000:
            assert _encode(dictionary, [fact(number, source="regular!u@h")]) == 0
