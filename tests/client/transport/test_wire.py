"""Bytes to lines."""

from __future__ import annotations

from chatctl.client.transport.wire import LineReader


def test_any_cut_gives_the_same_lines() -> None:
    data = "PING :ä\r\nPONG\n\nlong".encode()
    for cut in range(len(data)):
        reader = LineReader()
        assert [*reader.feed(data[:cut]), *reader.feed(data[cut:])] == ["PING :ä", "PONG", ""]


def test_other_bytes_than_utf8_and_nul() -> None:
    assert LineReader().feed(b"caf\xe9\0\n") == ["caf\xe9"]


def test_an_endless_line_is_dropped_and_the_next_one_read() -> None:
    reader = LineReader()
    for _ in range(100):
        assert reader.feed(b"x" * 10_000) == []
    assert reader.feed(b"x\nnext\n") == ["next"]


def test_a_line_is_no_longer_than_irc_allows() -> None:
    whole = b"@" + b"t" * 8190 + b" " + b"x" * 500
    assert LineReader().feed(whole + b"\n" + b"y" * 10_000 + b"\nnext\n") == [whole.decode(), "next"]
