"""Rooms, bans and accounts equal the committed ones; with a fault built in, the difference must be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from chatctl.chat.apply import _TABLE, bans, redo, undo
from chatctl.chat.engine import commit_gate
from chatctl.chat.engine.stored_settings import StoredSettings
from chatctl.chat.entries import outcome
from chatctl.chat.entries import proposals as p
from chatctl.chat.entries.outcome import Outcome
from chatctl.chat.model.accounts import RecordKey
from chatctl.chat.model.state import State
from tests.simulation.rooms import run

pytestmark = pytest.mark.e2e

SEEDS = 30
ENOUGH = 90
"""Seeds within which a built-in fault must show."""


def test_rooms_bans_and_accounts_equal_what_was_committed() -> None:
    lives = [run(seed) for seed in range(1, SEEDS + 1)]
    assert sum(life.failed for life in lives) > SEEDS, "or this shows nothing"
    assert sum(life.checked for life in lives) > 20 * SEEDS, "or this shows nothing"


def _not_undone(cls: type) -> Callable[[pytest.MonkeyPatch], None]:
    def build_in(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cls, "take_back", lambda self, state: ())

    build_in.__name__ = f"{cls.__name__} is not undone"
    return build_in


def _not_done_again(cls: type) -> Callable[[pytest.MonkeyPatch], None]:
    def build_in(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cls, "redo", lambda self, state, outcome: None)

    build_in.__name__ = f"{cls.__name__} is not done again"
    return build_in


def _settings_are_not_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredSettings, "_restore_room", lambda self, key: None)


def _records_are_not_set_back(kind: str) -> Callable[[pytest.MonkeyPatch], None]:
    def build_in(monkeypatch: pytest.MonkeyPatch) -> None:
        restore_or_reset = StoredSettings._restore_record

        def but_one_kind(self: StoredSettings, name: RecordKey) -> None:
            if name[0] != kind:
                restore_or_reset(self, name)

        monkeypatch.setattr(StoredSettings, "_restore_record", but_one_kind)

    build_in.__name__ = f"{kind} records are not set back"
    return build_in


def _bans_count_before_they_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    add = bans.add_ban

    def at_once(state: State, proposal: p.AddBan, outcome: Outcome) -> None:
        add(state, proposal, outcome)
        for then in outcome.follow_ups:
            assert isinstance(then, p.EnforceBan)
            state.accounts.enforce(then.key)

    monkeypatch.setitem(_TABLE, p.AddBan, at_once)


def _retried_is_treated_as_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_gate, "redone", lambda outcomes, state: ())


@pytest.mark.parametrize(
    "build_in",
    [
        _not_undone(undo.UndoJoin),
        _not_undone(undo.UndoLeave),
        _not_undone(undo.UndoNick),
        _not_undone(undo.UndoRoomRename),
        _not_undone(outcome.ChangedStanding),
        _not_undone(outcome.ChangedIdentity),
        _not_done_again(redo.DepartureRedo),
        _settings_are_not_set_back,
        _records_are_not_set_back("ban"),
        _records_are_not_set_back("account"),
        _records_are_not_set_back("visits"),
        _records_are_not_set_back("membership"),
        _bans_count_before_they_are_stored,
        _retried_is_treated_as_passing,
    ],
    ids=lambda build_in: build_in.__name__.strip("_").replace(" ", "_"),
)
def test_missing_undo_is_found(build_in: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    build_in(monkeypatch)
    with pytest.raises((AssertionError, LookupError)):
        _run_all(range(1, ENOUGH + 1))


def _run_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        run(seed)
