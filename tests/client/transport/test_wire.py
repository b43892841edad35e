"""Bytes to lines."""

from __future__ import annotations

from chatctl.client.transport.wire import LineReader


def test_lines_are_equal_however_the_bytes_are_cut() -> None:
    data = "PING :ä\r\nPONG\n\nlong".encode()
    for cut in range(len(data)):
        reader = LineReader()
        assert [*reader.feed(data[:cut]), *reader.feed(data[cut:])] == ["PING :ä", "PONG", ""]


def test_bytes_that_are_not_utf8_and_nul_are_replaced() -> None:
    assert LineReader().feed(b"caf\xe9\0\n") == ["caf\xe9"]


def test_too_long_line_is_dropped_and_the_next_one_read() -> None:
    reader = LineReader()
    for _ in range(100):
        assert reader.feed(b"x" * 10_000) == []
    assert reader.feed(b"x\nnext\n") == ["next"]


def test_sent_line_within_the_irc_limit_is_accepted_and_longer_refused() -> None:
    whole = b"@" + b"t" * 8190 + b" " + b"x" * 500
    assert LineReader().feed(whole + b"\n" + b"y" * 10_000 + b"\nnext\n") == [whole.decode(), "next"]
