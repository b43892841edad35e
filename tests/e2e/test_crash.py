"""kill -9 under load: every message that was received, echoes included, is in the history once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.crash import one_round

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("seed", range(1, 21))
def test_received_messages_are_in_the_history_after_a_crash(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    home = Path(tmp_path_factory.getbasetemp()) / "crash"  # one data folder for all rounds: it survives each
    home.mkdir(exist_ok=True)
    seen, kept = one_round(home, seed)
    assert 0 < seen <= kept
