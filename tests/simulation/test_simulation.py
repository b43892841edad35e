"""Two thousand lives of a chat; and the same with a fault built in, which must be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from chatctl.chat.commands import messages
from chatctl.chat.delivery.fanout import Fanout
from chatctl.chat.engine import stored_settings
from chatctl.chat.entries import proposals
from chatctl.chat.entries.facts import each_fact
from tests.simulation.chat import run
from tests.simulation.disk import SimulatedJournal

pytestmark = pytest.mark.e2e

SEEDS = 2000
ENOUGH = 400
"""Seeds within which a built-in fault must show."""


@pytest.mark.parametrize("first", range(1, SEEDS, 200))
def test_messages_keep_the_promises(first: int) -> None:
    _run_all(range(first, first + 200))


def _run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run(seed)


def _release_before_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Fanout.release

    def early(self: Fanout, now: int) -> bool:
        self.durable(1 << 60)
        return release(self, now)

    monkeypatch.setattr(Fanout, "release", early)


def _resends_are_taken_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "say_once", lambda view, session, proposal, message: proposal)


def _refused_after_it_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    fail = SimulatedJournal.fail

    def store_first(self: SimulatedJournal) -> None:
        for facts, *_ in self.queue:
            self.disk.facts += each_fact(facts)
        fail(self)

    monkeypatch.setattr(SimulatedJournal, "fail", store_first)


def _shown_though_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fanout, "refuse", lambda self, refused: None)


def _lines_in_a_row_are_shown_though_they_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Fanout.lines_to_room

    def whatever_happens(self: Fanout, room: str, lines: list[bytes], stamps: Any, sender: Any, seq: int) -> None:
        shown(self, room, lines, stamps, sender, 0)

    monkeypatch.setattr(Fanout, "lines_to_room", whatever_happens)


def _of_lines_in_a_row_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposals.SendMessageRun, "lines", 1)


def _settings_stay_though_they_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_settings.StoredSettings, "_restore_room", lambda self, key: None)


def _moved_files_are_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedJournal, "notices", lambda self: False)


@pytest.mark.parametrize(
    "build_in",
    [
        _release_before_durable,
        _resends_are_taken_as_new,
        _refused_after_it_was_stored,
        _shown_though_it_failed,
        _lines_in_a_row_are_shown_though_they_failed,
        _of_lines_in_a_row_one_is_refused,
        _settings_stay_though_they_failed,
        _moved_files_are_not_noticed,
    ],
)
def test_built_in_fault_is_found(
    build_in: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_in(monkeypatch)
    with pytest.raises(AssertionError, match=r"run it again: python -m tests\.simulation\.chat \d+"):
        _run_all(range(1, ENOUGH + 1))
