"""The framing rules: any bytes in, safe lines out, memory bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatctl.protocol.framing import BadLine, BadLineReason, LineDecoder


def test_both_line_ends_and_empty_lines_are_read() -> None:
    assert LineDecoder().feed(b"PING a\r\nPING b\n\r\n\nPING c\r\n") == ["PING a", "PING b", "PING c"]


def test_line_in_pieces_is_joined() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"PRIVMSG #a :h\xc3") == []
    assert decoder.feed(b"\xa9\r") == []
    assert decoder.feed(b"\nPI") == ["PRIVMSG #a :hé"]
    assert decoder.pending == 2


def test_invalid_line_does_not_affect_others() -> None:
    lines = LineDecoder().feed(b"PING a\r\nPING \xff\r\nPING b\0\r\nPING c\rd\r\nPING e\r\n")
    assert lines == [
        "PING a",
        *(BadLine(why, "PING") for why in (BadLineReason.NOT_UTF8, BadLineReason.HAS_NUL, BadLineReason.HAS_CR)),
        "PING e",
    ]
    assert LineDecoder().feed(b"PING c\rd\r\nPING e\r\n") == [BadLine(BadLineReason.HAS_CR, "PING"), "PING e"]


def test_only_tags_and_command_of_an_invalid_line_are_kept() -> None:
    def start(line: bytes) -> str:
        (bad,) = LineDecoder().feed(line + b"\r\n")
        assert isinstance(bad, BadLine)
        return bad.start

    assert start(b"@label=x;+a=\xc3\xa9 PASS secret\xff") == "@label=x;+a=é PASS"
    assert start(b"@label=x PRIVMSG #a " + b"y" * 600) == "@label=x PRIVMSG"
    for line in (b"\xff PRIVMSG", b"@label=\xff PRIVMSG", b"@label=\0 A", b"PR\rIV a", b"@a\xff", b"x" * 600):
        assert start(line) == ""
    assert start(b"@" + b"t" * 4096 + b" PRIVMSG a") == ""


def test_512_bytes_fit_and_513_do_not() -> None:
    fits = b"x" * 510
    assert LineDecoder().feed(fits + b"\r\n") == [fits.decode()]
    assert LineDecoder().feed(fits + b"x\r\n") == [BadLine(BadLineReason.TOO_LONG)]
    assert LineDecoder(max_line=10_000).feed(fits * 10 + b"\r\n") == [fits.decode() * 10], "without the limit"
    # Bytes count, not characters.
    assert LineDecoder().feed("é".encode() * 256 + b"\r\n") == [BadLine(BadLineReason.TOO_LONG)]
    assert LineDecoder().feed("é".encode() * 255 + b"\r\n") == ["é" * 255]


def test_tags_have_their_own_limit() -> None:
    tags = b"@" + b"t" * 4094 + b" "
    body = b"x" * 510
    assert LineDecoder().feed(tags + body + b"\r\n") == [(tags + body).decode()]
    assert LineDecoder().feed(b"@t" + tags[1:] + body + b"\r\n") == [BadLine(BadLineReason.TOO_LONG)]
    assert LineDecoder().feed(tags + body + b"x\r\n") == [BadLine(BadLineReason.TOO_LONG)]


def test_endless_line_is_reported_once_and_not_stored() -> None:
    decoder = LineDecoder()
    reported = [line for _ in range(100) for line in decoder.feed(b"x" * 1000)]
    assert reported == [BadLine(BadLineReason.TOO_LONG)]
    assert decoder.pending == 0
    assert decoder.feed(b"tail\r\nPING a\r\n") == ["PING a"]


@given(st.binary(max_size=3000), st.lists(st.integers(1, 700), max_size=20))
def test_result_is_independent_of_how_bytes_are_split(data: bytes, cuts: list[int]) -> None:
    data += b"\n"
    whole = LineDecoder(max_line=100, max_tags=50).feed(data)
    decoder = LineDecoder(max_line=100, max_tags=50)
    pieces: list[str | BadLine] = []
    position = 0
    for cut in [*cuts, len(data)]:
        pieces += decoder.feed(data[position : position + cut])
        position += cut
        assert decoder.pending <= 150

    assert pieces == whole
