"""The client with a server of ours, through a line that is cut at random places."""

from __future__ import annotations

import pytest

from tests.client.cutting import talk_while_cut

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("seed", [1, 2])
def test_messages_arrive_once_and_in_order_across_connection_losses(seed: int) -> None:
    done = talk_while_cut(cuts=100, lines=300, seed=seed)
    assert done.cuts == 100


@pytest.mark.parametrize("seed", [15, 16])
def test_messages_arrive_once_if_the_first_connection_is_lost_at_once(seed: int) -> None:
    talk_while_cut(cuts=20, lines=100, seed=seed, settled=False)
