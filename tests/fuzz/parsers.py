"""Coverage-guided fuzzing of all parsers: framing, messages, tags, names, cleaning, certificates; and of all commands
and modes, sent by an operator of a room.

By hand, for as long as you like: ``python tests/fuzz/parsers.py -max_total_time=600``; needs ``pip install atheris``.
An unexpected exception ends the run with its input.
"""

from __future__ import annotations

import contextlib
import sys
import unicodedata
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["chatctl"]):
    from chatctl.protocol import certificate, masks, names
    from chatctl.protocol.clean import clean
    from chatctl.protocol.framing import BadLine, LineDecoder
    from chatctl.protocol.message import MAX_LINE_BYTES, Message, parse
    from tests.chat.world import World


def one_input(data: bytes) -> None:
    """All parsers of untrusted bytes."""
    whole = LineDecoder().feed(data)
    in_pieces = LineDecoder()
    pieces = [item for at in range(0, len(data), 7) for item in in_pieces.feed(data[at : at + 7])]
    assert whole == pieces, "lines depend on how the bytes were split"
    for item in whole:
        if isinstance(item, BadLine):
            continue
        cleaned = clean(item)
        assert not any(unicodedata.category(char) == "Cc" for char in cleaned), cleaned
        assert clean(cleaned) == cleaned, "cleaning twice is not cleaning once"
        message = parse(item)
        if message is not None:
            _understood(message)
    with contextlib.suppress(certificate.NotACertificateError):
        certificate.pin(data)

    _said(whole)


def _said(lines: list[str | BadLine]) -> None:
    """A session with many rights and all capabilities: no handler fails, and all others still get lines."""
    world = World()
    bob = world.person("bob", "#lobby", "#a")
    ann = world.person("ann", "#b", "#a", caps="message-tags batch labeled-response echo-message draft/multiline")
    ann.send(*lines)
    for person in (ann, bob):
        person.lines()
    assert world.hub.failures == 0, "a handler failed"


def _understood(message: Message) -> None:
    for param in message.params:
        if names.problem(param) is None:
            assert names.fold(names.fold(param)) == names.fold(param)
            names.skeleton(param)
        masks.matches("*!*@" + param[:40], param[:80])
    if message.command.isalnum() and len(message.line) <= MAX_LINE_BYTES:
        again = parse(message.line.decode().rstrip("\r\n"))
        assert again is not None
        assert again.params == message.params


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
