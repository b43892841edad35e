"""Search results, scripts, and that no input breaks it (journal/index/tokenizer, search, text_index)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatctl.chat.entries.queries import SearchQuery
from chatctl.journal.index import text_index, tokenizer
from chatctl.journal.index.history_reader import read
from chatctl.journal.sqlite_store import SqliteStore
from tests.journal.index.test_history_reader import history
from tests.journal.journals import fact

pytestmark = pytest.mark.e2e

FOUND = [
    ("Hello there", "hello", True),
    ("Hello there", "there hello", True),
    ("Hello there", '"hello there"', True),
    ("Hello there", '"there hello"', False),
    ("Hello there", "hell", False),
    ("rock'n'roll", "ROCK'N'ROLL", True),
    ("rock n roll", "rock'n'roll", True),
    ("rock the roll", "rock'n'roll", False),
    ("see https://example.org/a_b?c=1", "example.org", True),
    ("see https://example.org/a_b?c=1", "a_b", True),
    ("Crème brûlée", "creme brulee", True),
    ("creme brulee", "Crème Brûlée", True),
    ("STRASSE", "straße", True),
    ("ΕΛΛΆΔΑ", "ελλαδα", True),
    ("ещё раз", "еще", True),
    ("мой дом", "мои", False),
    ("ＦＵＬＬ width", "full", True),
    ("今日は世界の終わり", "世界", True),
    ("今日は世界の終わり", "世", True),
    ("今日は世界の終わり", "り", True),
    ("今日は世界の終わり", "世界の終わり", True),
    ("今日は世界の終わり", "世終", False),
    ("今日は世界の終わり", "終わり 今日", True),
    ("你好吗", "好吗", True),
    ("你好吗 abc", '"吗 abc"', True),
    ("你好吗 abc", '"好吗 abc"', True),
    ("你好 吗abc", "吗abc", True),
    ("你好 吗abc", '"好 吗 abc"', True),
    ("x 好 y", '"x 好 y"', True),
    ("x 好的 y", '"x 好 y"', False),
    ("say 好的", '"say 好"', True),
    ("ｶﾀｶﾅ", "カタカナ", True),
    ("かき", "がき", False),
    ("안녕하세요 여러분", "안녕", True),
    ("안녕하세요 여러분", "여러", True),
    ("สวัสดีครับ", "สวัสดี", True),
    ("สวัสดีครับ", "ครับ", True),
    ("हिन्दी में", "हिन्दी", True),
    ("हिन्दी में", "हन्द", False),
    ("שָׁלוֹם", "שלום", True),
    ("party 🎉🎊", "🎉", True),
    ("party 🎉🎊", "🎊", True),
    ("party 🎉", "🎊", False),
    ("👍🏽 fine", "👍", True),
    ("\x01ACTION waves\x01", "waves", True),
    ("\x01ACTION waves\x01", "action", False),
    ("\x0304,05red\x03 b\x02o\x02ld", "red bold", True),
    ("sil\u00adver", "silver", True),
    ("word", "word word WORD", True),
    ("a AND b", "AND", True),
    ("x" * 300, "X" * 300, True),
    ("x" * 300, "x" * 301, False),
    ("100% sure_thing", "sure", True),
    ("xyz", "NOT abc", False),
    ("𠮷野家", "𠮷野", True),
]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(("said", "asked", "found"), FOUND)
def test_words_are_found(said: str, asked: str, found: bool, indexed: bool) -> None:
    facts = [fact(1, "first"), fact(2, said), fact(3, "last")]
    with history(facts, 3 if indexed else 0) as connection:
        assert [fact.seq for fact in read(connection, SearchQuery(asked, 10, 9)).facts] == ([2] if found else [])


HOSTILE = [
    '"', '""', '"""', "'", "*", "foo*", "^foo", "foo NEAR bar", "NEAR(foo bar, 5)", "words:foo", "-foo", "foo OR",
    "AND", "NOT", "(", ")", "(foo", "foo) OR (bar", '"foo" OR rowid:1', "{words}:foo", "+foo", "foo + bar", "\\", "%",
    "?", "\x00", "; DROP TABLE facts; --", '" UNION SELECT 1 --', "\ue0001", "\ue001616c696365", "a" * 5000,
    "a " * 5000, "\ud7ff",
]  # fmt: skip


@pytest.mark.parametrize("asked", HOSTILE)
def test_query_text_is_never_fts_syntax(asked: str) -> None:
    facts = [fact(1, "foo"), fact(2, "bar"), fact(3, f"before {asked} after"[:600])]
    with history(facts, 3) as connection:
        found = [fact.seq for fact in read(connection, SearchQuery(asked, 10, 9)).facts]
    assert set(found) <= {1, 2, 3}
    if not tokenizer.canonical(asked).strip():
        assert found == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=6))
def test_index_and_tail_scan_agree_on_any_text(asked: str, said: list[str]) -> None:
    """Whether a message is in the index or not never changes whether it is found."""
    facts = [fact(seq, text) for seq, text in enumerate([*said, asked, f"x{asked}y", asked * 2], 1) if _plain(text)]
    query = SearchQuery(asked, 100, 100)
    with history(facts) as connection:
        rest = read(connection, query)
    with history(facts, len(facts)) as connection:
        assert read(connection, query) == rest
    if tokenizer.parse(asked) is not None and asked.strip() and _plain(asked):
        assert asked in [fact.text for fact in rest.facts] or asked.count('"') > 0


def _plain(text: str) -> bool:
    return not any(char in "\x00\ud800" or "\ud800" <= char <= "\udfff" for char in text)


def test_newest_matches_are_returned_in_order() -> None:
    facts = [fact(seq, "word" if seq % 2 else "other", time=seq) for seq in range(1, 101)]
    with history(facts, 60) as connection:
        assert [fact.seq for fact in read(connection, SearchQuery("word", 3, 1000)).facts] == [95, 97, 99]
        assert [fact.seq for fact in read(connection, SearchQuery("word", 3, 58)).facts] == [53, 55, 57]
        page = read(connection, SearchQuery("word", 100, 1000, after=50, before=70))
        assert [fact.seq for fact in page.facts] == list(range(51, 70, 2))
        assert len(read(connection, SearchQuery("word", 1000, 1000)).facts) == 50


def test_many_places_are_searched_at_once() -> None:
    facts = [fact(seq, place=f"#r{seq}") for seq in range(1, 3001)]
    with history(facts, 3000) as connection:
        places = tuple(f"#r{seq}" for seq in range(500, 3000))
        assert [fact.seq for fact in read(connection, SearchQuery("hello", 2, 9999, places)).facts] == [2998, 2999]


def test_volumes_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatctl.journal.index.text_index.VOLUME", 20)
    facts = [fact(seq, f"word w{seq}", kind="PRIVMSG" if seq % 3 else "JOIN") for seq in range(1, 200)]
    with history(facts) as connection:
        store = SqliteStore(Path(connection.execute("PRAGMA database_list").fetchone()[2]))
        store.open()
        while text_index.follow(store, 10):
            pass
        assert store.connection.execute("SELECT count(*) FROM volumes").fetchone()[0] > 5
        assert text_index.count_unindexed(store.connection, 100) == 0
        store.close()
        found = read(connection, SearchQuery("word", 1000, 1000)).facts
        assert list(found) == [fact for fact in facts if fact.kind == "PRIVMSG"]
        assert [fact.seq for fact in read(connection, SearchQuery("w7", 10, 1000)).facts] == [7]
        assert [fact.seq for fact in read(connection, SearchQuery("word", 30, 1000)).facts][-1] == 199
