"""A server of our own on this machine, and bob, who is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatctl.client import Client
from chatctl.server import Server
from tests.tui.view_models import World


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=0) as running:
        yield running


@pytest.fixture
def bob(server: Server) -> Iterator[Client]:
    with Client(port=server.port, name="bob", secret="bob's", attentive=True) as client:
        yield client


@pytest.fixture
def world() -> World:
    return World()
