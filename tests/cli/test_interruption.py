"""Ctrl-C before one is in the chat is never lost, whatever Python was doing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from chatctl.cli.commands.join import Interruption


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals are handled as before when the test is over."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Dropping:
    """Interrupted while it goes: Python drops what a finalizer raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("handlers")
def test_a_signal_in_a_finalizer_is_raised_later(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)
    interruption = Interruption(signal.SIGINT)
    interruption.check()
    Dropping()
    assert dropped, "the exception was not dropped; this test shows nothing"
    with pytest.raises(KeyboardInterrupt):
        interruption.check()


@pytest.mark.usefixtures("handlers")
def test_a_signal_at_any_other_time_is_raised_at_once() -> None:
    Interruption(signal.SIGINT, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
