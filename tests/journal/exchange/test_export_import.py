"""Out of one journal and into another: nothing twice, everything in its place (journal/exchange/export_import)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chatctl.chat.entries.facts import Fact
from chatctl.chat.entries.queries import HistoryQuery, Mark, SearchQuery, private_place
from chatctl.errors import ChatctlError
from chatctl.journal.exchange.export_import import Imported, import_facts
from chatctl.journal.index import place_index, text_index
from chatctl.journal.index.fact_stream import facts
from chatctl.journal.index.history_reader import find_message, read
from chatctl.journal.sqlite_store import SqliteStore, StoreBatch
from tests.journal.index.test_history_reader import histories
from tests.journal.index.test_place_index import sound
from tests.journal.journals import START, Desk, fact, opened
from tests.journal.test_writer import EVERYTHING, kept

pytestmark = pytest.mark.e2e

NOW = 10**15


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "j.db")
    made.open()
    yield made
    made.close()


def told(found: list[Fact]) -> list[Fact]:
    """Facts without their place in the order."""
    return [replace(fact, seq=0, part=0) for fact in found]


def test_import_into_an_empty_journal_equals_the_export(store: SqliteStore) -> None:
    assert import_facts(store, EVERYTHING, NOW) == Imported(kept=len(EVERYTHING))
    assert kept(store.path) == EVERYTHING
    assert store.last() == (9, EVERYTHING[-1].time)
    assert import_facts(store, EVERYTHING, NOW) == Imported(known=len(EVERYTHING))
    store.commit(StoreBatch([fact(10)]))
    assert kept(store.path) == [*EVERYTHING, fact(10)]


def test_imported_pruned_facts_return_to_their_points(store: SqliteStore) -> None:
    everything = [fact(seq, f"w{seq}") for seq in range(1, 100)]
    store.commit(StoreBatch(everything[40:]))
    text_index.follow(store)
    assert import_facts(store, everything[:60], NOW, upto=99) == Imported(kept=40, known=20)
    assert kept(store.path) == everything
    assert list(read(store.connection, SearchQuery("w7", 9, 99)).facts) == [everything[6]]
    assert store.connection.execute("SELECT count(*) FROM facts WHERE origin IS NOT NULL").fetchone()[0] == 0


def test_import_on_a_running_server_uses_its_own_numbers(tmp_path: Path) -> None:
    with Desk(tmp_path / "j.db", clock=lambda: NOW) as desk:
        desk.keep([fact(1, time=100), fact(2, time=200)])
        done: list[Imported | Exception] = []
        other = [fact(seq, "elsewhere", time=seq * 50, boot="other") for seq in range(1, 9)]
        desk.journal.import_facts(other, 2, done.append)
        desk.owner.until(lambda: done)
        assert done == [Imported(kept=8)]
        desk.keep([fact(3, time=300)])
        found = kept(desk.path)
        assert [(fact.time, fact.text == "elsewhere") for fact in found] == [
            (50, True), (100, False), (100, True), (150, True), (200, False), (200, True),
            (250, True), (300, True), (350, True), (400, True), (300, False),
        ]  # fmt: skip
        assert max(fact.seq for fact in found) == 3


def test_import_from_another_chat_is_ordered_by_time_and_preserves_ids(store: SqliteStore) -> None:
    own = [fact(seq, time=seq * 100) for seq in range(1, 11)]
    store.commit(StoreBatch(own))
    other = [
        fact(seq, time=seq * 30, boot="other", message_id=f"ergo{seq}", place=private_place("a", "b"))
        for seq in range(1, 41)
    ]
    for start in range(0, 40, 7):
        import_facts(store, other[start : start + 7], NOW, upto=10)
    found = kept(store.path)
    assert told(found) == told(sorted([*own, *other], key=lambda fact: (fact.time, fact.message_id)))
    points = [(fact.seq, fact.part) for fact in found]
    assert points == sorted(set(points))
    page = read(store.connection, HistoryQuery(private_place("a", "b"), 2, 10, after=Mark("ergo7"), newest=False))
    assert [fact.message_id for fact in page.facts] == ["ergo8", "ergo9"]
    assert find_message(store.connection, "boot1-3") == own[2].seq << 20
    again = import_facts(store, [*own, *other], NOW, upto=10)
    assert again == Imported(known=50)
    assert store.last()[0] == 10


def run(seq: int, count: int, time: int, boot: str = "boot1") -> list[Fact]:
    """Lines of one entry, a ms apart."""
    return [fact(seq, f"w{part}", part=part, time=time + part, boot=boot) for part in range(count)]


def test_lines_of_one_entry_return_to_their_points(store: SqliteStore) -> None:
    everything = [*run(1, 30, 100), *run(2, 30, 130), fact(3, time=170), *run(4, 3, 170)]
    for start in range(0, len(everything), 7):
        import_facts(store, everything[start : start + 7], NOW)
    assert kept(store.path) == everything
    assert store.connection.execute("SELECT count(*) FROM facts WHERE origin IS NOT NULL").fetchone()[0] == 0


def test_nothing_is_imported_between_the_lines_of_an_entry(store: SqliteStore) -> None:
    store.commit(StoreBatch([*run(1, 30, 100), fact(2, time=200)]))
    other = [*run(7, 30, 90, "other"), *run(8, 30, 120, "other")]
    for start in range(0, len(other), 11):
        import_facts(store, other[start : start + 11], NOW, upto=2)
    found = [(each.time, each.message_id) for each in facts(store.connection)]
    own = [(100 + part, f"boot1-1.{part}" if part else "boot1-1") for part in range(30)]
    assert found[:10] == [(each.time, each.message_id) for each in other[:10]]
    assert found[10:40] == own
    assert found[40:70] == [(max(129, each.time), each.message_id) for each in other[10:40]]
    assert found[70:] == [*((each.time, each.message_id) for each in other[40:]), (200, "boot1-2")]
    assert import_facts(store, other, NOW, upto=2) == Imported(known=60)


def test_facts_from_the_future_are_skipped(store: SqliteStore) -> None:
    assert import_facts(store, [fact(1, time=5), fact(2, time=11)], 10) == Imported(kept=1, future=1)


def test_import_without_free_points_is_refused(store: SqliteStore) -> None:
    store.commit(StoreBatch([fact(1, time=100), fact(1, part=2, time=100), fact(2, time=200)]))
    import_facts(store, [fact(7, time=100, message_id="x")], NOW)
    store.connection.execute("UPDATE facts SET id = (2 << 20) - 1 WHERE origin = 'x'")
    with pytest.raises(ChatctlError, match="no room"):
        import_facts(store, [fact(6, time=90), fact(8, time=100, message_id="y")], NOW)
    assert len(kept(store.path)) == 4


def test_excessive_seq_is_not_used_as_a_point(store: SqliteStore) -> None:
    claims = [fact(seq, time=seq % 7) for seq in (2**42, 2**43 + 5, 10**15)]
    assert import_facts(store, claims, NOW).kept == 3
    assert store.last()[0] < 2**30
    assert sorted(told(kept(store.path)), key=repr) == sorted(told(claims), key=repr)


def test_long_ordered_import_finds_free_points(store: SqliteStore) -> None:
    """Between two entries, in pieces; and before the first."""
    store.commit(StoreBatch([fact(1, time=1000), fact(2, time=10**6)]))
    for time in (500, 5000):
        for start in range(0, 50_000, 500):
            piece = [fact(1, time=time + at // 100, message_id=f"{time}/{at}") for at in range(start, start + 500)]
            import_facts(store, piece, NOW, upto=2)
    assert [fact.time for fact in facts(store.connection)] == sorted(fact.time for fact in facts(store.connection))
    assert store.last()[0] == 2


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_import_preserves_order_and_stores_nothing_twice(data: st.DataObject) -> None:
    with opened() as store:
        own = data.draw(histories(), "own")
        if own:
            store.commit(StoreBatch(own))
        for _ in range(data.draw(st.integers(0, 2), "slices indexed")):
            text_index.follow(store, 7)
            place_index.follow(store, 5)
        running: bool = data.draw(st.booleans(), "running")
        upto = own[-1].seq if own and running else None
        other = data.draw(histories(), "other")
        foreign = data.draw(st.booleans(), "foreign")
        if foreign:
            other = [replace(fact, message_id=f"x{fact.message_id}y") for fact in other]
        size = data.draw(st.integers(1, 50), "size")
        pieces = [other[start : start + size] for start in range(0, len(other), size)]
        shuffled: bool = data.draw(st.booleans(), "shuffled")
        if shuffled:
            pieces = [data.draw(st.permutations(piece)) for piece in data.draw(st.permutations(pieces), "pieces")]
        mine = {fact.message_id for fact in own}
        brought: dict[str, Fact] = {}
        for piece in [*pieces, *pieces]:
            wanted = {fact.message_id: fact for fact in piece if fact.message_id not in mine | brought.keys()}
            try:
                result = import_facts(store, piece, NOW, upto)
            except ChatctlError:
                assert shuffled  # oldest first, there is room
                continue
            assert result == Imported(kept=len(wanted), known=len(piece) - len(wanted))
            brought |= wanted
            assert sound(store.connection)
        new = list(brought.values())
        found = kept(store.path)
        meant = {fact.message_id: fact for fact in told([*own, *new])}
        assert {fact.message_id: replace(fact, time=0) for fact in told(found)} == {
            id: replace(fact, time=0) for id, fact in meant.items()
        }
        assert len(found) == len(meant)
        moved = [(meant[fact.message_id].time, fact.time) for fact in found if fact.time != meant[fact.message_id].time]
        assert all(before < after and after in {fact.time for fact in meant.values()} for before, after in moved)
        inside = [two.time for one, two in pairwise(found) if one.seq == two.seq and one.time < two.time]
        assert {after for _, after in moved} <= set(inside)
        assert [fact for fact in found if fact.message_id in mine] == own
        assert [fact.time for fact in found] == sorted(fact.time for fact in found)
        lobby = HistoryQuery("#lobby", 1000, 10**9, kinds=())
        assert list(read(store.connection, lobby).facts) == [fact for fact in found if fact.place == "#lobby"]
        whole = SearchQuery("foo", 1000, 10**9)
        assert [fact.message_id for fact in read(store.connection, whole).facts] == [
            fact.message_id
            for fact in found
            if fact.kind in ("PRIVMSG", "NOTICE") and "foo" in fact.text.lower().replace("-", " ").split()
        ]
        for one in found:
            id = find_message(store.connection, one.message_id)
            assert id == one.seq << 20 | one.part


def test_export_is_limited_to_a_place_and_a_time(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.index.fact_stream.READ_FACTS", 3)
    everything = [
        fact(seq, kind="PRIVMSG" if seq % 3 else "JOIN", place=f"#r{seq % 2}", time=seq) for seq in range(1, 60)
    ]
    store.commit(StoreBatch(everything))
    place_index.follow(store, 30)
    assert list(facts(store.connection)) == everything
    assert list(facts(store.connection, place="#r1")) == everything[::2]
    assert list(facts(store.connection, after=10, before=20)) == everything[10:19]
    assert list(facts(store.connection, place="#nowhere")) == []
    assert list(facts(store.connection, upto=7)) == everything[:7]


def test_id_with_an_impossible_part_is_preserved_as_text() -> None:
    """Its id is kept as it is, and found again when the same is imported once more."""
    with opened() as store:
        wrong = [fact(4, boot="b1", time=START + 400_000), fact(5, boot="b1", part=1 << 20, time=START + 500_000)]
        import_facts(store, wrong, START * 2)
        assert import_facts(store, wrong, START * 2).kept == 0
        assert [each.message_id for each in facts(store.connection)] == ["b1-4", "b1-5.1048576"]
