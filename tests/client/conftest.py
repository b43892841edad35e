"""A server for tests of the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatctl.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0, listener_limit=3) as server:
        yield server
