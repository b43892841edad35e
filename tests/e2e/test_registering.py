"""An account made while one is in: it is logged in to from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatctl.client import Client
from chatctl.client import events as e
from tests.e2e.processes import ServeProcess
from tests.ports import steady_port

pytestmark = pytest.mark.e2e


def test_registered_account_logs_in_after_a_restart(tmp_path: Path) -> None:
    with ServeProcess(tmp_path, CHATCTL_ACCOUNTS__ITERATIONS="4096", CHATCTL_PORT=str(steady_port())) as server:
        port = server.port
        ann = Client(port=port, name="ann", secret="ann's").start()
        try:
            assert ann.may_register
            assert ann.account is None
            ann.register("sesame street")
            for event in ann.events(timeout=10):
                if isinstance(event, e.ServerNotice) and event.code == "REGISTER":
                    break
            assert ann.account == "ann"
            assert not ann.may_register
            server.stop()
            with ServeProcess(tmp_path, CHATCTL_PORT=str(port)):
                for event in ann.events(timeout=30):
                    assert not isinstance(event, e.Disconnected), event
                    if isinstance(event, e.Reconnected):
                        break
                assert (ann.online, ann.name, ann.account) == (True, "ann", "ann")
        finally:
            ann.stop()


def test_registration_is_not_offered_if_it_is_closed(tmp_path: Path) -> None:
    with (
        ServeProcess(tmp_path, CHATCTL_ACCOUNTS__REGISTRATION="closed") as server,
        Client(port=server.port, name="ann", secret="ann's") as ann,
    ):
        assert not ann.may_register
